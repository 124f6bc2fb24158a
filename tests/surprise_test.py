"""Tests for seqjax.surprise."""

import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import surprise


def some_errors(n=300, seed=0):
  return np.random.RandomState([seed]).gamma(2, size=n)


class ScoresTest(parameterized.TestCase):
  @parameterized.parameters(1, 7)
  def test_agrees_with_the_equation(self, smoothing):
    errors = some_errors()
    smoothed = []
    for i, error in enumerate(errors):
      before = smoothed[-1] if smoothed else 0
      smoothed.append(before + (error - before) / min(i + 1, smoothing))
    found = surprise.scores(errors, smoothing, memory=1000)
    for i in (50, 51, 299):
      past = smoothed[:i]
      expected = (smoothed[i] - np.mean(past)) / np.std(past)
      self.assertAlmostEqual(found[i], expected, places=9)
    self.assertTrue(np.isnan(found[:50]).all())

  def test_what_lies_far_back_is_forgotten(self):
    errors = np.concatenate([100 + some_errors(400), some_errors(1000)])
    found = surprise.scores(errors, 1, memory=60)
    alone = surprise.scores(errors[400:], 1, memory=60)
    np.testing.assert_allclose(found[-50:], alone[-50:], rtol=1e-3)
    self.assertFalse(
      np.allclose(surprise.scores(errors, 1, 10**6)[-50:], alone[-50:], 0.1)
    )

  def test_one_by_one_is_the_same_as_all(self):
    errors = some_errors()
    errors[40:60] = math.nan
    state, found = surprise.Surprise(), []
    for error in errors:
      state, score = surprise.update(state, float(error), 5, 80)
      found.append(score)
    np.testing.assert_array_equal(found, surprise.scores(errors, 5, 80))

  def test_a_row_without_an_error_changes_nothing(self):
    errors = some_errors()
    places = np.sort(np.random.RandomState([1]).permutation(301)[:40])
    with_gaps = np.insert(errors, places, math.nan)
    found = surprise.scores(with_gaps, 5, 80)
    np.testing.assert_array_equal(
      found[~np.isnan(with_gaps)], surprise.scores(errors, 5, 80)
    )
    self.assertTrue(np.isnan(found[np.isnan(with_gaps)]).all())

  def test_errors_that_never_vary_divide_by_nothing(self):
    found = surprise.scores(np.append(np.full(60, 2.0), 3.0), 1, 100)
    self.assertEqual(found[55], 0)
    self.assertAlmostEqual(found[60], 100)

  def test_no_row_looks_ahead(self):
    errors = some_errors()
    changed = errors.copy()
    changed[200:] *= 9
    np.testing.assert_array_equal(
      surprise.scores(errors, 5, 80)[:200],
      surprise.scores(changed, 5, 80)[:200],
    )

  @parameterized.parameters(1e10, 1e200, math.inf)
  def test_one_huge_error_ends_no_scores(self, huge):
    errors = some_errors(1500)
    errors[100] = huge
    found = surprise.scores(errors, 5, 100)
    self.assertTrue(np.isfinite(found[50:]).all())
    # It is forgotten as other errors are, if it takes some rows.
    ordinary = surprise.scores(some_errors(5000), 5, 100)
    errors = some_errors(5000)
    errors[100] = huge
    later = surprise.scores(errors, 5, 100)[-500:]
    np.testing.assert_allclose(later, ordinary[-500:], atol=1e-3)


if __name__ == '__main__':
  absltest.main()
