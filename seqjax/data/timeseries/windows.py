"""Which stretches of several series stand in which batch."""

import functools
from typing import NamedTuple

import numpy as np

from seqjax import errors


class Window(NamedTuple):
  """The stretches of one batch: where each begins, and what is scored of it."""

  series: np.ndarray  # [B] integers, -1 for a filler row
  rows: np.ndarray  # [T, B] integers, rows of the series; some are before it
  mask: np.ndarray  # [T, B] bool, False before the series and in filler rows
  scored: np.ndarray  # [T, B] bool
  resets: np.ndarray  # [T, B] bool


class Windows:
  """Stretches of S series, sampled or in order.

  Of series s the rows [first, end) are scored. A window scores up to `steps` of
  them, and reads `context` rows before the first, which weigh nothing: the
  state has to see something before it is asked.

  * Sampled: in every epoch the windows begin at other rows and come in another
    order; each begins anew. Those at the ends of a series overlap.
  * In order (`carried`): row b of batch n + 1 continues row b of batch n, for
    which a state is carried on, and the context is needless. A series begins
    with a reset, and so does a row.
  * Neither (`shuffle=False`): every row is scored once, for evaluation.

  `windows(index)` is a function of the constructor arguments and `index` alone;
  epochs follow each other without end.

  Args:
    ranges: [S, 2] integers, first and end of the scored rows of each series.
    batch_size: B; fewer where there are not so many windows, unless carried.
    steps: rows scored in a window, typically 24 to 256.
    context: rows before them, typically one or two seasons.
    data_seed: of the samples.
    carried: in order.
    shuffle: False for evaluation.

  Raises:
    UserError: no row is to be scored.

  >>> windows = Windows([[2, 7]], 2, steps=3, context=1, shuffle=False)
  >>> window = windows(0)
  >>> window.rows.T, window.scored.sum(axis=0)
  (array([[1, 2, 3, 4],
         [4, 5, 6, 7]]), array([3, 2]))
  """

  def __init__(
    self,
    ranges,
    batch_size,
    steps,
    context=0,
    data_seed=0,
    carried=False,
    shuffle=True,
  ):
    ranges = np.asarray(ranges).reshape(-1, 2)
    if not (ranges[:, 1] > ranges[:, 0]).any():
      raise errors.UserError(
        'expected rows to forecast from, got none: the series are too short.'
      )
    self._ranges = ranges
    self._steps = steps
    self._context = 0 if carried else context
    self._data_seed = data_seed
    self._carried = carried
    self._shuffle = shuffle and not carried
    lengths = np.maximum(ranges[:, 1] - ranges[:, 0], 0)
    # Wherever the first begins, the windows of a series hold all its rows.
    slack = steps - 1 if self._shuffle else 0
    counts = np.where(lengths > 0, -(-(lengths + slack) // steps), 0)
    counts = np.where(lengths > steps, counts, np.minimum(counts, 1))
    self._series = np.repeat(np.arange(len(ranges)), counts)
    self._place = np.concatenate([np.arange(n) for n in counts])
    # A state that is carried has as many rows as were asked for.
    self.batch_size = (
      batch_size if carried else min(batch_size, len(self._series))
    )
    self._epoch = functools.lru_cache(maxsize=1)(self._make_epoch)

  @property
  def num_steps(self) -> int:
    """T, rows that a window reads."""
    return self._context + self._steps

  @property
  def batches_per_epoch(self) -> int:
    """How many batches score every row."""
    return -(-len(self._series) // self.batch_size)

  def __call__(self, index: int) -> Window:
    """The stretches of batch `index`, counted from 0 over all epochs."""
    if index < 0:
      raise ValueError(f'expected an index of at least 0, got {index}.')
    epoch, place = divmod(index, self.batches_per_epoch)
    ids, starts = self._epoch(epoch)
    ids, start = ids[place], starts[ids[place]]
    series = np.where(ids >= 0, self._series[ids], -1)
    end = self._ranges[series, 1]
    rows = start - self._context + np.arange(self.num_steps)[:, None]
    valid = (series >= 0) & (rows >= 0) & (rows < end)
    resets = np.zeros_like(valid)
    resets[0] = True
    if self._carried:
      resets[0] = (place == 0) | (self._place[ids] == 0)
    scored = valid & (rows >= start)
    return Window(series, rows, valid, scored, resets)

  def _make_epoch(self, epoch):
    """The windows [batches, B] of an epoch, -1 for none, and their starts."""
    count, shape = len(self._series), (self.batches_per_epoch, self.batch_size)
    first, end = self._ranges[self._series].T
    starts = first + self._place * self._steps
    ids = np.full(shape[0] * shape[1], -1)
    if self._shuffle:
      # Not a Generator: NumPy may change what that draws.
      random = np.random.RandomState([self._data_seed, epoch])
      starts = starts - random.randint(self._steps)
      latest = np.maximum(end - self._steps, first)
      starts = np.clip(starts, first, latest)
      ids[:count] = random.permutation(count)
    else:
      ids[:count] = np.arange(count)
    # In order, each row of the batch has a stretch of its own.
    ids = ids.reshape(shape[::-1]).T if self._carried else ids.reshape(shape)
    return ids, starts
