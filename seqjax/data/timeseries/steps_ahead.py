"""Batches for a model that forecasts K steps ahead at every step."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqjax.data import batch as batch_lib
from seqjax.data.timeseries import readings as readings_lib
from seqjax.data.timeseries import windows as windows_lib


class Steps(NamedTuple):
  """What a forecaster reads at each step t."""

  values: Any  # [T, B, D], up to t
  missing: Any  # [T, B, D], 1 where the value is none
  past: Any  # [T, B, P]
  known: Any  # [T, B, K, F + G], of t + 1 .. t + K
  base: Any  # [T, B, K, D], likewise
  static: Any  # [T, B, E]
  scale: Any  # [T, B, D]


def forecast_batches(
  readings: Sequence[readings_lib.Readings],
  windows: windows_lib.Windows,
  targets,
  importance=None,
) -> Callable[[int], batch_lib.Batch]:
  """Batches whose targets at step t are the values of t + 1 .. t + K.

  Args:
    readings: of S series.
    windows: of these series; its rows are origins, the last rows that a
      forecast may read.
    targets: [S, 2] integers, first and end of the rows that may be a target: no
      other weighs anything, nor does one that is missing.
    importance: [S, D], what a target of a series weighs; 1 if None.

  Returns:
    index -> Batch, with inputs `Steps`, targets and weights [T, B, K, D].
  """
  lengths = np.array([len(one.values) for one in readings])
  offsets = np.cumsum(lengths) - lengths
  targets = np.asarray(targets)
  horizon, num_targets = readings[0].base.shape[1:]
  if importance is None:
    importance = np.ones((len(readings), num_targets))
  num_rows = np.array([len(one.base) for one in readings])
  origins = np.cumsum(num_rows) - num_rows
  flat = readings_lib.Readings(
    *(np.concatenate([getattr(r, name) for r in readings]) for name in _ROWS),
    static=np.stack([one.static for one in readings]),
    scale=np.stack([one.scale for one in readings]),
  )
  leads = np.arange(1, horizon + 1)

  def batches(index):
    window = windows(index)
    series = np.maximum(window.series, 0)
    rows = np.where(window.mask, window.rows, 0)
    at = offsets[series] + rows
    ahead_rows = rows[..., None] + leads
    ahead = at[..., None] + leads
    first, end = targets[series].T[..., None]
    counts = (
      window.scored[..., None] & (ahead_rows >= first) & (ahead_rows < end)
    )
    weights = counts[..., None] & flat.observed[ahead]
    origin = origins[series] + rows
    return batch_lib.Batch(
      inputs=Steps(
        values=flat.values[at],
        missing=(~flat.observed[at]).astype(np.float32),
        past=flat.past[at],
        known=np.concatenate([flat.known[ahead], flat.ahead[origin]], axis=-1),
        base=flat.base[origin],
        static=np.broadcast_to(
          flat.static[series], (len(rows), *flat.static[series].shape)
        ),
        scale=np.broadcast_to(
          flat.scale[series], (len(rows), *flat.scale[series].shape)
        ),
      ),
      targets=flat.values[ahead],
      mask=window.mask,
      weights=(weights * importance[series][:, None]).astype(np.float32),
      resets=window.resets,
    )

  return batches


_ROWS = ('values', 'observed', 'past', 'known', 'ahead', 'base')
