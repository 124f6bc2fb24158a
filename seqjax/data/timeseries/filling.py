"""Values in place of those that are missing, from the past alone."""

from collections.abc import Sequence

import numpy as np


def fill(values, seasons: Sequence[int] = (1,)) -> np.ndarray:
  """The series without gaps, by a rule that never looks ahead.

  What is missing becomes the mean over the seasons of the value one season
  before, which may itself be filled; a season counts where it reaches back to
  the first observed value. Where none does, the last observed value is
  repeated. Before the first, there is 0: the mean, once `scaling` is applied.

  So row t follows from the rows up to t, and is the same as a series grows.

  Args:
    values: [n, D], each column on its own; NaN where missing.
    seasons: in steps; 1 repeats the last value.

  Returns:
    [n, D] float64; what was observed is as it was.

  >>> nan = np.nan
  >>> fill(np.array([[nan], [1.0], [5.0], [nan], [nan]]), seasons=(2,)).T
  array([[0., 1., 5., 1., 5.]])
  """
  filled = np.array(values, np.float64)
  missing = np.isnan(filled)
  if not missing.any():
    return filled
  rows = np.arange(len(filled))[:, None]
  last = np.maximum.accumulate(np.where(missing, -1, rows), axis=0)
  filled = np.where(last < 0, 0, np.take_along_axis(filled, last, axis=0))
  steps = np.array([season for season in seasons if season > 1], int)
  if not steps.size:
    return filled
  # A block no longer than a season depends on the rows before it alone.
  width = steps.min()
  for block in np.unique(np.flatnonzero(missing.any(axis=1)) // width):
    now = slice(block * width, (block + 1) * width)
    past = np.maximum(rows[now] - steps, 0)
    reached = (rows[now] >= steps)[..., None] & (last[past] >= 0)
    count = reached.sum(axis=1)
    total = np.where(reached, filled[past], 0).sum(axis=1)
    seasonal = missing[now] & (count > 0)
    filled[now] = np.where(seasonal, total / np.maximum(count, 1), filled[now])
  return filled
