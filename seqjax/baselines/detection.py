"""Detectors without a network: how far each row is from what is usual.

Values are scaled, so that errors are in deviations of the training part. No row
looks ahead. What is missing is NaN, and so is the error of such a row.
"""

import numpy as np

# A window of equal values has no deviation.
_LEAST_DEVIATION = 0.01
# Its square is still a number.
_MOST = 1e100
# A deviation of fewer values means little.
_LEAST_VALUES = 50


def windowed_gaussian(values, window: int) -> np.ndarray:
  """Deviations of a row from a normal distribution of the rows before it.

    |y_t - mean| / standard deviation, of the last `window` values

  The tail probability erfc(z / sqrt 2) falls as z rises, and orders rows alike.

  Args:
    values: [n, D] scaled; the mean over the columns that are there.
    window: W, in rows.

  Returns:
    [n] errors, NaN for the first 50 rows.

  Source: the windowed Gaussian detector of the Numenta Anomaly Benchmark, with
    W = 6400; Lavin and Ahmad (2015), Evaluating Real-time Anomaly Detection
    Algorithms.

  >>> values = np.append(np.tile([-1.0, 1.0], 50), 4.0)[:, None]
  >>> windowed_gaussian(values, 100)[-1].item()
  4.0
  """
  values = np.clip(np.asarray(values, np.float64), -_MOST, _MOST)
  seen = np.isfinite(values)
  known = np.where(seen, values, 0)
  count, total, squares = (
    _of_the_last(x, window) for x in (seen.astype(float), known, known**2)
  )
  mean = total / np.maximum(count, 1)
  # Values are scaled, so that the difference loses no digits that matter.
  variance = np.maximum(squares / np.maximum(count, 1) - mean**2, 0)
  deviation = np.maximum(np.sqrt(variance), _LEAST_DEVIATION)
  found = np.where(
    count >= _LEAST_VALUES, np.abs(values - mean) / deviation, np.nan
  )
  return _mean_of_columns(found)


def seasonal_difference(values, season: int) -> np.ndarray:
  """How far each row is from the one a season before it: |y_t - y_(t-season)|.

  Args:
    values: [n, D] scaled; the mean over the columns that are there.
    season: rows; 1 compares with the row before.

  Returns:
    [n] errors, NaN for the first season.

  >>> seasonal_difference(np.array([[1.0], [5.0], [1.5]]), 2)
  array([nan, nan, 0.5])
  """
  values = np.asarray(values, np.float64)
  found = np.full(values.shape, np.nan)
  found[season:] = np.abs(values[season:] - values[:-season])
  return _mean_of_columns(found)


def _of_the_last(values, window):
  """Sums [n, D] over the last `window` rows before each.

  A window is the end of one block and the beginning of the next, whose sums are
  added. Differences of running sums would keep what a huge value has rounded
  away, long after it has left the window.
  """
  n, columns = values.shape
  window = max(min(window, n), 1)
  # A block of nothing stands before the first.
  room = ((window, -n % window), (0, 0))
  blocks = np.pad(values, room).reshape(-1, window, columns)
  begun = np.cumsum(np.pad(blocks, ((0, 0), (1, 0), (0, 0))), axis=1)[:, :-1]
  rest = np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1]
  return (rest[:-1] + begun[1:]).reshape(-1, columns)[:n]


def _mean_of_columns(errors):
  """[n] of [n, D], over those that are no NaN; NaN where none is."""
  seen = np.isfinite(errors)
  count = seen.sum(axis=1)
  total = np.where(seen, errors, 0).sum(axis=1)
  return np.where(count > 0, total / np.maximum(count, 1), np.nan)
