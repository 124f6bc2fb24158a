"""Tests for seqjax.baselines.spellings."""

from unittest import mock

import numpy as np
from absl.testing import absltest

from seqjax import metrics
from seqjax.baselines import spellings


class NearestSpellingTest(absltest.TestCase):
  def test_no_other_word_is_nearer_and_no_earlier_one_as_near(self):
    random = np.random.RandomState(0)
    known, asked = (
      [
        ''.join(random.choice(list('abc'), random.randint(1, 9)))
        for _ in range(n)
      ]
      for n in (50, 7)
    )
    expected = [
      min(range(50), key=lambda i: metrics.error_rate([known[i]], [word]))
      for word in asked
    ]
    whole = spellings.nearest_spelling(known, asked)
    self.assertEqual(whole.tolist(), expected)
    with mock.patch.object(spellings, '_CELLS', 110):  # Two words at once.
      in_turns = spellings.nearest_spelling(known, asked)
    np.testing.assert_array_equal(in_turns, whole)


if __name__ == '__main__':
  absltest.main()
