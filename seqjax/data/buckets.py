"""Which sequences stand in which batch, and how far they are padded."""

import functools
from typing import NamedTuple

import numpy as np

from seqjax import errors


class Rows(NamedTuple):
  """The sequences of one batch."""

  length: int  # T, to which each is padded
  ids: np.ndarray  # [B] integers, -1 for a filler row


class Buckets:
  """Sequences grouped by length into batches of few shapes.

  A sequence is padded to the smallest edge that holds it, and the sequences of
  a batch share their edge. The edges do not depend on the epoch: each has the
  same number of batches of the same shapes. Every sequence is read once an
  epoch, and a batch that lacks sequences is filled with filler rows.

  `rows(index)` is a function of the constructor arguments and `index` alone;
  epochs follow each other without end. In each, the sequences are shuffled
  within their bucket, then the batches among each other.

  Args:
    lengths: [N] integers of at least 0, the steps of each sequence.
    batch_size: B, rows of a batch. With fewer sequences it is their number:
      more rows would all be filler.
    max_compilations: how many edges there may be, typically 4 to 16, chosen by
      `best_edges`.
    data_seed: of the order.
    shuffle: False reads the buckets from short to long, and the sequences of
      each as they come: for evaluation.

  Raises:
    UserError: there is no sequence, or a size is below 1.

  >>> plan = Buckets([2, 9, 3, 8, 3], 2, max_compilations=2, shuffle=False)
  >>> plan.edges, plan.batches_per_epoch, round(plan.density, 3)
  ((3, 9), 3, 0.833)
  >>> [(length, ids.tolist()) for length, ids in map(plan.rows, range(3))]
  [(3, [0, 2]), (3, [4, -1]), (9, [1, 3])]
  """

  def __init__(
    self, lengths, batch_size, max_compilations, data_seed=0, shuffle=True
  ):
    lengths = np.asarray(lengths)
    _check(lengths, batch_size, max_compilations)
    batch_size = min(batch_size, len(lengths))
    self.lengths = lengths
    self.batch_size = batch_size
    self.edges = best_edges(lengths, batch_size, max_compilations)
    self._data_seed = data_seed
    self._shuffle = shuffle

    self._bucket_of = np.searchsorted(self.edges, lengths)
    sizes = np.bincount(self._bucket_of)
    num_batches = -(-sizes // batch_size)
    self._edge_of_batch = np.repeat(self.edges, num_batches)
    # Of all rows of an epoch, bucket after bucket: which hold a sequence.
    self._filled = np.concatenate(
      [
        np.arange(batches * batch_size) < size
        for batches, size in zip(num_batches, sizes, strict=True)
      ]
    )
    self._epoch = functools.lru_cache(maxsize=1)(self._make_epoch)

  @property
  def num_programs(self) -> int:
    """How many shapes a batch may have, each compiled once."""
    return len(self.edges)

  @property
  def batches_per_epoch(self) -> int:
    """How many batches hold every sequence once."""
    return len(self._edge_of_batch)

  @property
  def density(self) -> float:
    """Steps of the sequences over steps computed, in [0, 1]."""
    computed = self._edge_of_batch.sum() * self.batch_size
    return float(self.lengths.sum() / computed)

  def rows(self, index: int) -> Rows:
    """The rows of batch `index`, counted from 0 over all epochs."""
    if index < 0:
      raise ValueError(f'expected an index of at least 0, got {index}.')
    epoch, place = divmod(index, self.batches_per_epoch)
    edges, ids = self._epoch(epoch)
    return Rows(int(edges[place]), ids[place])

  def report(self) -> str:
    """What is padded to which lengths, and what share of it is not padding."""
    edges = ', '.join(f'{edge:,}' for edge in self.edges)
    programs = 'program' if self.num_programs == 1 else 'programs'
    shortest, longest = self.lengths.min(), self.lengths.max()
    steps = (
      f'{shortest:,} to {longest:,}' if shortest < longest else f'{longest:,}'
    )
    return (
      f'{len(self.lengths):,} sequences of {steps} steps in '
      f'{self.batches_per_epoch:,} x {self.batch_size} rows, padded to {edges} '
      f'({self.num_programs} {programs}): density {self.density:.3f}, '
      f'padding {1 - self.density:.1%}'
    )

  def _make_epoch(self, epoch):
    """The edges [batches] of an epoch's batches and their ids [batches, B]."""
    if self._shuffle:
      # Not a Generator: NumPy may change what that draws.
      permutation = np.random.RandomState([self._data_seed, epoch]).permutation
    else:
      permutation = np.arange
    order = permutation(len(self.lengths))
    batches = permutation(self.batches_per_epoch)
    ids = np.full(len(self._filled), -1)
    by_bucket = np.argsort(self._bucket_of[order], kind='stable')
    ids[self._filled] = order[by_bucket]
    ids = ids.reshape(-1, self.batch_size)[batches]
    ids.flags.writeable = False
    return self._edge_of_batch[batches], ids


def best_edges(
  lengths: np.ndarray, batch_size: int, max_edges: int
) -> tuple[int, ...]:
  """The padded lengths for which an epoch computes the fewest steps.

  A bucket of n sequences up to an edge takes edge * B * ceil(n / B) steps, so
  filler rows count as padding does. Dynamic programming over the U distinct
  lengths finds the least sum in O(max_edges U^2); of equal sums, the one with
  the fewest edges.

  >>> best_edges(np.array([1, 2, 2, 8, 9]), batch_size=1, max_edges=2)
  (2, 9)
  """
  values, counts = np.unique(np.maximum(lengths, 1), return_counts=True)
  num_values = len(values)
  num_below = np.concatenate([[0], np.cumsum(counts)])
  # least[k, j]: steps of the shortest j lengths in k buckets, of which the last
  # begins with the length start[k, j].
  least = np.full((min(max_edges, num_values) + 1, num_values + 1), np.inf)
  least[0, 0] = 0
  start = np.zeros(least.shape, int)
  for j in range(1, num_values + 1):
    num_batches = -(-(num_below[j] - num_below[:j]) // batch_size)
    steps = least[:-1, :j] + values[j - 1] * batch_size * num_batches
    start[1:, j] = steps.argmin(axis=1)
    least[1:, j] = steps.min(axis=1)

  edges, j = [], num_values
  for k in range(int(least[:, -1].argmin()), 0, -1):
    edges.append(int(values[j - 1]))
    j = start[k, j]
  return tuple(reversed(edges))


def _check(lengths, batch_size, max_compilations):
  if lengths.ndim != 1 or (
    lengths.size and not np.issubdtype(lengths.dtype, np.integer)
  ):
    raise ValueError(
      'expected lengths as a vector of integers, got an array of shape '
      f'{lengths.shape} and dtype {lengths.dtype}.'
    )
  if not lengths.size:
    raise errors.UserError('expected sequences to make batches of, got none.')
  if lengths.min() < 0:
    raise ValueError(
      f'expected lengths of at least 0, got {lengths.min()} at place '
      f'{lengths.argmin()}.'
    )
  for name, size in (
    ('batch_size', batch_size),
    ('max_compilations', max_compilations),
  ):
    if size < 1:
      raise errors.UserError(f'expected {name} of at least 1, got {size}.')
