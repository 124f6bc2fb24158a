"""What cannot work: is it said in a sentence, with nothing lost?

Each case is a command that must be refused, or a place that fails it. The table
has the exit code and the last line that it printed.
"""

import os
import pathlib
import resource
import signal
import subprocess
import tempfile

from benchmarks import _small_runs

_NAME = 'char_lm'


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each case, and what was wrong."""
  rows, wrong = [], []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _small_runs.write_files(folder)
    whole = folder / 'runs' / _NAME
    whole.parent.mkdir()
    _small_runs.whole(_NAME, whole)
    expected = _small_runs.contents(whole)
    cases = _CASES if not options.short else {'other flags': _other_flags}
    for case, refused in cases.items():
      workdir, (code, _, err) = refused(folder, whole)
      line = err.strip().rpartition('\n')[2].replace(f'{folder}/', '')
      rows.append({'case': case, 'exit': code, 'says': line})
      if code != 1 or not line.startswith('error: '):
        wrong.append(f'{case}: exit {code}, {line}')
      # Without what was in the way, it ends as if nothing had happened.
      if workdir is not None:
        code, _, err = _small_runs.finish(_NAME, workdir)
        found = _small_runs.contents(workdir)
        differ = _small_runs.differences(expected, found)
        if code or differ:
          wrong.append(f'{case}: then exit {code} {err}, {differ} differ')
  return rows, wrong


# Each gives the run that the same command must finish or find whole, None where
# there is none, and what the refused command left: exit code, stdout, stderr.


def _other_flags(folder, whole):
  return whole, _small_runs.finish(_NAME, whole, '--hidden_size=9')


def _other_data(folder, whole):
  path = folder / 'text.txt'
  text = path.read_text()
  path.write_text(text[::-1])
  refused = _small_runs.finish(_NAME, whole, '--steps=999')
  path.write_text(text)
  return whole, refused


def _no_run(folder, whole):
  workdir = whole.parent / 'none'
  return None, _small_runs.finish(_NAME, workdir, '--mode=evaluate')


def _a_file(folder, whole):
  workdir = folder / 'text.txt' / _NAME
  return None, _small_runs.finish(_NAME, workdir, cwd=folder)


def _full_disk(folder, whole):
  """A limit on the size of files, which no checkpoint is within."""
  workdir = folder / 'full' / _NAME
  workdir.parent.mkdir()
  state = max(x.stat().st_size for x in whole.rglob('state/checkpoint/*'))
  limit = (state + (whole / 'metrics.jsonl').stat().st_size) // 2
  with _small_runs.start(_NAME, workdir, stderr=subprocess.PIPE) as process:
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    err = process.stderr.read()
  return workdir, (process.returncode, '', err)


def _read_only(folder, whole):
  """A folder that nobody may write to, not even root without that right."""
  workdir = folder / 'read_only' / _NAME
  workdir.parent.mkdir()
  workdir.parent.chmod(0o555)
  drop = ('setpriv', '--bounding-set=-dac_override') if not os.getuid() else ()
  refused = _small_runs.finish(_NAME, workdir, prefix=drop)
  workdir.parent.chmod(0o755)
  return workdir, refused


def _second_writer(folder, whole):
  """Beside a process that is stopped, and then killed: its lock is stale."""
  workdir = folder / 'second' / _NAME
  workdir.parent.mkdir()
  with _small_runs.start(_NAME, workdir) as first:
    _small_runs.wait_for(workdir, 1, first)
    first.send_signal(signal.SIGSTOP)
    refused = _small_runs.finish(_NAME, workdir)
    first.kill()
  return workdir, refused


_CASES = {
  'other flags': _other_flags,
  'other data': _other_data,
  'no run to read': _no_run,
  'a file for a folder': _a_file,
  'full disk': _full_disk,
  'read-only folder': _read_only,
  'second writer': _second_writer,
}
