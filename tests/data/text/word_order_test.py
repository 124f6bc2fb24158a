import collections

import numpy as np
from absl.testing import absltest

from seqjax import data, errors
from seqjax.data.text import sources, word_order


def text(num_sentences, words='The cat sat on its mat'):
  content = ' '.join(
    f'{words} and {chr(97 + i % 26)}{"x" * (i // 26)}.'
    for i in range(num_sentences)
  )
  return sources.Text(content, 'cats', '')


class WordOrderTest(absltest.TestCase):
  def test_each_sentence_stands_once_with_either_label(self):
    parts = word_order.word_order(data.python_reference())
    bags = collections.Counter()
    for part in parts:
      for in_order, shuffled in zip(
        part.texts[::2], part.texts[1::2], strict=True
      ):
        self.assertNotEqual(in_order, shuffled)
        self.assertEqual(sorted(in_order.split()), sorted(shuffled.split()))
        bags[in_order] += 1
      self.assertEqual(part.labels, word_order.LABELS * (len(part.texts) // 2))
    # No sentence is in two parts, or twice in one.
    self.assertEqual(set(bags.values()), {1})
    self.assertGreater(len(bags), 2000)

  def test_the_parts_follow_each_other(self):
    train, valid, test = word_order.word_order(text(100))
    sizes = [len(part.texts) for part in (train, valid, test)]
    self.assertEqual(sizes, [160, 20, 20])
    self.assertEqual(train.texts[0], 'the cat sat on its mat and a')
    self.assertEqual(test.texts[-2], 'the cat sat on its mat and vxxx')

  def test_the_seed_shuffles_and_nothing_else_does(self):
    one, again, other = (word_order.word_order(text(50), s) for s in (1, 1, 2))
    self.assertEqual(one, again)
    self.assertEqual(one[0].texts[::2], other[0].texts[::2])
    self.assertNotEqual(one[0].texts, other[0].texts)
    self.assertNotEqual(one[0].sha256, other[0].sha256)

  def test_a_shuffle_is_never_the_order_itself(self):
    words = ('a', 'a', 'b')
    for seed in range(20):
      rng = np.random.RandomState(seed)
      self.assertNotEqual(word_order._shuffled(rng, words), words)

  def test_a_short_text_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'at least 30 sentences'):
      word_order.word_order(text(20))


if __name__ == '__main__':
  absltest.main()
