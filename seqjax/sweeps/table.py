"""The result of a sweep as text."""

import math
from collections.abc import Sequence

from seqjax.report import scales, score_table
from seqjax.sweeps import summary
from seqjax.sweeps import trial as trials

# Lines of settings; with what is said around them, 40 in all.
_MOST = 34
_LONGEST = 24  # characters of a setting


def table(
  groups: Sequence[summary.Group], metric: str, higher_is_better: bool = False
) -> str:
  """A line for each setting, the best first.

  Args:
    groups: at least one, in the order of `summary.groups`.
    metric: its name.
    higher_is_better: as of an accuracy; else as of a loss.

  Example:
    >>> done = ('done', 'done')
    >>> a = summary.Group({'cell': 'gru'}, ('g0', 'g1'), (1, 1.2), done)
    >>> b = summary.Group({'cell': 'lru'}, ('l0', 'l1'), (4, 4.5), done)
    >>> print(table([a, b], 'loss'))
    2 settings, 4 trials: 4 done. By loss, lower is better.
    Each mean is over n seeds, with its 95 % interval.
    cell   mean  ± 95 %  n   best  worst
    gru   1.100     1.3  2  1.000  1.200
    lru   4.250     3.2  2  4.000  4.500
    Best run: g0 (1.000)
  """
  shown, seeds = groups[:_MOST], max(len(group.names) for group in groups)
  names = list(groups[0].settings)
  columns = [
    (x, [scales.short(g.settings[x], _LONGEST) for g in shown]) for x in names
  ]
  columns.append(('mean', [_number(g.mean, 4) for g in shown]))
  if seeds > 1:
    spread = higher_is_better, not higher_is_better
    best, worst = ([g.best(higher) for g in shown] for higher in spread)
    columns += [
      ('± 95 %', [_number(g.half_width, 2) for g in shown]),
      ('n', [str(len(g.finite)) for g in shown]),
      ('best', [_number(x, 4) for x in best]),
      ('worst', [_number(x, 4) for x in worst]),
    ]
  for status in _failures(groups):
    columns.append((status, [str(g.count(status) or '') for g in shown]))
  rows = zip(*([head, *cells] for head, cells in columns), strict=True)
  words = [i for i, x in enumerate(names) if not _is_number(groups[0], x)]
  return '\n'.join(
    [
      *_head(groups, metric, higher_is_better, seeds),
      score_table.aligned(list(rows), left=words),
      *_rest(groups[_MOST:]),
      *_best_run(groups[0], higher_is_better),
    ]
  )


def _head(groups, metric, higher_is_better, seeds) -> list[str]:
  n = sum(len(group.names) for group in groups)
  ends = [f'{_total(groups, x)} {x}' for x in ('done', *_failures(groups))]
  lines = [
    f'{_counted(len(groups), "setting")}, {_counted(n, "trial")}: '
    f'{", ".join(ends)}. '
    f'By {metric}, {"higher" if higher_is_better else "lower"} is better.'
  ]
  if seeds == 1:
    return [*lines, 'One seed each, so no mean has an interval.']
  single = any(len(group.finite) == 1 for group in groups)
  lines.append(
    'Each mean is over n seeds, with its 95 % interval'
    + ('; a single seed has none.' if single else '.')
  )
  if any(group.finite and not group.whole for group in groups):
    lines.append(
      'Where a seed has no score the mean is of the others, and stands behind.'
    )
  return lines


def _rest(groups) -> list[str]:
  if not groups:
    return []
  ends = ', '.join(f'{_total(groups, x)} {x}' for x in _failures(groups))
  return [
    f'and {_counted(len(groups), "setting")} more'
    + (f' ({ends})' if ends else '')
    + ' in sweep.jsonl'
  ]


def _best_run(group, higher_is_better) -> list[str]:
  """The best run of the best setting; none where no trial has a score."""
  if not group.finite:
    return []
  score = group.best(higher_is_better)
  name = group.names[group.scores.index(score)]
  return [f'Best run: {name} ({_number(score, 4)})']


def _failures(groups) -> list[str]:
  """The ways to end, other than 'done', that there were."""
  return [x for x in trials.STATUSES[1:] if _total(groups, x)]


def _total(groups, status: str) -> int:
  return sum(group.count(status) for group in groups)


def _counted(n: int, what: str) -> str:
  return f'{n:,} {what}' + ('' if n == 1 else 's')


def _number(x: float, digits: int) -> str:
  # With its last zeros, so that points stand below one another.
  return '-' if math.isnan(x) else f'{x:#.{digits}g}'.rstrip('.')


def _is_number(group, name: str) -> bool:
  return type(group.settings[name]) in (int, float)
