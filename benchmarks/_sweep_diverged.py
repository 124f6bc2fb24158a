"""A member that diverges, between two that do not.

Its learning rate is 1e3, with neither a limit on the gradient nor a cell that
saturates, so that its numbers overflow within a few updates. The same sweep is
run with a good rate in its place, and the others must be the same to the byte.
"""

import pathlib
import tempfile

from benchmarks import _small_runs, _sweep_runs

_GOOD, _BAD = '0.2', '1e3'
_OTHERS = '0.1', '0.4'
_FLAGS = (
  *('--optimizer=sgd', '--clip_norm=0', '--cell=elman_relu'),
  *('--text_file=text.txt', '--hidden_size=8', '--embedding_size=6'),
  *('--batch_size=8', '--update_every=16', '--length=20', '--workers=1'),
)


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each form, and what was wrong."""
  steps = 60 if options.short else 240
  rows, wrong = [], []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _small_runs.write_files(folder)
    for form in ('sequential', 'vmap'):
      sweeps = {}
      for rate in (_GOOD, _BAD):
        name = f'{form}-{rate}'
        rates = f'--grid=learning_rate={_OTHERS[0]},{rate},{_OTHERS[1]}'
        how = (f'--steps={steps}', f'--form={form}', f'--workdir={name}')
        command = ('sweep', 'char_lm', rates, *_FLAGS, *how)
        _sweep_runs.finish(folder, *command)
        sweeps[rate] = folder / name
      row, faults = _compare(form, sweeps)
      rows.append(row)
      wrong += [f'{form}: {fault}' for fault in faults]
  return rows, wrong


def _compare(form, sweeps) -> tuple[dict, list[str]]:
  """The row of a form, and what is not as it should be."""
  by_rate = {
    float(_sweep_runs.settings(line)['learning_rate']): line
    for line in _sweep_runs.lines(sweeps[_BAD])
  }
  bad = by_rate.pop(float(_BAD))
  wrong = []
  if bad['status'] != 'diverged':
    wrong.append(f'the rate of {_BAD} is {bad["status"]}, not diverged')
  files = 0
  for rate, line in by_rate.items():
    if line['status'] != 'done':
      wrong.append(f'the rate of {rate} is {line["status"]}')
    good, beside = (sweep / line['trial'] for sweep in sweeps.values())
    files += len(_sweep_runs.contents(good))
    for name in _sweep_runs.differences(good, beside):
      wrong.append(f'the rate of {rate}: {name} is another one')
  row = {
    'form': form,
    'others': len(by_rate),
    'files': files,
    'wrong': len(wrong),
    'it ended as': bad['status'],
    'for': bad['error'].partition('. ')[0],
  }
  return row, wrong
