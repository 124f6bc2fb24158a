"""Tests for seqjax.data.padding."""

from typing import Any, NamedTuple

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.data import buckets, padding

LENGTHS = (3, 0, 7, 1, 7, 4, 3, 2, 9, 1, 5)
N = len(LENGTHS)


class Words(NamedTuple):
  words: Any  # [n]
  characters: Any  # [n, C]


def sequences_of(*shape, dtype=np.int32, start=1):
  """Sequences of numbers that all differ, from `start` on."""
  ends = start + np.cumsum(LENGTHS) * int(np.prod(shape))
  sizes = [n * int(np.prod(shape)) for n in LENGTHS]
  return [
    np.arange(end - size, end, dtype=dtype).reshape(-1, *shape)
    for end, size in zip(ends, sizes, strict=True)
  ]


def plan_of(batch_size, shuffle=True):
  return buckets.Buckets(LENGTHS, batch_size, 3, shuffle=shuffle)


def epoch_of(batches, plan):
  return [batches(i) for i in range(plan.batches_per_epoch)]


class PadTest(parameterized.TestCase):
  @parameterized.parameters(
    ((), np.int32), ((2,), np.float32), ((2, 3), np.uint8)
  )
  def test_it_equals_the_definition(self, shape, dtype):
    sequences = sequences_of(*shape, dtype=dtype)
    ids = [4, -1, 1, 0]
    values, mask = padding.pad(sequences, ids, 8)
    expected = np.zeros((8, 4, *shape), dtype)
    valid = np.zeros((8, 4), bool)
    for b, i in enumerate(ids):
      for t in range(LENGTHS[i] if i >= 0 else 0):
        expected[t, b], valid[t, b] = sequences[i][t], True
    np.testing.assert_array_equal(values, expected, strict=True)
    np.testing.assert_array_equal(mask, valid, strict=True)
    self.assertTrue(values.flags.c_contiguous and mask.flags.c_contiguous)

  def test_members_are_padded_side_by_side(self):
    sequences = Words(sequences_of(), sequences_of(4))
    values, mask = padding.pad(sequences, [2, 0], 9)
    self.assertIsInstance(values, Words)
    for member, alone in zip(values, sequences, strict=True):
      expected, valid = padding.pad(alone, [2, 0], 9)
      np.testing.assert_array_equal(member, expected)
      np.testing.assert_array_equal(mask, valid)

  def test_one_table_is_sequences_of_one_length(self):
    table = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    values, mask = padding.pad(table, [3, 1], 3)
    np.testing.assert_array_equal(values, table[[3, 1]].swapaxes(0, 1))
    self.assertTrue(mask.all())

  def test_a_sequence_is_never_cut(self):
    with self.assertRaisesRegex(ValueError, 'at most 6 steps, got 7'):
      padding.pad(sequences_of(), [0, 2], 6)


class SequenceBatchesTest(parameterized.TestCase):
  @parameterized.product(batch_size=(1, 7, 64), shuffle=(True, False))
  def test_each_sequence_comes_once_with_its_target(self, batch_size, shuffle):
    plan, sequences = plan_of(batch_size, shuffle), sequences_of()
    targets = 100 + np.arange(N)
    batches = padding.sequence_batches(sequences, targets, plan)
    found = {}
    for batch in epoch_of(batches, plan):
      for b in np.flatnonzero(batch.weights):
        valid = batch.inputs[batch.mask[:, b], b]
        self.assertNotIn(batch.targets[b], found)
        found[batch.targets[b]] = valid.tolist()
    self.assertEqual(
      found, {100 + i: x.tolist() for i, x in enumerate(sequences)}
    )

  @parameterized.parameters(1, 7, 64)
  def test_filler_rows_and_padding_are_blank(self, batch_size):
    plan = plan_of(batch_size)
    batches = padding.sequence_batches(
      sequences_of(), np.arange(1, N + 1), plan
    )
    for batch in epoch_of(batches, plan):
      filler = batch.weights == 0
      np.testing.assert_array_equal(batch.targets == 0, filler)
      self.assertFalse(batch.mask[:, filler].any())
      np.testing.assert_array_equal(batch.inputs > 0, batch.mask)

  def test_dtypes_and_shapes(self):
    plan = plan_of(4)
    batches = padding.sequence_batches(sequences_of(), [1] * N, plan)
    for batch in epoch_of(batches, plan):
      steps = len(batch.mask)
      self.assertIn(steps, plan.edges)
      for leaf, dtype, shape in (
        (batch.inputs, np.int32, (steps, 4)),
        (batch.targets, np.int32, (4,)),
        (batch.mask, bool, (steps, 4)),
        (batch.weights, np.float32, (4,)),
        (batch.resets, bool, (steps, 4)),
      ):
        self.assertEqual((leaf.dtype, leaf.shape), (dtype, shape))
      self.assertTrue(batch.resets[0].all())
      self.assertFalse(batch.resets[1:].any())

  def test_targets_are_never_rounded(self):
    plan = buckets.Buckets([1, 1], 2, 1)
    for targets in ([0.7, 1.9], ['pos', 'neg']):
      with self.assertRaisesRegex(ValueError, 'targets as integers'):
        padding.sequence_batches([np.zeros(1)] * 2, targets, plan)

  def test_what_was_not_planned_is_refused(self):
    plan, sequences = plan_of(4), sequences_of()
    with self.assertRaisesRegex(ValueError, '11 sequences with the lengths'):
      padding.sequence_batches(sequences[::-1], np.zeros(N), plan)
    with self.assertRaisesRegex(ValueError, 'got 10 that'):
      padding.sequence_batches(sequences[:-1], np.zeros(N), plan)
    with self.assertRaisesRegex(ValueError, 'lengths'):
      both = Words(sequences, sequences_of(4)[::-1])
      padding.sequence_batches(both, np.zeros(N), plan)
    with self.assertRaisesRegex(ValueError, r'targets of shape \(10,\)'):
      padding.sequence_batches(sequences, np.zeros(N - 1, int), plan)


class StepBatchesTest(parameterized.TestCase):
  @parameterized.product(batch_size=(1, 7, 64), shuffle=(True, False))
  def test_each_step_comes_once_with_its_target(self, batch_size, shuffle):
    plan = plan_of(batch_size, shuffle)
    sequences = Words(sequences_of(), sequences_of(2))
    targets = sequences_of(start=1001)
    batches = padding.step_batches(sequences, targets, plan)
    found = []
    for batch in epoch_of(batches, plan):
      self.assertEqual(batch.weights.dtype, np.float32)
      np.testing.assert_array_equal(batch.weights > 0, batch.mask)
      np.testing.assert_array_equal(batch.targets > 0, batch.mask)
      at = batch.weights > 0
      np.testing.assert_array_equal(
        batch.targets[at], 1000 + batch.inputs.words[at]
      )
      np.testing.assert_array_equal(
        batch.inputs.characters[at][:, 1], 2 * batch.inputs.words[at]
      )
      found += batch.inputs.words[at].tolist()
      self.assertTrue(batch.resets[0].all())
      self.assertFalse(batch.resets[1:].any())
    self.assertEqual(sorted(found), list(range(1, sum(LENGTHS) + 1)))

  def test_a_step_without_target_is_refused(self):
    targets = sequences_of()
    targets[2] = targets[2][:-1]
    with self.assertRaisesRegex(ValueError, 'lengths'):
      padding.step_batches(sequences_of(), targets, plan_of(4))


if __name__ == '__main__':
  absltest.main()
