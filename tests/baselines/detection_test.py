"""Tests for seqjax.baselines.detection."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.baselines import detection


def some_values(n=140, columns=2, seed=0):
  values = 3 + np.random.RandomState([seed]).randn(n, columns)
  values[[5, 70, 71], 0] = np.nan
  values[90] = np.nan
  return values


class WindowedGaussianTest(parameterized.TestCase):
  @parameterized.parameters(60, 100, 10**6)
  def test_agrees_with_the_definition(self, window):
    values = some_values()
    found = detection.windowed_gaussian(values, window)
    for t in range(len(values)):
      errors = []
      for column in values.T:
        past = column[max(t - window, 0) : t]
        past = past[np.isfinite(past)]
        if len(past) >= 50 and np.isfinite(column[t]):
          errors.append(abs(column[t] - past.mean()) / past.std())
      expected = np.mean(errors) if errors else np.nan
      np.testing.assert_allclose(found[t], expected, rtol=1e-9)
    self.assertTrue(np.isnan(found[90]))
    self.assertFalse(np.isnan(found[70]))

  def test_equal_values_divide_by_nothing(self):
    values = np.append(np.zeros(60), [0.5])[:, None]
    found = detection.windowed_gaussian(values, 55)
    self.assertEqual(found[59], 0)
    self.assertEqual(found[60], 50)

  @parameterized.parameters(1e10, 1e200, -1.7e308)
  def test_a_huge_value_leaves_with_its_window(self, huge):
    values = np.random.RandomState([0]).randn(400, 1)
    changed = values.copy()
    changed[120] = huge
    found = detection.windowed_gaussian(changed, 60)
    self.assertTrue(np.isfinite(found[50:]).all())
    np.testing.assert_array_equal(
      found[181:], detection.windowed_gaussian(values, 60)[181:]
    )


class SeasonalDifferenceTest(parameterized.TestCase):
  @parameterized.parameters(1, 24, 500)
  def test_agrees_with_the_definition(self, season):
    values = some_values()
    found = detection.seasonal_difference(values, season)
    for t in range(len(values)):
      errors = []
      if t >= season:
        errors = np.abs(values[t] - values[t - season])
        errors = errors[np.isfinite(errors)]
      expected = np.mean(errors) if len(errors) else np.nan
      np.testing.assert_allclose(found[t], expected, rtol=1e-12)


class BothTest(parameterized.TestCase):
  @parameterized.parameters(
    (detection.windowed_gaussian, 60), (detection.seasonal_difference, 24)
  )
  def test_no_row_looks_ahead(self, detect, size):
    values = some_values()
    changed = values.copy()
    changed[120:] = 99
    np.testing.assert_array_equal(
      detect(values, size)[:120], detect(changed, size)[:120]
    )


if __name__ == '__main__':
  absltest.main()
