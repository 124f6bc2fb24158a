"""Tests for seqjax.baselines.forecasts."""

import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import baselines
from seqjax.baselines import forecasts

K, D, F = 3, 2, 2
LAGS = 0, 1, 4
PENALTY = 0.01


def slow_ridge(parts, d, k):
  """Weights [L + 1 + F] of one column and lead, row by row."""
  rows, targets = [], []
  for filled, observed, length, known in parts:
    for t in range(length - k):
      if observed[t + k, d]:
        lagged = [filled[max(t - lag, 0), d] for lag in LAGS]
        rows.append([*lagged, 1, *known[t + k]])
        targets.append(filled[t + k, d])
  x = np.array(rows)
  # The penalty as targets of 0, of all features but the constant.
  more = math.sqrt(PENALTY * len(rows)) * np.eye(x.shape[1])
  more = np.delete(more, len(LAGS), axis=0)
  x = np.concatenate([x, more])
  y = np.append(targets, np.zeros(len(more)))
  return np.linalg.lstsq(x, y)[0]


def two_series():
  """Each with values [n, D], what was observed, rows to fit, and covariates."""
  rng = np.random.default_rng(0)
  parts = []
  for n, length in ((40, 30), (25, 25)):
    filled = rng.normal(size=(n, D))
    observed = rng.random((n, D)) < 0.7
    parts.append((filled, observed, length, rng.normal(size=(n + 5, F))))
  return parts


def fit(parts, with_known=True, **options):
  filled, observed, lengths, known = zip(*parts, strict=True)
  return baselines.ridge(
    filled,
    observed,
    lengths,
    LAGS,
    K,
    known=known if with_known else None,
    penalty=PENALTY,
    **options,
  )


class NaiveTest(parameterized.TestCase):
  def test_naive_repeats_the_origin(self):
    filled = np.random.default_rng(0).normal(size=(5, D))
    found = baselines.naive(filled, K)
    for t, k, d in np.ndindex(5, K, D):
      self.assertEqual(found[t, k, d], filled[t, d])

  @parameterized.parameters((1,), (2,), (7,), (2, 5), (40,))
  def test_seasonal_naive_is_a_plain_loop(self, *seasons):
    horizon, n = 6, 20
    filled = np.random.default_rng(0).normal(size=(n, D))
    found = baselines.seasonal_naive(filled, horizon, seasons)
    for t, lead, d in np.ndindex(n, horizon, D):
      k = lead + 1
      rows = [t + k - s * math.ceil(k / s) for s in seasons]
      past = [filled[row, d] for row in rows if row >= 0]
      expected = np.mean(past) if past else filled[t, d]
      self.assertAlmostEqual(found[t, lead, d], expected, places=12)

  @parameterized.parameters((1,), (3, 5))
  def test_no_forecast_looks_ahead(self, *seasons):
    filled = np.random.default_rng(0).normal(size=(20, D))
    whole = baselines.seasonal_naive(filled, K, seasons)
    for n in (1, 4, 19):
      grown = baselines.seasonal_naive(filled[:n], K, seasons)
      np.testing.assert_array_equal(grown, whole[:n])


class RidgeTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    # So that a series is cut within.
    chunk = forecasts._CHUNK_ROWS
    self.addCleanup(setattr, forecasts, '_CHUNK_ROWS', chunk)
    forecasts._CHUNK_ROWS = 16

  @parameterized.parameters(True, False)
  def test_it_is_least_squares_row_by_row(self, with_known):
    parts = two_series()
    if not with_known:
      parts = [(*part[:3], np.zeros((45, 0))) for part in parts]
    found = fit(parts, with_known)
    self.assertEqual(
      found.weights.shape, (D, K, len(LAGS) + 1 + F * with_known)
    )
    for d, lead in np.ndindex(D, K):
      np.testing.assert_allclose(
        found.weights[d, lead],
        slow_ridge(parts, d, lead + 1),
        rtol=1e-10,
        atol=1e-12,
      )

  def test_predictions_are_the_map_row_by_row(self):
    parts = two_series()
    model = fit(parts)
    filled, _, _, known = parts[0]
    known = known[: len(filled) + 1]
    found = model.predict(filled, known)
    self.assertEqual(found.shape, (40, K, D))
    for t, lead, d in np.ndindex(40, K, D):
      features = [filled[max(t - lag, 0), d] for lag in LAGS]
      ahead = known[min(t + lead + 1, len(known) - 1)]
      expected = np.dot(model.weights[d, lead], [*features, 1, *ahead])
      self.assertAlmostEqual(found[t, lead, d], expected, places=12)

  def test_nothing_beyond_the_training_part_is_read(self):
    parts = two_series()
    before = fit(parts)
    for filled, observed, length, known in parts:
      filled[length:], observed[length:] = 1e6, True
      known[length:] = 1e6
    np.testing.assert_array_equal(fit(parts).weights, before.weights)

  def test_a_missing_target_is_never_fitted(self):
    parts = two_series()
    # The last row of the part is no origin, so that it is a target alone.
    filled, observed, length, _ = parts[0]
    observed[length - 1] = False
    before = fit(parts)
    filled[length - 1] = 1e3
    np.testing.assert_allclose(fit(parts).weights, before.weights, rtol=1e-9)
    observed[length - 1] = True
    self.assertGreater(np.abs(fit(parts).weights - before.weights).max(), 1)

  def test_no_forecast_looks_ahead(self):
    parts = two_series()
    filled, _, _, known = parts[0]
    model = fit(parts)
    whole = model.predict(filled, known)
    np.testing.assert_array_equal(model.predict(filled[:20], known), whole[:20])

  def test_a_column_without_targets_is_forecast_as_0(self):
    parts = two_series()
    for _, observed, _, _ in parts:
      observed[:, 1] = False
    model = fit(parts)
    found = model.predict(parts[0][0], parts[0][3])
    np.testing.assert_allclose(found[:, :, 1], 0, atol=1e-9)
    self.assertGreater(np.abs(found[:, :, 0]).max(), 0.1)

  @parameterized.parameters(0, 1, 2)
  def test_a_part_too_short_for_a_target_is_forecast_as_0(self, length):
    filled, ones = np.arange(6.0)[:, None], np.ones((6, 1), bool)
    model = baselines.ridge([filled], [ones], [length], (0,), K)
    self.assertTrue(np.isfinite(model.weights).all())
    np.testing.assert_array_equal(model.weights[:, max(length - 1, 0) :], 0)

  def test_a_constant_series_is_forecast_as_it_is(self):
    filled = np.zeros((30, 1))
    model = baselines.ridge([filled], [filled == 0], [20], LAGS, K)
    np.testing.assert_array_equal(model.predict(filled), 0)


class DefaultLagsTest(parameterized.TestCase):
  @parameterized.parameters(1, 50, 96)
  def test_a_short_context_is_read_whole(self, context):
    lags = baselines.default_lags((24, 168), context)
    self.assertEqual(lags, tuple(range(context)))

  def test_a_long_one_is_read_where_a_season_comes_round(self):
    lags = baselines.default_lags((96, 672), 800)
    self.assertEqual(lags, (*range(96), *range(624, 672)))
    lags = baselines.default_lags((12,), 800)
    self.assertEqual(lags, tuple(range(96)))

  def test_all_lie_within_the_context(self):
    lags = baselines.default_lags((1440,), 1400)
    self.assertEqual(lags, (*range(96), *range(1392, 1400)))


if __name__ == '__main__':
  absltest.main()
