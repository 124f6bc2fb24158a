"""Tests for seqjax.baselines.tags."""

from absl.testing import absltest

from seqjax.baselines import tags


class MostFrequentTagsTest(absltest.TestCase):
  def test_a_word_gets_its_most_frequent_tag(self):
    train = [['a', 'b', 'a'], ['a', 'b']], [['Z', 'Y', 'X'], ['X', 'Y']]
    found = tags.most_frequent_tags(train, [['b', 'a'], []])
    self.assertEqual(found, [('Y', 'X'), ()])

  def test_a_new_word_gets_the_tag_of_rare_ones(self):
    frequent, rare = ['.', ',', ';'] * 2, ['a', 'b']
    train = [frequent + rare], [['MARK'] * 6 + ['Y', 'Y']]
    self.assertEqual(tags.most_frequent_tags(train, [['new']]), [('Y',)])

  def test_without_rare_words_every_word_counts_once(self):
    train = [['.'] * 9 + ['a', 'b'] * 2], [['MARK'] * 9 + ['X'] * 4]
    self.assertEqual(tags.most_frequent_tags(train, [['new']]), [('X',)])


if __name__ == '__main__':
  absltest.main()
