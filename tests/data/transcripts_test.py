"""Tests for seqjax.data.transcripts."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import data
from seqjax.data import transcripts

SEQUENCES = [np.full((n, 2), n, np.float32) for n in (3, 5, 4)]
TRANSCRIPTS = [np.array(x, np.int32) for x in ([1, 2], [3, 3, 1], [])]


def batches(sequences=SEQUENCES, texts=TRANSCRIPTS, batch_size=4):
  lengths = np.array([len(x) for x in sequences])
  plan = data.Buckets(lengths, batch_size, 1, shuffle=False)
  return transcripts.transcript_batches(sequences, texts, plan)


class TranscriptsTest(parameterized.TestCase):
  @parameterized.parameters(
    ([], 0), ([5], 1), ([5, 6], 2), ([5, 5], 3), ([5, 5, 5, 6, 6], 8)
  )
  def test_repetition_needs_a_blank_between(self, symbols, expected):
    self.assertEqual(transcripts.steps_needed(np.array(symbols)), expected)

  def test_a_row_has_its_own_transcript_and_its_length_as_weight(self):
    batch = batches()(0)
    self.assertEqual(batch.inputs.shape, (5, 3, 2))
    np.testing.assert_array_equal(batch.mask.sum(axis=0), [3, 5, 4])
    np.testing.assert_array_equal(
      batch.targets.T, [[1, 2, 0], [3, 3, 1], [0, 0, 0]]
    )
    np.testing.assert_array_equal(batch.weights, [2, 3, 0])
    self.assertEqual(batch.weights.dtype, np.float32)

  def test_transcripts_are_as_wide_in_every_batch(self):
    # Or each width would be a program of its own.
    make = batches(batch_size=2)
    shapes = [make(index).targets.shape for index in range(2)]
    self.assertEqual(shapes, [(3, 2)] * 2)
    # The second batch has one row to fill up.
    np.testing.assert_array_equal(make(1).mask.sum(axis=0)[1], 0)

  def test_what_cannot_be_written_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'at least 4 steps for 3 symbols'):
      batches([np.zeros((3, 1), np.float32)], [np.array([1, 1, 2])])


if __name__ == '__main__':
  absltest.main()
