"""Sweeps and runs by their command lines, and what they leave behind.

The underscore keeps it off the list of benchmarks.
"""

import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys
import time
from typing import Any

from benchmarks import _small_runs
from seqjax.training import logs

# A small LSTM on the text that every CPython carries.
FLAGS = (
  *('--hidden_size=64', '--embedding_size=32'),
  *('--batch_size=32', '--update_every=64'),
)


def start(folder: pathlib.Path, *command: str, **options) -> subprocess.Popen:
  """Starts a command of `./launch.sh`.

  Args:
    folder: where it is typed; what is compiled is kept in it, too.
    *command: the words after `./launch.sh`.
    **options: of `subprocess.Popen`.
  """
  environment = os.environ | {
    'SEQJAX_PYTHON': sys.executable,
    'XDG_CACHE_HOME': str(folder / 'cache'),
  }
  return subprocess.Popen(
    [_small_runs.ROOT / 'launch.sh', *command],
    cwd=folder,
    text=True,
    env=environment,
    **options,
  )


def finish(folder: pathlib.Path, *command: str) -> float:
  """Runs a command of `./launch.sh` to its end; the seconds that it took."""
  began = time.monotonic()
  with start(
    folder, *command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
  ) as process:
    err = process.stderr.read()
  if process.returncode:
    sys.exit(f'error: {shlex.join(command)} failed: {err}')
  return time.monotonic() - began


def finish_alone(
  folder: pathlib.Path, name: str, line: dict[str, Any]
) -> float:
  """Runs a trial of a sweep by itself, in `name/TRIAL`; its seconds."""
  workdir = f'--workdir={name}/{line["trial"]}'
  return finish(folder, 'char_lm', *shlex.split(line['flags']), workdir)


def lines(workdir: pathlib.Path) -> list[dict[str, Any]]:
  """Those of the sweep.jsonl of a sweep, in the order of the trials' names."""
  found = logs.read_metrics(workdir / 'sweep.jsonl')
  return sorted(found, key=lambda line: line['trial'])


def settings(line: dict[str, Any]) -> dict[str, str]:
  """What a trial was told, by name.

  >>> settings({'flags': '--learning_rate=0.1 --seed=3'})
  {'learning_rate': '0.1', 'seed': '3'}
  """
  words = shlex.split(line['flags'])
  return dict(word.removeprefix('--').split('=', 1) for word in words)


def contents(workdir: pathlib.Path) -> dict[str, str]:
  """{name: SHA-256} of all that a trial has in common with the run alone.

  To `_small_runs.contents` come the settings in config.json. What a run alone
  prints goes to no file, and a temporary one counts for nothing.
  """
  found = {
    name: digest
    for name, digest in _small_runs.contents(workdir).items()
    if name != 'output.txt' and not name.endswith('.tmp')
  }
  config = json.loads((workdir / 'config.json').read_text())
  del config['environment']
  text = json.dumps(config).encode()
  return found | {'config.json': hashlib.sha256(text).hexdigest()}


def differences(a: pathlib.Path, b: pathlib.Path) -> list[str]:
  """The files of two runs that differ, or that only one has."""
  return _small_runs.differences(contents(a), contents(b))
