"""Series of different sizes on one scale, and back."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax import errors

KINDS = 'standard', 'mean', 'none'


class Scaling(NamedTuple):
  """(y - shift) / scale, for each of S series and D columns.

  shift: [S, D] float64.
  scale: [S, D] float64, above 0.
  """

  shift: np.ndarray
  scale: np.ndarray

  def apply(self, values, series):
    """Values [..., D] of a series by its index; or of many, [N] indices."""
    return (values - self.shift[series]) / self.scale[series]

  def invert(self, values, series):
    """What `apply` was given."""
    return values * self.scale[series] + self.shift[series]


def fit(
  values: Sequence[np.ndarray],
  train_lengths: Sequence[int],
  kind: str = 'standard',
) -> Scaling:
  """Reads shift and scale off the first rows of each series.

  Args:
    values: S arrays [n, D]; NaN where missing.
    train_lengths: [S] how many rows of each may be looked at.
    kind: 'standard' gives a column mean 0 and standard deviation 1; 'mean'
      divides by the mean of |y|, so that 0 stays 0, as counts want it; 'none'
      changes nothing. The scale is 1 where it would be 0, as of a constant
      column, and where nothing was observed.

  Raises:
    UserError: the kind is unknown.

  >>> scaling = fit([np.array([[1.0], [3.0], [99.0]])], [2])
  >>> scaling.apply(np.array([[1.0], [5.0]]), series=0).tolist()
  [[-1.0], [3.0]]
  """
  if kind not in KINDS:
    raise errors.unknown('scaling', kind, KINDS)
  columns = [
    _shift_and_scale(np.asarray(array[:n], np.float64), kind)
    for array, n in zip(values, train_lengths, strict=True)
  ]
  shift, scale = (np.stack(each) for each in zip(*columns, strict=True))
  return Scaling(shift, np.where(scale > 0, scale, 1))


def _shift_and_scale(train, kind):
  """Of each column [D]; a scale may be 0."""
  seen = np.isfinite(train)
  count = np.maximum(seen.sum(axis=0), 1)
  if kind == 'standard':
    shift = np.where(seen, train, 0).sum(axis=0) / count
    centred = np.where(seen, train - shift, 0)
    low = np.fmin.reduce(train, axis=0, initial=np.inf)
    high = np.fmax.reduce(train, axis=0, initial=-np.inf)
    # Rounding gives a constant column a standard deviation of 1e-17 or so.
    return shift, np.sqrt((centred**2).sum(axis=0) / count) * (high > low)
  shift = np.zeros(train.shape[1])
  if kind == 'none':
    return shift, shift + 1
  return shift, np.where(seen, np.abs(train), 0).sum(axis=0) / count
