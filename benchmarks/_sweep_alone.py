"""A member of a sweep against the same trial alone.

Trials with other rates of dropout and other forget biases run as a sweep of two
workers, one after another in each, and as a population by `vmap`; then each
alone, by a command of its own. One after another every byte must be the same:
metrics.jsonl, result.json, samples, figures, settings and each array of the
last checkpoint. By `vmap` the score before the first update must be the same,
and how far the losses part from there is the table's to tell.
"""

import pathlib
import tempfile

from benchmarks import _sweep_runs
from seqjax.training import logs

_GRIDS = ('--grid=dropout_rate=0.1,0.3', '--grid=forget_bias=1,2')
_WORKERS = {'sequential': 2, 'vmap': 1}
_STEPS, _SHORT_STEPS = 200, 10
_SHOWN = (0, 1, 10, 100, 200)


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each form, and what was wrong."""
  steps = _SHORT_STEPS if options.short else _STEPS
  flags = (*_sweep_runs.FLAGS, '--num_layers=2', f'--steps={steps}')
  rows, wrong = [], []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for form, workers in _WORKERS.items():
      how = (f'--form={form}', f'--workers={workers}', f'--workdir={form}')
      command = ('sweep', 'char_lm', *_GRIDS, *flags, *how)
      _sweep_runs.finish(folder, *command)
    members = _sweep_runs.lines(folder / 'sequential')
    for line in members:
      _sweep_runs.finish_alone(folder, 'alone', line)
    for form in _WORKERS:
      pairs = [
        (folder / 'alone' / line['trial'], folder / form / line['trial'])
        for line in members
      ]
      row, faults = _compare(form, pairs)
      rows.append(row)
      wrong += [f'{form}: {fault}' for fault in faults]
  return rows, wrong


def _compare(form, pairs) -> tuple[dict, list[str]]:
  """The row of a form, and what should not differ and does."""
  files = sum(len(_sweep_runs.contents(alone)) for alone, _ in pairs)
  differ = [
    f'{member.name}: {name} is not that of the run alone'
    for alone, member in pairs
    for name in _sweep_runs.differences(alone, member)
  ]
  apart = _apart([tuple(map(losses, pair)) for pair in pairs])
  row = {
    'form': form,
    'members': len(pairs),
    'files': files,
    'differ': len(differ),
  }
  row |= {f'step {step}': apart[step] for step in _SHOWN if step in apart}
  if form == 'sequential':
    return row, differ
  return row, [f'the scores before the first update differ: {apart[0]:.1e}'] * (
    apart[0] > 0
  )


def losses(workdir: pathlib.Path) -> dict[int, float]:
  """Nats per character of each update; at 0, of the held-out part."""
  found = {}
  for line in logs.read_metrics(workdir / 'metrics.jsonl'):
    name = 'train/nats_per_char' if line['step'] else 'valid/nats_per_char'
    if name in line:
      found[line['step']] = line[name]
  return found


def _apart(pairs) -> dict[int, float]:
  """By step, the greatest relative difference over pairs of losses.

  >>> _apart([({0: 4.0, 1: 2.0}, {0: 4.0, 1: 2.5}), ({0: 1.0}, {0: 1.5})])
  {0: 0.5, 1: 0.25}
  """
  apart = {}
  for expected, found in pairs:
    for step, loss in expected.items():
      difference = abs(found[step] - loss) / loss
      apart[step] = max(apart.get(step, 0.0), difference)
  return apart
