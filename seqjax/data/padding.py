"""Sequences of different lengths as batches of one length."""

from collections.abc import Callable
from typing import Any

import numpy as np

from seqjax.data import batch, buckets


def pad(sequences: Any, ids, length: int) -> tuple[Any, np.ndarray]:
  """Some of the sequences side by side, zeros on their right.

  Args:
    sequences: arrays [n, ...] that differ in n alone; or a NamedTuple of such,
      whose members have the same lengths.
    ids: [B] which to take; -1 for a row without any step.
    length: T, at least the longest n.

  Returns:
    The values [T, B, ...], in a NamedTuple of the same kind where the sequences
    are one, and the mask [T, B], True where a step is valid.

  >>> values, mask = pad([np.array([7, 8, 9]), np.array([5])], [1, 0, -1], 3)
  >>> values.T
  array([[5, 0, 0],
         [7, 8, 9],
         [0, 0, 0]])
  >>> mask.sum(axis=0)
  array([1, 3, 0])
  """
  if hasattr(sequences, '_fields'):
    values, masks = zip(
      *(pad(member, ids, length) for member in sequences), strict=True
    )
    return type(sequences)(*values), masks[0]
  like = sequences[0]
  rows = [sequences[i] if i >= 0 else like[:0] for i in ids]
  num_steps = np.array([len(row) for row in rows])
  if num_steps.max() > length:
    raise ValueError(
      f'expected sequences of at most {length} steps, got {num_steps.max()}.'
    )
  values = np.zeros((length, len(rows), *like.shape[1:]), like.dtype)
  for b, row in enumerate(rows):
    values[: len(row), b] = row
  return values, np.arange(length)[:, None] < num_steps


def sequence_batches(
  sequences: Any, targets, plan: buckets.Buckets
) -> Callable[[int], batch.Batch]:
  """Batches with one target for a whole sequence.

  Args:
    sequences: N of them, as for `pad`.
    targets: [N] integers.
    plan: made of the lengths of the sequences.

  Returns:
    index -> Batch, with targets [B] int32 and weights [B] float32: 1 for a
    sequence, 0 for a filler row.
  """
  _check(sequences, plan)
  targets = np.asarray(targets)
  if not np.issubdtype(targets.dtype, np.integer):
    raise ValueError(
      'expected targets as integers, the places of their labels in a list of '
      f'names, got {targets.dtype}.'
    )
  targets = targets.astype(np.int32)
  if targets.shape != plan.lengths.shape:
    raise ValueError(
      f'expected a target for each of {len(plan.lengths)} sequences, got '
      f'targets of shape {targets.shape}.'
    )

  def batches(index):
    length, ids = plan.rows(index)
    inputs, mask = pad(sequences, ids, length)
    return batch.Batch(
      inputs=inputs,
      targets=np.where(ids >= 0, targets[ids], 0),
      mask=mask,
      weights=(ids >= 0).astype(np.float32),
      resets=_first_step(mask),
    )

  return batches


def step_batches(
  sequences: Any, targets, plan: buckets.Buckets
) -> Callable[[int], batch.Batch]:
  """Batches with a target for every step.

  Args:
    sequences: N of them, as for `pad`.
    targets: N arrays [n] int32, as long as the sequences.
    plan: made of these lengths.

  Returns:
    index -> Batch, with targets [T, B] int32 and weights [T, B] float32: 1
    where a step is valid.
  """
  _check(sequences, plan)
  _check(targets, plan)

  def batches(index):
    length, ids = plan.rows(index)
    inputs, mask = pad(sequences, ids, length)
    return batch.Batch(
      inputs=inputs,
      targets=pad(targets, ids, length)[0],
      mask=mask,
      weights=mask.astype(np.float32),
      resets=_first_step(mask),
    )

  return batches


def _first_step(mask):
  resets = np.zeros_like(mask)
  resets[0] = True
  return resets


def _check(sequences, plan):
  members = sequences if hasattr(sequences, '_fields') else (sequences,)
  for member in members:
    lengths = np.array([len(row) for row in member])
    if not np.array_equal(lengths, plan.lengths):
      raise ValueError(
        f'expected {len(plan.lengths)} sequences with the lengths that were '
        f'planned, got {len(lengths)} that have others.'
      )
