"""Tests for seqjax.baselines.translations."""

import collections
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.baselines import translations


def model_1(sources, targets, rounds):
  """The table p(t | s) of Brown et al. (1993), word by word."""
  p = collections.defaultdict(lambda: 1.0)
  for _ in range(rounds):
    counts, sums = collections.Counter(), collections.Counter()
    for source, target in zip(sources, targets, strict=True):
      for t in target:
        total = sum(p[s, t] for s in source)
        for s in source:
          counts[s, t] += p[s, t] / total
          sums[s] += p[s, t] / total
    p = {(s, t): count / sums[s] for (s, t), count in counts.items()}
  return p


class LikeliestWordsTest(parameterized.TestCase):
  @parameterized.parameters(1, 4)
  def test_it_is_the_likeliest_of_the_model(self, rounds):
    random = np.random.RandomState(0)
    draw = lambda: [
      random.randint(0, 9, random.randint(0, 7)) for _ in range(60)
    ]
    sources, targets = draw(), draw()
    p = model_1(sources, targets, rounds)
    found = translations.likeliest_words(sources, targets, rounds)
    self.assertLen(found, 9)
    for s, t in enumerate(found):
      best = max(value for (other, _), value in p.items() if other == s)
      self.assertAlmostEqual(p[s, t], best)

  def test_words_are_told_apart_by_what_they_stand_beside(self):
    # 9 and 90 are everywhere, so they explain nothing else.
    random = np.random.RandomState(0)
    sources = [np.append(random.permutation(8)[:3], 9) for _ in range(80)]
    targets = [x[::-1] * 10 for x in sources]
    found = translations.likeliest_words(sources, targets, rounds=9)
    self.assertEqual(found.tolist(), [*range(0, 80, 10), -1, 90])

  def test_of_very_many_couples_a_part_is_counted(self):
    sources = [np.array([i % 5, 5]) for i in range(100)]
    targets = [np.array([i % 5 + 10]) for i in range(100)]
    whole = translations.likeliest_words(sources, targets)
    with mock.patch.object(translations, '_MAX_COUPLES', 80):
      part = translations.likeliest_words(sources, targets)
    self.assertEqual(part[:5].tolist(), whole[:5].tolist())
    with mock.patch.object(translations, '_MAX_COUPLES', 2):
      one = translations.likeliest_words(sources, targets)
    self.assertEqual((one >= 0).sum(), 2)


class NearestTest(absltest.TestCase):
  def test_a_text_is_nearest_to_itself(self):
    random = np.random.RandomState(0)
    train = [
      [str(x) for x in random.randint(0, 50, random.randint(3, 9))]
      for _ in range(40)
    ]
    found = translations.nearest(train, train[5:9])
    self.assertEqual(found.tolist(), [5, 6, 7, 8])

  def test_a_rare_token_says_more_than_a_frequent_one(self):
    train = [['the', 'cat'], ['the', 'dog'], ['a', 'bird'], ['the', 'fox']]
    found = translations.nearest(train, [['the', 'bird'], ['the', 'fox', 'x']])
    self.assertEqual(found.tolist(), [2, 3])


if __name__ == '__main__':
  absltest.main()
