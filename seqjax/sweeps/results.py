"""What is said of a sweep: each trial as it ends, and what came of them all."""

import dataclasses
import json
import math
import pathlib
import time
from collections.abc import Iterable

from seqjax import errors, files
from seqjax.report import sweep_figures
from seqjax.sweeps import (
  command,
  driver,
  estimate,
  record,
  summary,
  table,
  winner,
)
from seqjax.sweeps import trial as trials

_SHOWN = 5  # trials that failed


class Sayer:
  """Says how long a sweep will take, and how each trial ended.

  Args:
    sweep: that is run.
    known: trials that had ended before.
    count: all trials, those among them.
  """

  def __init__(self, sweep: command.Sweep, known: int, count: int):
    self._sweep, self._known, self._count = sweep, known, count
    self._ended, self._began = 0, time.monotonic()
    left = max(count - known, 0)
    steps = sweep.space.config_class(**sweep.space.fixed).steps
    # Halving has said how many updates there are.
    self._estimate = estimate.Estimate(sweep.directory, left * steps)
    self._is_estimated = sweep.options.search == 'halving'
    noun = 'trial has' if known == 1 else 'trials have'
    before = f': {known:,} {noun} ended before' if known else ''
    print(f'{sweep.directory}{before}')

  def watch(self, under_way: Iterable[trials.Trial]) -> None:
    """Says once how long all will take, as soon as that can be known."""
    if not self._is_estimated and not self._ended:
      seconds = self._estimate.look(under_way)
      if seconds is not None:
        print(
          f'About {_duration(seconds)} in all, by the first updates and '
          'without evaluations.'
        )
        self._is_estimated = True

  def __call__(self, trial: trials.Trial, outcome: trials.Outcome) -> None:
    self._ended += 1
    number = self._known + self._ended
    of = f'  to step {trial.steps:,}'
    if self._sweep.options.search != 'halving':
      left = max(self._count - number, 0)
      each = (time.monotonic() - self._began) / self._ended
      of = f'/{self._count:,}'
      of += f'  {_duration(left * each)} left' if left else ''
    swept = {x: trial.settings[x] for x in self._sweep.swept}
    print(
      f'{number:,}{of}  {trial.name}  {record.flags(swept)}  '
      f'{_shown(self._sweep, trial, outcome)}'
    )


def conclude(sweep: command.Sweep, rows: driver.Rows) -> None:
  """Prints the table, draws the figures, and trains the winner alone if asked.

  Raises:
    UserError: trials failed.
  """
  if any(outcome.status == 'done' for _, outcome in rows):
    metric, higher = _metric(sweep, rows)
    groups = summary.groups(rows, sweep.swept, metric, higher)
    text = table.table(groups, metric, higher)
    files.atomic_write(sweep.directory / 'table.txt', f'{text}\n')
    drawn = sweep_figures.draw(
      sweep.directory,
      [_without_steps(group, sweep.swept) for group in groups],
      metric=metric,
      higher_is_better=higher,
    )
    print(f'\n{text}\n')
    print(f'{drawn[0].parent}: {", ".join(path.name for path in drawn)}')
    best = groups[0].best(higher)
    if math.isfinite(best):
      print(_how_to_use(sweep, rows, groups[0], best))
    if sweep.options.rerun_best and math.isfinite(best):
      run = winner.rerun(sweep, rows, groups[0], best)
      alone = run.read_result()['metrics'][metric]
      print(f'{metric}: {alone:.4g} alone, {best:.4g} in the sweep.')
  failed = [row for row in rows if row[1].status == 'failed']
  if failed:
    words = [f'  {trial.name}: {x.error}' for trial, x in failed[:_SHOWN]]
    more = f'\n  and {len(failed) - _SHOWN} more' * (len(failed) > _SHOWN)
    raise errors.UserError(
      f'{len(failed)} of {len(rows)} trials failed; mend what they say, and '
      'add --retry:\n' + '\n'.join(words) + more
    )


def _how_to_use(sweep, rows, group, best) -> str:
  trial = winner.find(rows, group, best)
  path = sweep.directory / trial.name
  return (
    f'A run like any other: ./launch.sh {sweep.experiment} --mode=... '
    f'--workdir={path}\nIts flags: {record.flags(trial.settings)}'
  )


def _without_steps(group, swept) -> summary.Group:
  """How far halving took a trial is no setting of it."""
  settings = {x: group.settings[x] for x in swept if x in group.settings}
  return dataclasses.replace(group, settings=settings)


def _metric(sweep, rows) -> tuple[str, bool]:
  """What decides, and whether more of it is better."""
  if sweep.options.metric:
    return sweep.options.metric, sweep.options.higher_is_better
  name = next(trial.name for trial, x in rows if x.status == 'done')
  path = pathlib.Path(sweep.directory, name, 'best', 'metric.json')
  try:
    content = json.loads(path.read_text())
  except FileNotFoundError:
    raise errors.UserError(
      f'{sweep.experiment} has no metric of its own: name one with --metric, '
      f'as in {sweep.directory / name / "result.json"}. The trials are kept.'
    ) from None
  return content['metric'], content['higher_is_better']


def _shown(sweep, trial, outcome) -> str:
  if outcome.status != 'done':
    return f'{outcome.status}: {outcome.error}'
  metric, _ = _metric(sweep, [(trial, outcome)])
  if metric not in outcome.metrics:
    raise errors.unknown('metric', metric, outcome.metrics)
  return f'{metric} {outcome.metrics[metric]:.4g}  {outcome.seconds:.1f} s'


def _duration(seconds: float) -> str:
  """
  >>> _duration(50), _duration(4000)
  ('50 s', '1.1 h')
  """
  for unit, size in {'d': 86_400, 'h': 3600, 'min': 60}.items():
    if seconds >= 1.5 * size or unit != 'min' and seconds >= size:
      return f'{seconds / size:.1f} {unit}'
  return f'{seconds:.0f} s'
