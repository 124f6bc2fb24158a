"""Conformal corrections: small cases by hand, coverage by counting."""

import math

import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from seqjax import conformal, errors

N, K, D = 60, 3, 2


class QuantileTest(parameterized.TestCase):
  @parameterized.parameters(
    # k = ceil((n + 1) level) of 1, 2, ..., n.
    (9, 0.9, 9),
    (9, 0.89, 9),
    (9, 0.5, 5),
    (9, 0.91, math.inf),
    (10, 0.5, 6),
    (10, 0.01, 1),
    (99, 0.07, 7),
    (999, 1 - 0.01, 990),
    (19, 0.95, 19),
    (18, 0.95, math.inf),
    (1, 0.5, 1),
    (0, 0.5, math.inf),
  )
  def test_it_is_the_kth_smallest(self, n, level, expected):
    scores = np.random.default_rng(0).permutation(n) + 1
    self.assertEqual(conformal.quantile(scores, level), expected)

  def test_ties_count_as_often_as_they_stand(self):
    scores = [2.0, 1.0, 2.0, 2.0]
    self.assertEqual(conformal.quantile(scores, 0.2), 1)
    self.assertEqual(conformal.quantile(scores, 0.21), 2)
    self.assertEqual(conformal.quantile(scores, 0.8), 2)

  @parameterized.parameters((5, 0.5), (19, 0.9), (30, 0.8))
  def test_a_new_score_stays_below_as_often_as_promised(self, n, level):
    rng = np.random.default_rng(1)
    trials = 4000
    hits = sum(
      scores[-1] <= conformal.quantile(scores[:-1], level)
      for scores in rng.normal(size=(trials, n + 1))
    )
    exact = math.ceil((n + 1) * level) / (n + 1)
    low, high = stats.binom.interval(0.9999, trials, exact)
    self.assertBetween(hits, low, high)

  @parameterized.parameters(math.nan, math.inf, -math.inf)
  def test_what_is_not_finite_is_refused(self, bad):
    for refuse in (
      lambda: conformal.quantile([1.0, 2.0, bad], 0.5),
      lambda: conformal.p_values([1.0, 2.0, bad], [1.0]),
      lambda: conformal.p_values([1.0], [1.0, 2.0, bad]),
    ):
      with self.assertRaisesRegex(errors.UserError, '1 of 3 .* first at 2'):
        refuse()

  @parameterized.parameters(0.0, 1.0, 1.5, math.nan)
  def test_a_level_is_between_0_and_1(self, level):
    with self.assertRaisesRegex(ValueError, 'between 0 and 1'):
      conformal.quantile([1.0], level)


class BandsTest(parameterized.TestCase):
  def bands(self, seed=0, n=N):
    """Bands that are right for the first lead and too narrow for the others."""
    rng = np.random.default_rng(seed)
    middle = rng.normal(size=(n, K, D))
    spread = np.arange(1, K + 1)[:, None] * np.ones(D)
    targets = middle + spread * rng.normal(size=(n, K, D))
    return middle - 1.645, middle + 1.645, targets

  def test_by_hand(self):
    lower, upper = np.zeros((4, 1, 1)), np.ones((4, 1, 1))
    targets = np.array([0.5, 1.25, -1, 0.25]).reshape(4, 1, 1)
    # E: -0.5, 0.25, 1, -0.25; k = 3 of 4, then 4, then 5.
    for coverage, expected in ((0.6, 0.25), (0.8, 1), (0.81, np.inf)):
      found = conformal.widen(lower, upper, targets, targets * 0 + 1, coverage)
      np.testing.assert_array_equal(found, [[expected]])

  def test_each_lead_and_column_has_its_own(self):
    lower, upper, targets = self.bands()
    weights = np.ones_like(targets)
    found = conformal.widen(lower, upper, targets, weights, 0.9)
    self.assertEqual(found.shape, (K, D))
    one = conformal.widen(
      lower[:, 1:2, :1], upper[:, 1:2, :1], targets[:, 1:2, :1],
      weights[:, 1:2, :1], 0.9,
    )  # fmt: skip
    self.assertEqual(found[1, 0], one[0, 0])
    self.assertTrue((np.diff(found, axis=0) > 0.5).all(), found)

  def test_what_has_no_weight_is_left_out(self):
    lower, upper, targets = self.bands()
    weights = np.random.default_rng(5).integers(0, 2, targets.shape)
    dirty = np.where(weights > 0, targets, np.nan)
    found = conformal.widen(lower, upper, dirty, 3.0 * weights, 0.8)
    for k, d in np.ndindex(K, D):
      keep = weights[:, k, d] > 0
      part = (keep, slice(k, k + 1), slice(d, d + 1))
      arrays = (x[part] for x in (lower, upper, targets))
      alone = conformal.widen(*arrays, np.ones((keep.sum(), 1, 1)), 0.8)
      self.assertEqual(found[k, d], alone[0, 0])

  def test_nothing_to_compare_with_is_no_bound(self):
    lower, upper, targets = self.bands()
    found = conformal.widen(lower, upper, targets, 0 * targets, 0.9)
    np.testing.assert_array_equal(found, np.full((K, D), np.inf))
    low, high = conformal.apply(lower, upper, found)
    self.assertTrue((low == -np.inf).all() and (high == np.inf).all())

  def test_corrected_bands_cover_as_often_as_promised(self):
    lower, upper, targets = self.bands(7, 20_000)
    calibration, test = slice(0, 399), slice(399, None)
    correction = conformal.widen(
      lower[calibration], upper[calibration], targets[calibration],
      np.ones((399, K, D)), 0.9,
    )  # fmt: skip
    low, high = conformal.apply(lower[test], upper[test], correction)
    y = targets[test]
    covered = ((low <= y) & (y <= high)).mean(axis=0)
    # Given one calibration part the coverage is Beta(k, n + 1 - k) distributed.
    least, most = stats.beta.interval(0.9999, 360, 40)
    self.assertBetween(covered.min(), least - 0.01, most + 0.01)
    self.assertBetween(covered.max(), least - 0.01, most + 0.01)
    before = (lower[test] <= y) & (y <= upper[test])
    self.assertLess(before.mean(axis=0)[-1].max(), 0.5)

  def test_bands_that_cover_too_much_become_narrow_and_never_cross(self):
    lower, upper, targets = self.bands()
    weights = np.ones_like(targets)
    found = conformal.widen(lower - 9, upper + 9, targets, weights, 0.9)
    self.assertTrue((found < 0).all())
    wide = conformal.apply(lower - 9, upper + 9, found)
    again = conformal.widen(lower, upper, targets, weights, 0.9)
    np.testing.assert_allclose(wide, conformal.apply(lower, upper, again))
    low, high = conformal.apply([[[1.0]]], [[[2.0]]], [[-3.0]])
    self.assertEqual((low, high), (1.5, 1.5))

  def test_a_forecast_that_is_not_finite_is_refused(self):
    lower, upper, targets = self.bands()
    lower[3, 1, 0] = np.nan
    with self.assertRaisesRegex(errors.UserError, '1 of 60 .* first at 3'):
      conformal.widen(lower, upper, targets, np.ones_like(targets), 0.9)


class AlarmsTest(parameterized.TestCase):
  def test_p_values_by_hand(self):
    found = conformal.p_values([0, 1, 2, 2.5, 9], [3, 2, 1, 2])
    np.testing.assert_allclose(found, np.array([5, 5, 4, 2, 1]) / 5)

  def test_without_calibration_nothing_is_odd(self):
    np.testing.assert_array_equal(conformal.p_values([3.0, -1.0], []), [1, 1])
    self.assertEqual(conformal.threshold([], 0.1), math.inf)

  @parameterized.product(
    rate=(0.01, 0.05, 0.1, 0.3, 0.5), n=(0, 1, 9, 19, 20, 99, 100)
  )
  def test_an_alarm_is_a_p_value_of_at_most_the_rate(self, rate, n):
    rng = np.random.default_rng(n)
    calibration = rng.integers(0, 12, n).astype(float)  # With ties.
    scores = np.arange(-1, 14.0)
    alarms = scores > conformal.threshold(calibration, rate)
    p = conformal.p_values(scores, calibration)
    np.testing.assert_array_equal(alarms, p <= rate + 1e-9)
    if n + 1 >= 1 / rate - 1e-9:
      self.assertTrue(alarms.any())

  @parameterized.parameters(0.1, 0.25)
  def test_ordinary_scores_raise_as_many_alarms_as_promised(self, rate):
    rng = np.random.default_rng(2)
    trials, n = 4000, 19
    alarms = sum(
      scores[-1] > conformal.threshold(scores[:-1], rate)
      for scores in rng.normal(size=(trials, n + 1))
    )
    low, high = stats.binom.interval(0.9999, trials, rate)
    self.assertBetween(alarms, low, high)


if __name__ == '__main__':
  absltest.main()
