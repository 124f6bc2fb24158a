"""A sweep whose driver is killed at random instants: is a trial lost, or twice?

A sweep of 12 trials is left alone once. Another gets SIGKILLs and SIGTERMs, and
after each the same command again, until it has had all of them and may finish.
sweep.jsonl must have one line for each trial, table.txt and every file of the
trials must be those of the unbroken sweep, and no worker may live on. What a
SIGKILL leaves half written keeps the name of a temporary file, and is counted.
"""

import collections
import pathlib
import random
import signal
import statistics
import subprocess
import tempfile
import time
from typing import NamedTuple

from benchmarks import _small_runs, _sweep_runs

_STEPS = 60
_COMMAND = (
  *('sweep', 'char_lm', '--grid=learning_rate=2e-3,4e-3,8e-3'),
  *('--grid=seed=0,1,2,3', '--text_file=text.txt', '--cell=gru'),
  *('--hidden_size=8', '--embedding_size=6', '--batch_size=8'),
  *('--update_every=16', '--length=20', f'--steps={_STEPS}'),
  *('--eval_every=30', '--checkpoint_every=10'),
)
_TRIALS = 12
# A signal hits the start of a sweep this often, else its trials and the end.
_IN_START = 0.25
_START = 3  # seconds that it takes at least
_PATIENCE = 120  # seconds that a driver may take to end
_GRACE = 5  # seconds that its workers may live longer


class Hit(NamedTuple):
  """A signal that met a live driver: which, when, and how soon it ended."""

  signum: int
  phase: str  # start, trials or end
  seconds: float


def measure(options) -> tuple[list[dict], list[str]]:
  """The row of the table, and what was wrong."""
  rng = random.Random(options.seed)
  due = [signal.SIGKILL] * options.kills + [signal.SIGTERM] * options.terms
  rng.shuffle(due)
  wrong, hits, sweeps, starts, temporaries = [], [], 0, 0, 0
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _small_runs.write_files(folder)
    whole = folder / 'whole'
    _sweep_runs.finish(folder, *_COMMAND, f'--workdir={whole}')
    # Another one, should they all have ended before all signals were sent.
    while len(hits) < len(due):
      sweeps += 1
      workdir = folder / f'broken-{sweeps}'
      faults, tries = _break(folder, workdir, due, hits, rng)
      wrong += faults + _differences(whole, workdir)
      starts += tries
      temporaries += len(list(workdir.rglob('.*.tmp')))
    files = sum(
      len(_sweep_runs.contents(whole / line['trial']))
      for line in _sweep_runs.lines(whole)
    )
  _say(hits)
  row = {
    'kills': options.kills,
    'terms': options.terms,
    'sweeps': sweeps,
    'starts': starts,
    'trials': _TRIALS,
    'files': files,
    'temporaries': temporaries,
    'wrong': len(wrong),
  }
  return [row], wrong


def _say(hits) -> None:
  phases = collections.defaultdict(collections.Counter)
  for hit in hits:
    phases[signal.Signals(hit.signum).name][hit.phase] += 1
  for which, counts in sorted(phases.items()):
    counted = ', '.join(f'{phase} {n}' for phase, n in counts.most_common())
    print(f'{which} met: {counted}')
  if terms := [hit.seconds for hit in hits if hit.signum == signal.SIGTERM]:
    print(
      f'Seconds from SIGTERM to the exit: median {statistics.median(terms):.2f}'
      f', greatest {max(terms):.2f}'
    )


def _break(folder, workdir, due, hits, rng):
  """Runs until it is done, with signals while there are some due.

  Returns:
    What was wrong, and how often it was started.
  """
  wrong, starts = [], 0
  log, command = folder / 'output', (*_COMMAND, f'--workdir={workdir}')
  while True:
    hit, before = None, _updates(workdir)
    starts += 1
    with (
      open(log, 'w') as out,
      _sweep_runs.start(
        folder, *command, stdout=out, stderr=subprocess.STDOUT
      ) as process,
    ):
      if len(hits) < len(due):
        _wait(workdir, process, len(due) - len(hits), rng)
        hit = _send(due[len(hits)], process, workdir, before)
    wrong += _left_behind(workdir)
    said, code = log.read_text(), process.returncode
    if hit is None:
      wrong += [f'exit {code}: {said[-300:]}'] * (code != 0)
      return wrong, starts
    hits.append(hit)
    print(f'  {signal.Signals(hit.signum).name} in {hit.phase}', flush=True)
    ends = {-signal.SIGKILL} if hit.signum == signal.SIGKILL else {143}
    # Before the program has heard of signals, or when all is done.
    if hit.phase != 'trials':
      ends |= {-hit.signum}
    if code not in ends:
      wrong.append(f'{hit.phase}: exit {code}: {said[-300:]}')


def _wait(workdir, process, left, rng) -> None:
  """Until a random moment, such that all that are left may still hit."""
  if rng.random() < _IN_START:
    time.sleep(rng.uniform(0, _START))
    return
  made = _updates(workdir)
  far = (_TRIALS * _STEPS - made) / (left + 1)
  until = made + rng.uniform(0, 2 * far)
  while _updates(workdir) < until and process.poll() is None:
    time.sleep(0.02)
  time.sleep(rng.choice((0, rng.uniform(0, 0.5))))


def _updates(workdir) -> int:
  """How many all trials have made together."""
  logs = workdir.glob('*/metrics.jsonl')
  return sum(_small_runs.last_step(path.parent) for path in logs)


def _send(signum, process, workdir, before) -> Hit | None:
  """Sends a signal; None where the driver had nothing left to stop."""
  phase = _phase(workdir, before)
  seconds = _small_runs.stop(process, signum, _PATIENCE)
  return None if process.wait() == 0 else Hit(signum, phase, seconds)


def _phase(workdir, before) -> str:
  record = workdir / 'sweep.jsonl'
  if record.exists() and len(_sweep_runs.lines(workdir)) == _TRIALS:
    return 'end'
  return 'start' if _updates(workdir) == before else 'trials'


def _left_behind(workdir) -> list[str]:
  """The processes of a sweep that outlive its driver."""
  end = time.monotonic() + _GRACE
  while found := _processes(workdir):
    if time.monotonic() > end:
      return [f'left behind: {", ".join(found)}']
    time.sleep(0.05)
  return []


def _processes(workdir) -> list[str]:
  command = ['pgrep', '-f', '--', str(workdir)]
  found = subprocess.run(command, stdout=subprocess.PIPE, text=True)
  return found.stdout.split()


def _differences(whole, broken) -> list[str]:
  """What a broken sweep has that the unbroken one has not, or not so."""
  wrong = []
  expected, found = map(_ended, (whole, broken))
  if expected != found:
    twice = len(found) - len({line['trial'] for line in found})
    wrong.append(
      f'sweep.jsonl: {len(found)} lines, {twice} of them twice; expected '
      f'{len(expected)}, and other metrics in some'
    )
  tables = [(x / 'table.txt').read_bytes() for x in (whole, broken)]
  if tables[0] != tables[1]:
    wrong.append('table.txt is not that of the unbroken sweep')
  for line in expected:
    name = line['trial']
    for path in _sweep_runs.differences(whole / name, broken / name):
      wrong.append(f'{name}: {path} is not that of the unbroken sweep')
  return wrong


def _ended(workdir) -> list[dict]:
  """The lines of sweep.jsonl without what the clock decides."""
  return [
    {name: x for name, x in line.items() if name != 'seconds'}
    for line in _sweep_runs.lines(workdir)
  ]
