"""Runs of seconds, by their command lines, on files made here.

The underscore keeps it off the list of benchmarks.
"""

import atexit
import functools
import hashlib
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from seqjax.training import logs

ROOT = pathlib.Path(__file__).parents[1]
STEPS, EVAL_EVERY, CHECKPOINT_EVERY = 240, 80, 20
# Files that differ from run to run: where it stands, the clock, whose it is.
_OWN = ('config.json', 'timing.jsonl', 'lock')

_TIMES = (
  f'--steps={STEPS}',
  f'--eval_every={EVAL_EVERY}',
  f'--checkpoint_every={CHECKPOINT_EVERY}',
)
_NETWORK = ('--cell=gru', '--hidden_size=8', '--dropout_rate=0.1')
_TABLES = ('--max_compilations=1', '--batch_size=8', '--embedding_size=6')
EXPERIMENTS = {
  'char_lm': (
    *('--text_file=text.txt', '--update_every=16', '--batch_size=8'),
    *('--length=20', '--num_layers=2'),
  ),
  'sentiment': (
    *('--train_file=labels.tsv', '--test_file=labels.tsv', '--max_length=9'),
    *('--bidirectional=false', *_TABLES),
  ),
  'tagging': (
    *('--train_file=tags.txt', '--valid_file=tags.txt', '--max_length=9'),
    *('--test_file=tags.txt', '--character_hidden_size=4', *_TABLES),
  ),
  'forecasting': (
    *('--train_file=series.csv', '--time_column=day', '--horizon=4'),
    *('--target_columns=sold', '--decoder_size=8', '--window=14'),
    *('--context=14', '--batch_size=4'),
  ),
  'translation': (
    *('--train_file=pairs.tsv', '--test_fraction=0.2', '--valid_fraction=0.2'),
    *('--max_length=9', '--max_written=9', *_TABLES),
  ),
}


def write_files(folder: pathlib.Path) -> None:
  """What the experiments learn from: pseudo-random, always the same."""
  rng = random.Random(0)
  words = [''.join(rng.choices('abcde', k=rng.randint(2, 4))) for _ in range(9)]
  lines = [rng.choices(words, k=rng.randint(2, 6)) for _ in range(120)]
  lines = [list(x) for x in dict.fromkeys(map(tuple, lines))]
  texts = [' '.join(line) for line in lines]
  content = {
    'text.txt': [*texts] * 4,
    'labels.tsv': ['label\ttext']
    + [f'{("no", "yes")["a" in x[0]]}\t{" ".join(x)}' for x in lines],
    'tags.txt': [
      '\n'.join(f'{word}\t{"AN"["e" in word]}' for word in line) + '\n'
      for line in lines
    ],
    'series.csv': ['day,sold']
    + [
      f'2024-{1 + i // 28:02}-{1 + i % 28:02},{i % 7 + rng.random():.3f}'
      for i in range(160)
    ],
    'pairs.tsv': [f'{x}\t{x[::-1]}' for x in texts],
  }
  for name, rows in content.items():
    (folder / name).write_text('\n'.join(rows) + '\n')


@functools.cache
def _cache() -> str:
  """Where programs are kept, compiled once for all parts and by none before."""
  folder = tempfile.TemporaryDirectory()
  atexit.register(folder.cleanup)
  return folder.name


def start(
  name: str,
  workdir: pathlib.Path,
  *flags: str,
  usual: bool = False,
  prefix: Sequence[str] = (),
  restarts: int = 0,
  **options,
) -> subprocess.Popen:
  """Starts an experiment.

  Args:
    name: of the experiment.
    workdir: of the run, two folders below the files of `write_files`.
    *flags: added to the command; they win over the small settings.
    usual: with the settings and data that the experiment has by itself.
    prefix: a command that starts the command.
    restarts: how many a supervisor may make; 0 is without one.
    **options: of `subprocess.Popen`.
  """
  folder = pathlib.Path(options.pop('cwd', workdir.parent.parent))
  small = () if usual else (*_NETWORK, *_TIMES, *EXPERIMENTS[name])
  settings = {
    flag.partition('=')[0]: flag
    for flag in (*small, f'--workdir={workdir}', *flags)
  }
  environment = os.environ | {
    'PYTHONPATH': str(ROOT),
    'XDG_CACHE_HOME': _cache(),
  }
  modules = [f'experiments.{name}']
  if restarts:
    modules = [
      'seqjax.supervisor',
      f'--max_restarts={restarts}',
      '--',
      *modules,
    ]
  return subprocess.Popen(
    [*prefix, sys.executable, '-m', *modules, *settings.values()],
    cwd=folder,
    text=True,
    **{'stdout': subprocess.DEVNULL, 'env': environment} | options,
  )


def finish(name: str, workdir, *flags: str, **options) -> tuple[int, str, str]:
  """Runs an experiment to its end: exit code, stdout, stderr."""
  pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
  with start(name, workdir, *flags, **pipes | options) as process:
    out, err = process.communicate()
  return process.returncode, out, err


def whole(name: str, workdir) -> float:
  """Trains a run that nothing disturbs.

  Returns:
    Seconds from its start to the line of its first step.
  """
  began = time.monotonic()
  with start(name, workdir, stderr=subprocess.PIPE) as process:
    wait_for(workdir, 1, process)
    seconds = time.monotonic() - began
    err = process.stderr.read()
  if process.returncode:
    sys.exit(f'error: the unbroken run of {name} failed: {err}')
  return seconds


def wait_for(workdir, step: float, process: subprocess.Popen) -> None:
  """Returns when a step is in metrics.jsonl, or the process has ended."""
  while last_step(workdir) < step and process.poll() is None:
    time.sleep(0.005)


def last_step(workdir: pathlib.Path) -> int:
  """The last update that metrics.jsonl tells of; 0 without any."""
  try:
    lines = (workdir / 'metrics.jsonl').read_bytes().split(b'\n')[:-1]
  except FileNotFoundError:
    return 0
  return json.loads(lines[-1])['step'] if lines else 0


def train_steps(workdir) -> list[int]:
  """The updates in metrics.jsonl, in its order."""
  lines = logs.read_metrics(workdir / 'metrics.jsonl')
  return [
    line['step'] for line in lines if any(k.startswith('train/') for k in line)
  ]


def contents(workdir: pathlib.Path) -> dict[str, str]:
  """{name: SHA-256} of all that a run must have in common with another.

  Of checkpoints it is the newest, by its metadata: the SHA-256 of each array.
  """
  found = {}
  for path in sorted(workdir.rglob('*')):
    name = path.relative_to(workdir)
    if path.is_file() and not {'checkpoints', 'best'} & set(name.parts):
      if name.name not in _OWN:
        found[str(name)] = path
  for folder in ('checkpoints', 'best'):
    steps = [x for x in workdir.glob(f'{folder}/*') if x.name.isdecimal()]
    if steps:
      newest = max(steps, key=lambda x: int(x.name))
      found[f'{folder}/{newest.name}'] = newest / 'meta' / 'metadata'
  return {
    name: hashlib.sha256(path.read_bytes()).hexdigest()
    for name, path in found.items()
  }


def differences(expected: dict[str, str], found: dict[str, str]) -> list[str]:
  """The names whose contents differ, or that only one has."""
  names = expected.keys() | found.keys()
  return sorted(x for x in names if expected.get(x) != found.get(x))


def stop(process: subprocess.Popen, signum: int, patience: float) -> float:
  """Sends a signal, and gives the seconds until the process has ended.

  One that goes on for longer than the patience, in seconds, is killed.
  """
  began = time.monotonic()
  process.send_signal(signum)  # Does nothing to what has ended.
  try:
    process.wait(patience)
  except subprocess.TimeoutExpired:
    process.kill()
  return time.monotonic() - began
