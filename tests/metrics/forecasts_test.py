"""Tests for seqjax.metrics.forecasts."""

import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import metrics

N, K, D, Q = 5, 3, 2, 4
LEVELS = 0.05, 0.3, 0.5, 0.95


def random_forecasts(seed=0):
  """Targets, point forecasts, weights, quantiles and scales, some missing."""
  rng = np.random.default_rng(seed)
  targets, point = rng.normal(size=(2, N, K, D))
  targets[0, 0], point[0, 0] = 0, 0
  weights = (rng.random((N, K, D)) < 0.7).astype(float)
  weights[0, 0] = 1
  targets[weights == 0] = np.nan
  quantiles = np.sort(rng.normal(size=(N, K, D, Q)), axis=-1)
  # One that stands on the edge of its band is inside.
  targets[1, 0], weights[1, 0] = quantiles[1, 0, :, 0], 1
  scales = rng.uniform(1, 2, (N, 1, D))
  scales[2] = np.nan
  return targets, point, weights, quantiles, scales


class ForecastsTest(parameterized.TestCase):
  def test_it_is_a_plain_loop(self):
    targets, point, weights, quantiles, scales = random_forecasts()
    absolute, squared, smape, mase, pinball, inside = ([] for _ in range(6))
    for place in np.ndindex(N, K, D):
      if weights[place]:
        y, f = float(targets[place]), float(point[place])
        absolute.append(abs(y - f))
        squared.append((y - f) ** 2)
        both = abs(y) + abs(f)
        smape.append(200 * abs(y - f) / both if both else 0)
        scale = scales[place[0], 0, place[2]]
        if not math.isnan(scale):
          mase.append(abs(y - f) / scale)
        low, *_, high = quantiles[place]
        inside.append(low <= y <= high)
        for level, quantile in zip(LEVELS, quantiles[place], strict=True):
          share = level if y > quantile else 1 - level
          pinball.append(share * abs(y - quantile))
    self.assertTrue(0 < sum(inside) < len(inside))
    found = metrics.forecasts(
      targets,
      point,
      weights,
      quantiles=quantiles,
      levels=LEVELS,
      scales=scales,
    )
    expected = {
      'mae': np.mean(absolute),
      'rmse': np.mean(squared) ** 0.5,
      'smape_percent': np.mean(smape),
      'mase': np.mean(mase),
      'pinball': np.mean(pinball),
      'coverage_90': np.mean(inside),
    }
    self.assertEqual(list(found), list(expected))
    for name, value in expected.items():
      self.assertAlmostEqual(found[name], value, places=12, msg=name)

  def test_what_has_no_weight_is_never_looked_at(self):
    targets, point, weights, quantiles, scales = random_forecasts()
    expected = metrics.forecasts(
      targets,
      point,
      weights,
      quantiles=quantiles,
      levels=LEVELS,
      scales=scales,
    )
    for array in (targets, point, quantiles):
      array[weights == 0] = np.inf
    self.assertEqual(
      metrics.forecasts(
        targets,
        point,
        weights,
        quantiles=quantiles,
        levels=LEVELS,
        scales=scales,
      ),
      expected,
    )

  def test_nothing_counted_is_nan_and_no_warning(self):
    targets, point, weights, quantiles, scales = random_forecasts()
    found = metrics.forecasts(
      targets,
      point,
      0 * weights,
      quantiles=quantiles,
      levels=LEVELS,
      scales=scales,
    )
    self.assertLen(found, 6)
    self.assertTrue(all(map(math.isnan, found.values())))

  def test_constant_series_alone_have_no_mase_and_the_rest_stands(self):
    targets, point, weights, *_ = random_forecasts()
    found = metrics.forecasts(targets, point, weights, scales=np.nan)
    self.assertTrue(math.isnan(found['mase']))
    self.assertGreater(found['mae'], 0)

  def test_smape_is_at_most_200(self):
    y = np.array([[0.0], [3.0], [-3.0], [5e-324]])
    f = np.array([[0.0], [0.0], [3.0], [0.0]])
    found = metrics.forecasts(y, f, np.ones_like(y))
    self.assertEqual(found['smape_percent'], (0 + 200 + 200 + 200) / 4)

  def test_the_median_alone_has_no_band(self):
    targets, point, weights, quantiles, _ = random_forecasts()
    found = metrics.forecasts(
      targets, point, weights, quantiles=quantiles[..., :1], levels=(0.5,)
    )
    self.assertEqual(list(found), ['mae', 'rmse', 'smape_percent', 'pinball'])

  def test_half_of_what_the_median_misses(self):
    targets, point, weights, *_ = random_forecasts()
    found = metrics.forecasts(
      targets, point, weights, quantiles=point[..., None], levels=(0.5,)
    )
    self.assertAlmostEqual(found['pinball'], found['mae'] / 2, places=12)

  @parameterized.parameters(
    ((0.05, 0.5), 4),
    ((0.95, 0.5, 0.3, 0.05), 4),
  )
  def test_levels_are_those_of_the_quantiles(self, levels, num):
    targets, point, weights, quantiles, _ = random_forecasts()
    with self.assertRaisesRegex(ValueError, f'each of {num} quantiles'):
      metrics.forecasts(
        targets, point, weights, quantiles=quantiles, levels=levels
      )

  def test_shapes_are_the_same(self):
    with self.assertRaisesRegex(ValueError, 'one shape'):
      metrics.forecasts(np.zeros((3, 1)), np.zeros((3, 1)), np.ones(3))


class MaseScaleTest(parameterized.TestCase):
  @parameterized.parameters(1, 3, 7)
  def test_it_is_a_plain_loop(self, season):
    train = np.random.default_rng(1).normal(size=(20, 3))
    train[3, 0] = train[11, 0] = np.nan
    train[:, 2] = np.nan
    found = metrics.mase_scale(train, season)
    for d in range(2):
      changes = [
        abs(train[t, d] - train[t - season, d]) for t in range(season, 20)
      ]
      changes = [change for change in changes if not math.isnan(change)]
      self.assertAlmostEqual(found[d], np.mean(changes), places=12)
    self.assertTrue(math.isnan(found[2]))

  @parameterized.parameters(4, 5, 9)
  def test_a_series_no_longer_than_a_season_has_none(self, season):
    found = metrics.mase_scale(np.arange(4.0), season)
    self.assertTrue(math.isnan(found))

  def test_a_constant_series_has_none(self):
    self.assertTrue(math.isnan(metrics.mase_scale(np.full(9, 0.1), 2)))


if __name__ == '__main__':
  absltest.main()
