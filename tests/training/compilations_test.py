"""What the loop says of a compilation that nobody planned."""

import numpy as np
import small_run
from absl.testing import absltest, parameterized

LENGTHS = (3, 5, 3, 2, 5, 2, 3, 5, 2, 3)


def batch_of(index):
  """A batch of one of three lengths."""
  every = np.ones((LENGTHS[index], small_run.B), bool)
  floats = every.astype(np.float32)
  return small_run.batch_of(index)._replace(
    inputs=np.ones((*every.shape, small_run.D), np.float32),
    targets=floats,
    mask=every,
    weights=floats,
    resets=~every,
  )


class AnnounceTest(small_run.LoopTestCase):
  def sentences(self):
    return [text for text in self.said if text.startswith('Compiling')]

  @parameterized.parameters((1, 2), (2, 1), (3, 0), (8, 0), (None, 0))
  def test_each_program_beyond_the_plan_is_said_once(self, programs, said):
    self.fit(batches=batch_of, programs=programs)
    self.assertLen(self.sentences(), said)

  def test_the_sentence_has_numbers_and_shapes(self):
    self.fit(batches=batch_of, programs=2)
    (sentence,) = self.sentences()
    self.assertIn('program 3 of the training step, of which 2 were', sentence)
    self.assertIn('inputs float32[2, 2, 4]', sentence)
    self.assertIn('mask bool[2, 2]', sentence)

  def test_a_resumed_run_counts_anew(self):
    self.fit(batches=batch_of, programs=2, steps=3)
    self.fit(batches=batch_of, programs=3)
    self.assertEmpty(self.sentences())

  def test_no_number_changes(self):
    self.assertEqual(self.fit('one'), self.fit('two', programs=0))
    self.assertLen(self.sentences(), 1)


if __name__ == '__main__':
  absltest.main()
