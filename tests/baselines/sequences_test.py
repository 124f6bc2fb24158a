import numpy as np
from absl.testing import absltest, parameterized

from seqjax import baselines

LETTERS = {'a': 1, 'b': 2, 'c': 3}


def ids(*texts):
  return [[LETTERS[letter] for letter in text] for text in texts]


class MajorityTest(absltest.TestCase):
  def test_it_is_learnt_from_the_training_part_alone(self):
    self.assertEqual(baselines.majority([2, 2, 0], [0, 0, 0, 2]), 0.25)


class BagOfNgramsTest(parameterized.TestCase):
  def test_a_bag_of_words_sees_words_and_no_order(self):
    train = ids('ab', 'ba', 'ac', 'ca'), [0, 0, 1, 1]
    score = baselines.bag_of_ngrams(train, (ids('ba', 'ac', 'b'), [0, 1, 0]), 4)
    self.assertEqual(score, 1)
    # Told apart by their order alone: no better than one answer for all.
    train = ids('ab', 'ba') * 4, [0, 1] * 4
    self.assertEqual(baselines.bag_of_ngrams(train, train, 4), 0.5)

  @parameterized.parameters(2, 3)
  def test_longer_ngrams_see_order(self, order):
    train = ids('aab', 'baa') * 4, [0, 1] * 4
    self.assertEqual(baselines.bag_of_ngrams(train, train, 4, order), 1)

  def test_the_counts_are_those_of_a_slow_count(self):
    from seqjax.baselines import sequences as module

    rng = np.random.default_rng(0)
    texts = [rng.integers(0, 5, n) for n in (0, 1, 7, 40)]
    packed = [module._packed(x, 5, 2) for x in texts]
    grams = np.array([g for g in np.unique(np.concatenate(packed)) if g % 3])
    slow = [
      [sum(5 * x[i] + x[i + 1] == g for i in range(len(x) - 1)) for g in grams]
      for x in texts
    ]
    counts = module._counts(packed, grams).toarray()
    np.testing.assert_array_equal(counts, slow)

  def test_sequences_shorter_than_an_ngram_leave_the_majority(self):
    score = baselines.bag_of_ngrams(
      (ids('ab', 'ba', 'c'), [1, 1, 0]), (ids('abc', 'a'), [1, 0]), 4, order=3
    )
    self.assertEqual(score, 0.5)

  def test_what_training_never_held_is_passed_over(self):
    train = ids('aa', 'bb'), [0, 1]
    asked = ids('acc', 'cbc', ''), [0, 1, 0]
    self.assertGreaterEqual(baselines.bag_of_ngrams(train, asked, 4), 2 / 3)


if __name__ == '__main__':
  absltest.main()
