"""Sequences to read beside sequences to write, as batches of few shapes."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seqjax.data import batch, buckets, padding


class Pair(NamedTuple):
  """What is read, and what a decoder reads of what it writes."""

  source: Any  # [S, B] int32 tokens, or [S, B, D] floating
  source_mask: Any  # [S, B] bool, True where a step is valid
  written: Any  # [T, B] int32: the end of the one before, then all but the end


def pair_lengths(sources, targets) -> np.ndarray:
  """The lengths [N] to plan batches by: of the longer of each pair.

  >>> pair_lengths([[7, 8, 9], [7]], [[1], [1, 2]])
  array([3, 3])
  """
  return np.array(
    [max(len(s), len(t) + 1) for s, t in zip(sources, targets, strict=True)]
  )


def pair_batches(
  sources, targets, end: int, plan: buckets.Buckets
) -> Callable[[int], batch.Batch]:
  """Batches that read a source and write a target.

  Sources and targets of a bucket are each padded to the longest that it holds,
  so there are as many shapes as buckets.

  Args:
    sources: N arrays [n] or [n, D].
    targets: N arrays [n] int32.
    end: id of the symbol that ends what is written, and begins it.
    plan: made of `pair_lengths`.

  Returns:
    index -> Batch, its inputs a `Pair`, its targets, mask, weights and resets
    [T, B] those of what is written.

  >>> lengths = pair_lengths([np.array([7, 8])], [np.array([1, 2])])
  >>> plan = buckets.Buckets(lengths, 1, 1, shuffle=False)
  >>> found = pair_batches([np.array([7, 8])], [np.array([1, 2])], 5, plan)(0)
  >>> found.inputs.written.T, found.targets.T
  (array([[5, 1, 2]], dtype=int32), array([[1, 2, 5]], dtype=int32))
  """
  if not np.array_equal(pair_lengths(sources, targets), plan.lengths):
    raise ValueError(
      f'expected {len(plan.lengths)} pairs with the lengths that were planned, '
      f'got {len(sources)} that have others.'
    )
  longest_source, longest_target = (
    _longest(lengths, plan)
    for lengths in (
      [len(source) for source in sources],
      [len(target) + 1 for target in targets],
    )
  )

  def batches(index):
    edge, ids = plan.rows(index)
    source, source_mask = padding.pad(sources, ids, longest_source[edge])
    written, answers, mask = write(targets, ids, longest_target[edge], end)
    resets = np.zeros_like(mask)
    resets[0] = True
    return batch.Batch(
      inputs=Pair(source, source_mask, written),
      targets=answers,
      mask=mask,
      weights=mask.astype(np.float32),
      resets=resets,
    )

  return batches


def write(targets, ids, length: int, end: int):
  """What a decoder reads and what it is to say, under a teacher.

  Args:
    targets: N arrays [n] int32.
    ids: [B] which of them; -1 for a row that writes nothing.
    length: T, more than the longest n.
    end: id of the symbol that ends and begins.

  Returns:
    What is read [T, B], the end before the first symbol; what is said [T, B],
    the end after the last; both int32 and 0 where invalid; and the mask [T, B].
  """
  begun = [np.insert(targets[i], 0, end) if i >= 0 else _NOTHING for i in ids]
  ended = [np.append(targets[i], end) if i >= 0 else _NOTHING for i in ids]
  rows = np.arange(len(ids))
  read, mask = padding.pad(begun, rows, length)
  said, _ = padding.pad(ended, rows, length)
  return read.astype(np.int32), said.astype(np.int32), mask


_NOTHING = np.zeros(0, np.int32)


def _longest(lengths, plan):
  """edge -> the greatest of the lengths in its bucket, at least 1."""
  lengths, edges = np.array(lengths), np.array(plan.edges)
  bucket_of = np.searchsorted(edges, plan.lengths)
  return {
    int(edge): max(1, int(lengths[bucket_of == k].max()))
    for k, edge in enumerate(edges)
  }
