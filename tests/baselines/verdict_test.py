from absl.testing import absltest, parameterized

from seqjax import baselines


class VerdictTest(parameterized.TestCase):
  @parameterized.parameters(
    (5.0, 'not yet the 1-gram (4.000), nor the 2-gram (2.000)'),
    (4.0, 'equals the 1-gram (4.000), not yet the 2-gram (2.000)'),
    (3.0, 'beats the 1-gram (4.000), not yet the 2-gram (2.000)'),
    (1.0, 'beats the 2-gram (2.000)'),
  )
  def test_the_verdict_names_the_nearest_on_either_side(self, score, words):
    known = {'1-gram': 4.0, '2-gram': 2.0}
    self.assertEqual(baselines.verdict(score, known), words)

  def test_a_tie_is_neither_won_nor_lost(self):
    known = {'1-gram': 4.0, '2-gram': 2.0}
    self.assertEqual(
      baselines.verdict(2.0, known),
      'beats the 1-gram (4.000), equals the 2-gram (2.000)',
    )

  def test_of_accuracies_the_higher_is_better_in_whatever_order(self):
    known = {'bag of words': 0.8, 'majority': 0.5, 'oracle': 0.9}
    self.assertEqual(
      baselines.verdict(0.85, known, higher_is_better=True),
      'beats the bag of words (0.800), not yet the oracle (0.900)',
    )


if __name__ == '__main__':
  absltest.main()
