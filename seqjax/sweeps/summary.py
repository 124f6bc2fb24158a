"""What a sweep found, over the seeds of each setting."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seqjax.sweeps import scores
from seqjax.sweeps import trial as trials

# Of the interval of a mean.
CONFIDENCE = 0.95


@dataclasses.dataclass(frozen=True)
class Group:
  """Trials that differ in the seed alone, by name.

  Attributes:
    settings: what they have in common of what the sweep varies.
    names: of the n trials, sorted.
    scores: the metric of each, n numbers; NaN where there is no finite one.
    statuses: 'done', 'diverged' or 'failed', n of them; 'done' exactly where
      the score is finite.

  Example:
    >>> scores = 1.0, 2.0, math.nan
    >>> statuses = 'done', 'done', 'diverged'
    >>> x = Group({'cell': 'gru'}, ('a', 'b', 'c'), scores, statuses)
    >>> x.finite, x.mean, round(x.half_width, 2), x.count('diverged')
    ((1.0, 2.0), 1.5, 6.35, 1)
  """

  settings: Mapping[str, Any]
  names: tuple[str, ...]
  scores: tuple[float, ...]
  statuses: tuple[str, ...]

  @property
  def finite(self) -> tuple[float, ...]:
    """The scores that are numbers, at most n."""
    return tuple(x for x in self.scores if math.isfinite(x))

  @property
  def whole(self) -> bool:
    """Whether every trial has a score."""
    return len(self.finite) == len(self.scores)

  @property
  def mean(self) -> float:
    """Of the finite scores; NaN where there is none."""
    found = self.finite
    return math.fsum(found) / len(found) if found else math.nan

  @property
  def half_width(self) -> float:
    """Of the interval that holds the mean over all seeds, were they tried.

    Student's t with one degree of freedom less than there are finite scores; a
    single one has no interval: NaN.
    """
    from scipy import special

    n, mean = len(self.finite), self.mean
    if n < 2:
      return math.nan
    variance = math.fsum((x - mean) ** 2 for x in self.finite) / (n - 1)
    quantile = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2))
    return quantile * math.sqrt(variance / n)

  def best(self, higher_is_better: bool) -> float:
    """Of the finite scores; NaN where there is none."""
    return (max if higher_is_better else min)(self.finite, default=math.nan)

  def count(self, status: str) -> int:
    """How many trials ended so."""
    return self.statuses.count(status)


def groups(
  rows: Iterable[tuple[trials.Trial, trials.Outcome]],
  swept: Sequence[str],
  metric: str,
  higher_is_better: bool = False,
) -> list[Group]:
  """What each setting came to, the best mean first.

  A group of which a seed has no score stands behind all that are whole: the
  mean of the seeds that survived flatters it. What has no score at all is last.

  Of a trial that stopped at several steps the last counts. Where trials stopped
  at different ones, though `steps` is not swept, it becomes a setting, and who
  went further comes first: that is whom the search preferred.

  Args:
    rows: trials that ended, in any order; the result does not depend on it.
    swept: the names of the fields that differ, in the order to show them; every
      trial's settings hold them.
    metric: its name in the outcomes, such as 'valid/accuracy'.
    higher_is_better: as of an accuracy; else as of a loss.

  Raises:
    UserError: a trial is done and has no such metric.

  Example:
    >>> def row(seed, loss):
    ...   trial = trials.Trial(f'lstm-s{seed}', {'seed': seed}, '', 9)
    ...   return trial, trials.Outcome('done', {'loss': loss}, 1.0)
    >>> (group,) = groups([row(1, 3.0), row(0, 1.0)], ['seed'], 'loss')
    >>> group.names, group.scores, group.mean
    (('lstm-s0', 'lstm-s1'), (1.0, 3.0), 2.0)
  """
  last = {
    trial.name: (trial, outcome)
    for trial, outcome in sorted(rows, key=lambda row: row[0].key)
  }
  stopped = 'steps' not in swept and 1 < len(
    {trial.steps for trial, _ in last.values()}
  )
  members = {}
  for trial, outcome in last.values():
    settings = {x: trial.settings[x] for x in swept if x != 'seed'}
    settings |= {'steps': trial.steps} if stopped else {}
    members.setdefault(tuple(settings.items()), []).append((trial, outcome))

  sign = -1 if higher_is_better else 1

  def rank(group):
    return (
      -group.settings['steps'] if stopped else 0,
      not group.finite,
      not group.whole,
      sign * group.mean if group.finite else 0.0,  # NaN has no order.
      tuple(group.settings.values()),
    )

  return sorted(
    (_group(dict(key), found, metric) for key, found in members.items()),
    key=rank,
  )


def _group(settings, members, metric) -> Group:
  found = [scores.score(outcome, metric) for _, outcome in members]
  return Group(
    settings,
    tuple(trial.name for trial, _ in members),
    tuple(found),
    tuple(
      # What trained well, and whose metric is no number all the same.
      'diverged'
      if outcome.status == 'done' and math.isnan(score)
      else outcome.status
      for (_, outcome), score in zip(members, found, strict=True)
    ),
  )
