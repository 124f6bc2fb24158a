"""How unusual the errors of a forecaster are, row by row, in O(1) of memory.

An error e_t >= 0 says how far a row was from what was expected of it. One large
error is often noise; errors that stay large are not.

  s_t = s_(t-1) + (e_t - s_(t-1)) / min(n, smoothing)
  score_t = (s_t - m_(t-1)) / max(d_(t-1), 0.01)

where m and d are mean and standard deviation of the s so far, over the last
`memory` rows or so: weights fall exponentially once n exceeds it. Nothing looks
ahead, so rows that arrive one by one have the scores of a whole table.

Source: the idea is the anomaly likelihood of Ahmad et al. (2017), Unsupervised
real-time anomaly detection for streaming data, which compares two moving means;
there windows, here exponential weights.
"""

import math
from typing import NamedTuple

import numpy as np

# Rows before the first score: a deviation of fewer means little.
LEAST_ROWS = 50
# In the unit of the errors. Values that repeat themselves have none.
_LEAST_DEVIATION = 0.01
# A larger error counts as this one: its square must leave room for the others.
MOST_ERROR = 1e6


class Surprise(NamedTuple):
  """What has been seen so far."""

  num_rows: int = 0
  smoothed: float = 0.0  # s
  mean: float = 0.0  # m
  variance: float = 0.0  # d^2


def update(
  state: Surprise, error: float, smoothing: int, memory: int
) -> tuple[Surprise, float]:
  """Scores one more row.

  Args:
    state: of the rows before it.
    error: of the row, where above `MOST_ERROR` makes no difference; NaN, where
      nothing could be compared, changes nothing.
    smoothing: rows, typically 1 (not at all) to 40.
    memory: rows, typically a few thousand.

  Returns:
    The new state and the score: NaN without an error, and in the first rows.
  """
  if math.isnan(error):
    return state, math.nan
  error = min(error, MOST_ERROR)
  n = state.num_rows + 1
  smoothed = state.smoothed + (error - state.smoothed) / min(n, smoothing)
  rise = smoothed - state.mean
  score = math.nan
  if n > LEAST_ROWS:
    score = rise / max(math.sqrt(state.variance), _LEAST_DEVIATION)
  # Welford's sums while n <= memory, exponential weights from there on.
  weight = 1 / min(n, memory)
  mean = state.mean + weight * rise
  variance = state.variance + weight * (
    rise * (smoothed - mean) - state.variance
  )
  return Surprise(n, smoothed, mean, variance), score


def scores(errors, smoothing: int, memory: int) -> np.ndarray:
  """The scores of all rows of a series, from its errors [n].

  >>> errors = np.tile([1.0, 2.0], 40)
  >>> errors[70] = 9.0
  >>> found = scores(errors, smoothing=1, memory=1000)
  >>> int(np.nanargmax(found)), int(np.isnan(found).sum())
  (70, 50)
  """
  state, found = Surprise(), []
  for error in np.asarray(errors, np.float64).tolist():
    state, score = update(state, error, smoothing, memory)
    found.append(score)
  return np.array(found)
