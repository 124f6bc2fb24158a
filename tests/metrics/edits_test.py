"""Tests for seqjax.metrics.edits."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.metrics import edits


def least(a, b):
  """The table of Wagner and Fischer (1974), as it stands in textbooks."""
  table = np.add.outer(np.arange(len(a) + 1), np.arange(len(b) + 1))
  for i, x in enumerate(a, 1):
    for j, y in enumerate(b, 1):
      table[i, j] = min(
        table[i - 1, j] + 1,
        table[i, j - 1] + 1,
        table[i - 1, j - 1] + (x != y),
      )
  return table[-1, -1]


class EditsTest(parameterized.TestCase):
  @parameterized.parameters(list, tuple, ''.join)
  def test_the_fewest_edits_are_counted(self, kind):
    random = np.random.RandomState(0)
    for _ in range(50):
      a, b = (
        [str(x) for x in random.randint(0, 3, random.randint(0, 9))]
        for _ in range(2)
      )
      self.assertEqual(edits.edits(kind(a), kind(b)), least(a, b), (a, b))

  def test_words_are_compared_whole(self):
    self.assertEqual(edits.edits(['seven'], ['eleven']), 1)
    self.assertEqual(edits.edits('seven', 'eleven'), 2)

  def test_long_sequences_weigh_more(self):
    # Not the mean of the rates of the two, 0.5 and 0.
    self.assertEqual(
      edits.error_rate(['ab', 'abcdef'], ['ax', 'abcdef']), 1 / 8
    )

  def test_too_much_is_counted_too(self):
    self.assertEqual(edits.error_rate(['abcd'], ['a']), 3.0)
    self.assertEqual(edits.error_rate(['abcd', ''], ['', 'ab']), 3.0)

  def test_each_is_compared_with_its_own(self):
    with self.assertRaises(ValueError):
      edits.error_rate(['a'], ['a', 'b'])
    with self.assertRaisesRegex(ValueError, 'expected something'):
      edits.error_rate(['a', ''], ['', ''])


if __name__ == '__main__':
  absltest.main()
