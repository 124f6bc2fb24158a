"""Tests for seqjax.metrics.classification."""

import numpy as np
from absl.testing import absltest

from seqjax import metrics


class ClassificationTest(absltest.TestCase):
  def test_of_collected_predictions(self):
    p = [[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.5, 0.3]]
    found = metrics.classification(p, [0, 0, 0, 1])
    self.assertEqual(found['accuracy'], 0.75)
    # F1 is 4/5 of label 0 and 2/3 of label 1; label 2 stands nowhere.
    self.assertAlmostEqual(found['f1_macro'], (4 / 5 + 2 / 3) / 2)
    nats = -np.log([0.7, 0.6, 0.1, 0.5]).mean()
    self.assertAlmostEqual(found['nats_per_sequence'], nats, places=12)

  def test_a_certain_mistake_costs_a_finite_number(self):
    found = metrics.classification([[1.0, 0.0]], [1])
    self.assertAlmostEqual(found['nats_per_sequence'], 87.3, delta=0.1)

  def test_confusion_is_true_by_predicted(self):
    counts = metrics.confusion([0, 0, 2, 2, 2], [0, 1, 2, 2, 0], 4)
    expected = np.zeros((4, 4), int)
    expected[0, 0] = expected[0, 1] = expected[2, 0] = 1
    expected[2, 2] = 2
    np.testing.assert_array_equal(counts, expected)


if __name__ == '__main__':
  absltest.main()
