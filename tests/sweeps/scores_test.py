"""Tests for seqjax.sweeps.scores."""

import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.sweeps import scores
from seqjax.sweeps import trial as trials


def outcome(value, status='done'):
  return trials.Outcome(status, {'loss': value}, 1.0)


class ScoreTest(parameterized.TestCase):
  def test_it_is_the_metric_as_a_float(self):
    found = scores.score(outcome(np.float32(0.5)), 'loss')
    self.assertEqual((found, type(found)), (0.5, float))

  @parameterized.parameters(
    (math.nan, 'done'),
    (math.inf, 'done'),
    (-math.inf, 'done'),
    (1.0, 'diverged'),
    (1.0, 'failed'),
  )
  def test_what_went_bad_has_none(self, value, status):
    self.assertTrue(math.isnan(scores.score(outcome(value, status), 'loss')))

  def test_another_metric_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'loss'"):
      scores.score(outcome(1.0), 'los')


if __name__ == '__main__':
  absltest.main()
