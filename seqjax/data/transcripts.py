"""Batches of sequences with a shorter one written to each, place unknown."""

from collections.abc import Callable, Sequence

import numpy as np

from seqjax.data import batch as batch_lib
from seqjax.data import buckets, padding


def steps_needed(transcript: np.ndarray) -> int:
  """The fewest steps in which connectionist temporal classification writes it.

  One for each symbol, and one for the blank between two that are the same.

  >>> steps_needed(np.array([3, 3, 1]))
  4
  """
  return len(transcript) + int(np.sum(transcript[1:] == transcript[:-1]))


def transcript_batches(
  sequences: Sequence[np.ndarray],
  transcripts: Sequence[np.ndarray],
  plan: buckets.Buckets,
) -> Callable[[int], batch_lib.Batch]:
  """Batches of which each row has a transcript.

  Args:
    sequences: N arrays [n, D] float32.
    transcripts: N arrays [u] int32 of symbols above 0, each of as many
      `steps_needed` as its sequence has, or fewer.
    plan: made of the lengths of the sequences.

  Returns:
    index -> Batch, with targets [U, B] int32, 0 behind the end of each, U the
    length of the longest of all; and weights [B] float32: how many symbols a
    row has.
  """
  for sequence, transcript in zip(sequences, transcripts, strict=True):
    if (needed := steps_needed(transcript)) > len(sequence):
      raise ValueError(
        f'expected at least {needed} steps for {len(transcript)} symbols, got '
        f'{len(sequence)}.'
      )
  longest = max(map(len, transcripts))
  as_sequences = padding.step_batches(sequences, sequences, plan)

  def batches(index):
    batch = as_sequences(index)
    ids = plan.rows(index).ids
    targets, said = padding.pad(transcripts, ids, longest)
    return batch._replace(
      targets=targets, weights=said.sum(axis=0).astype(np.float32)
    )

  return batches
