"""32 trials: as a sweep, as runs one after another, and in torch.

All three train the same network on the same batches. A run of ours evaluates
and writes a sample at the start, in the middle and at the end, saves its state
and draws its curves; torch, in one process that has imported it once, has its
batches ready in a file, evaluates at the end alone, and writes nothing. The
sweep comes first and last, and the others in turns between, so that a change in
the machine's speed meets all. What is compiled is kept on disk, as always: the
first sweep finds nothing there, all that follows finds everything.
"""

import contextlib
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

from benchmarks import _small_runs, _sweep_runs
from experiments import char_lm
from seqjax import data

_GRID = {
  'learning_rate': ('1e-3', '2e-3', '4e-3', '8e-3'),
  'clip_norm': ('0.5', '1'),
  'seed': ('0', '1', '2', '3'),
}
_SHORT_GRID = {'learning_rate': ('4e-3', '8e-3'), 'seed': ('0', '1')}
_STEPS = 200
_TURNS = 4
_METRIC = 'valid/bits_per_char'
# Means over seeds, ours and torch's, may lie this far apart.
_LIMIT = 0.05


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each way, and what was wrong."""
  grid = _SHORT_GRID if options.short else _GRID
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    cold = _sweep(folder, 'cold', grid)
    lines = _sweep_runs.lines(folder / 'cold')
    alone = lines[:2] if options.short else lines
    _sweep_runs.finish_alone(folder, 'first', lines[0])
    warm = [_sweep(folder, 'before', grid)]
    separate, theirs, bits = [], [], []
    with _torch(folder, lines[0]) as (torch_started, train):
      for turn in range(_TURNS):
        separate += [
          _sweep_runs.finish_alone(folder, 'alone', line)
          for line in alone[turn::_TURNS]
        ]
        for line in lines[turn::_TURNS] if train else ():
          began = time.monotonic()
          bits.append((line, train(_sweep_runs.settings(line))))
          theirs.append(time.monotonic() - began)
    warm.append(_sweep(folder, 'after', grid))
    wrong = _check(folder, alone)
  wrong += _check_bits(bits)

  print(f'Seconds of the sweeps: {_list([cold, *warm])}')
  print(f'Seconds of the runs: {_list(separate)}')
  each = statistics.median(warm) / len(lines)
  ways = {
    'a sweep': (len(lines), statistics.median(warm)),
    'a sweep, nothing compiled before': (len(lines), cold),
    'runs one after another': (len(separate), sum(separate)),
  }
  if theirs:
    print(f'Seconds of torch: {torch_started:.1f} to start, {_list(theirs)}')
    ways['torch, one process'] = (len(theirs), torch_started + sum(theirs))
  return [
    {
      'way': way,
      'trials': trials,
      'seconds': seconds,
      'a trial (s)': seconds / trials,
      'times the sweep': seconds / trials / each,
    }
    for way, (trials, seconds) in ways.items()
  ], wrong


def _list(seconds) -> str:
  return ' '.join(f'{x:.1f}' for x in seconds)


def _sweep(folder, name, grid) -> float:
  grids = [f'--grid={field}={",".join(x)}' for field, x in grid.items()]
  flags = (*_sweep_runs.FLAGS, f'--steps={_STEPS}', f'--workdir={name}')
  return _sweep_runs.finish(folder, 'sweep', 'char_lm', *grids, *flags)


@contextlib.contextmanager
def _torch(folder, line):
  """The seconds until torch is there, and settings -> its final metric."""
  if not importlib.util.find_spec('torch'):
    print('torch is not installed, and left out.')
    yield 0.0, None
    return
  path = folder / 'batches.npz'
  np.savez(path, **_batches(_sweep_runs.settings(line)))
  began = time.monotonic()
  with subprocess.Popen(
    [sys.executable, '-m', 'benchmarks._sweep_torch', path],
    cwd=_small_runs.ROOT,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  ) as process:

    def train(settings):
      process.stdin.write(json.dumps(settings) + '\n')
      process.stdin.flush()
      return float(process.stdout.readline())

    process.stdout.readline()
    yield time.monotonic() - began, train


def _batches(settings) -> dict[str, np.ndarray]:
  """What char_lm reads: [N, T, B] arrays to train on, and to evaluate on.

  A target without a weight is -100, which torch leaves out by itself.
  """
  rows, window = int(settings['batch_size']), int(settings['update_every'])
  config = char_lm.Config()
  text = char_lm.read_text(config).text
  train_text, valid_text = data.split(text, config.valid_fraction)
  vocabulary = data.character_vocabulary(train_text, config.min_count)
  found = {'symbols': np.array(len(vocabulary))}
  for part, content, steps in (
    ('train', train_text, int(settings['steps'])),
    ('valid', valid_text, None),
  ):
    streams = data.Streams(vocabulary.encode(content), rows, window)
    batches = map(streams, range(steps or streams.batches_per_epoch))
    inputs, targets, resets = zip(
      *(
        (x.inputs, np.where(x.weights > 0, x.targets, -100), x.resets[0].all())
        for x in batches
      ),
      strict=True,
    )
    found[f'{part}_inputs'] = np.stack(inputs)
    found[f'{part}_targets'] = np.stack(targets).astype(np.int64)
    found[f'{part}_resets'] = np.stack(resets)
  return found


def _check(folder, alone) -> list[str]:
  """The trials that did not end well, or not the same each time and alone."""
  names = ('cold', 'before', 'after')
  first, *again = (
    {x['trial']: x.get(_METRIC) for x in _sweep_runs.lines(folder / name)}
    for name in names
  )
  wrong = [f'{name} has no metric' for name, x in first.items() if x is None]
  wrong += ['the same sweep came to other metrics' for x in again if x != first]
  for line in alone:
    name = line['trial']
    result = json.loads((folder / 'alone' / name / 'result.json').read_text())
    metric = result['metrics'][_METRIC]
    if metric != first[name]:
      wrong.append(f'{name}: {metric} alone, {first[name]} in the sweep')
  return wrong


def _check_bits(bits) -> list[str]:
  """Where torch does not learn what we do, in the mean over seeds."""
  pairs = {}
  for line, theirs in bits:
    settings = _sweep_runs.settings(line)
    del settings['seed']
    words = ' '.join(f'{k}={settings[k]}' for k in settings if k in _GRID)
    pairs.setdefault(words, []).append((line[_METRIC], theirs))
  wrong = []
  for words, found in sorted(pairs.items()):
    ours, theirs = np.mean(found, axis=0)
    apart = abs(theirs - ours) / ours
    print(f'{words}: {_METRIC} {ours:.3f}, torch {theirs:.3f} ({apart:.1%})')
    if not apart <= _LIMIT:  # NaN neither.
      wrong.append(f'{words}: {ours:.3f}, and torch has {theirs:.3f}')
  return wrong
