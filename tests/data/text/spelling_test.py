"""Tests for seqjax.data.text.spelling."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.data import vocabulary
from seqjax.data.text import spelling

LETTERS = vocabulary.character_vocabulary('abcdefghij')


class SpellTest(parameterized.TestCase):
  @parameterized.parameters(
    (1, 'a'), (2, 'aj'), (3, 'abj'), (4, 'abij'), (9, 'abcdefghij'[:5] + 'ghij')
  )
  def test_a_long_word_keeps_both_ends(self, max_length, kept):
    ids = spelling.spell(['abcdefghij'], LETTERS, max_length)
    self.assertEqual(LETTERS.decode(ids[0]), kept)

  @parameterized.parameters(10, 12)
  def test_a_word_that_fits_is_whole(self, max_length):
    ids = spelling.spell(['abcdefghij', 'ba?'], LETTERS, max_length)
    self.assertEqual(ids.shape, (2, max_length))
    self.assertEqual(ids.dtype, np.int32)
    np.testing.assert_array_equal(ids[0, :10], np.arange(1, 11))
    np.testing.assert_array_equal(ids[1], [2, 1, 0] + [-1] * (max_length - 3))

  def test_no_words_have_no_letters(self):
    self.assertEqual(spelling.spell([], LETTERS, 5).shape, (0, 5))

  def test_a_length_below_one_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'max_length of at least 1'):
      spelling.spell(['a'], LETTERS, 0)


if __name__ == '__main__':
  absltest.main()
