"""What a trial came to, as one number."""

import math

from seqjax import errors
from seqjax.sweeps import trial as trials


def score(outcome: trials.Outcome, metric: str) -> float:
  """The metric; NaN where it is not finite, or the trial did not end well.

  Raises:
    UserError: the trial is done and has no such metric.

  >>> score(trials.Outcome('done', {'loss': 2}, 1.0), 'loss')
  2.0
  >>> score(trials.Outcome('diverged', {}, 1.0), 'loss')
  nan
  """
  if outcome.status != 'done':
    return math.nan
  if metric not in outcome.metrics:
    raise errors.unknown('metric', metric, outcome.metrics)
  value = float(outcome.metrics[metric])
  return value if math.isfinite(value) else math.nan
