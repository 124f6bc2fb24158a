"""Forecasts from many origins, by a forecaster that says its base."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import data
from seqjax.data.timeseries import frequency
from seqjax.data.timeseries import series as series_lib
from seqjax.experiment.forecasting import backtest, fitting, forecaster, splits

HORIZON, LENGTHS = 3, (60, 45)
FIELDS = {
  'base': 'seasonal_naive',
  'seasons': (4,),
  'horizon': HORIZON,
  'context': 5,
  'window': 7,
  'valid_rows': 9,
  'test_rows': 11,
}


def make_series(positive=False):
  random = np.random.RandomState(0)
  draw = lambda n, width: 10 * random.randn(n, width) + 50
  start = np.datetime64('2024-01-01', 's')
  targets = [draw(n, 2) for n in LENGTHS]
  targets[0][52, 0] = np.nan
  return data.Series(
    names=('a', 'b'),
    times=tuple(start + 86_400 * np.arange(n) for n in LENGTHS),
    targets=tuple(targets),
    past=tuple(np.zeros((n, 0)) for n in LENGTHS),
    known=tuple(np.zeros((n, 0)) for n in LENGTHS),
    static=np.zeros((2, 0)),
    columns=series_lib.Columns(('y', 'z')),
    frequency=frequency.parse('1day'),
    name='made',
  )


def prepare(config):
  series = make_series()
  parts = splits.split(config, series, np.zeros(2, int), HORIZON)
  fitted = forecaster.fit(config, series, parts.train[:, 1])
  return forecaster.prepare(config, series, fitted), parts


def say_base(config):
  def say(params, batch, t, b, series, rows):
    base = batch.inputs.base[t, b].astype(np.float64)
    return base, np.repeat(base[..., None], len(config.levels), -1)

  return say


class BacktestTest(parameterized.TestCase):
  def run_test(self, every=1, **fields):
    config = forecaster.Config(**FIELDS | fields)
    prepared, parts = prepare(config)
    origins = backtest.of_part(parts.test, HORIZON)
    said = backtest.forecast(
      config, say_base(config), None, prepared, origins, every
    )
    return config, prepared, parts, said

  @parameterized.parameters(1, 2, 64)
  def test_every_origin_whose_forecast_lies_in_the_part(self, batch_size):
    *_, said = self.run_test(eval_batch_size=batch_size)
    self.assertEqual(said.series.tolist(), [0] * 9 + [1] * 9)
    self.assertEqual(said.rows.tolist(), [*range(48, 57), *range(33, 42)])

  def test_targets_are_what_came_in_units(self):
    config, prepared, _, said = self.run_test()
    unit = backtest.in_units(config, prepared, said)
    for n, (s, row) in enumerate(zip(said.series, said.rows, strict=True)):
      came = prepared.series.targets[s][row + 1 : row + 1 + HORIZON]
      np.testing.assert_array_equal(said.weights[n], np.isfinite(came))
      seen = np.isfinite(came)
      np.testing.assert_allclose(unit.targets[n][seen], came[seen], 1e-5)

  def test_it_says_the_season_before(self):
    config, prepared, _, said = self.run_test()
    unit = backtest.in_units(config, prepared, said)
    y = prepared.series.targets[1]
    n = int(np.flatnonzero(said.series == 1)[0])
    row = said.rows[n]
    np.testing.assert_allclose(
      unit.point[n], y[row + 1 - 4 : row + 1 - 4 + HORIZON], rtol=1e-5
    )

  def test_fewer_origins_are_some_of_them(self):
    *_, whole = self.run_test()
    *_, some = self.run_test(every=4)
    self.assertEqual(some.rows.tolist(), [48, 52, 56, 33, 37, 41])
    picked = [0, 4, 8, 9, 13, 17]
    np.testing.assert_array_equal(some.point, whole.point[picked])

  def test_numbers_are_those_of_a_loop(self):
    config, prepared, parts, said = self.run_test()
    found = backtest.measure(config, prepared, parts, said)
    unit = backtest.in_units(config, prepared, said)
    wrong = np.abs(unit.targets - unit.point)[said.weights > 0]
    self.assertAlmostEqual(found['mae'], wrong.mean(), places=6)
    scaled = (said.targets - said.point)[said.weights > 0]
    self.assertAlmostEqual(found['mse_scaled'], (scaled**2).mean(), places=6)
    shares = []
    for s in (0, 1):
      y = prepared.series.targets[s][: parts.train[s, 1]]
      scale = np.nanmean(np.abs(y[4:] - y[:-4]), axis=0)
      of_s = said.series == s
      error = np.abs(unit.targets - unit.point)[of_s] / scale
      shares.append(error[said.weights[of_s] > 0])
    self.assertAlmostEqual(
      found['mase'], np.concatenate(shares).mean(), places=6
    )

  def test_a_baseline_of_the_same_name_is_the_base(self):
    config, prepared, _, said = self.run_test()
    simple = backtest.simple(config, prepared, said)
    self.assertEqual(list(simple), ['naive', 'season 4', 'ridge'])
    np.testing.assert_allclose(
      simple['season 4'].point, said.point, rtol=1e-5, atol=1e-6
    )

  def test_error_by_lead_leaves_out_what_did_not_come(self):
    *_, said = self.run_test()
    found = backtest.by_lead(said)
    for k in range(HORIZON):
      wrong = np.abs(said.targets - said.point)[:, k]
      expected = wrong[said.weights[:, k] > 0].mean()
      self.assertAlmostEqual(found[k], expected, places=6)
    nothing = said._replace(weights=0 * said.weights)
    self.assertTrue(np.isnan(backtest.by_lead(nothing)).all())

  def test_logarithms_are_taken_back(self):
    config, prepared, _, said = self.run_test(log=True)
    unit = backtest.in_units(config, prepared, said)
    n = int(np.flatnonzero(said.series == 1)[0])
    row = said.rows[n]
    y = prepared.series.targets[1]
    np.testing.assert_allclose(unit.targets[n], y[row + 1 : row + 4], 1e-5)
    np.testing.assert_allclose(unit.point[n], y[row - 3 : row], rtol=1e-5)

  def test_seasonal_inputs_are_the_values_before_the_targets(self):
    config, prepared, *_ = self.run_test(seasons=(4, 6))
    y = prepared.filled[0]
    ahead = prepared.readings[0].ahead
    self.assertEqual(ahead.shape, (60, HORIZON, 4))
    for k in range(HORIZON):
      expected = np.concatenate([y[21 + k - 4], y[21 + k - 6]])
      np.testing.assert_allclose(ahead[20, k], expected, rtol=1e-6)
    past = prepared.readings[0].past
    expected = np.concatenate([y[20] - y[16], y[20] - y[14]])
    np.testing.assert_allclose(past[20], expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(past[0], 0)
    config, prepared, *_ = self.run_test(seasonal_inputs=False)
    self.assertEqual(prepared.readings[0].ahead.shape, (60, HORIZON, 0))
    self.assertEqual(prepared.readings[0].past.shape, (63, 0))


class FittingTest(absltest.TestCase):
  def test_series_that_are_known_keep_their_scale(self):
    config = forecaster.Config(**FIELDS)
    prepared, _ = prepare(config)
    other = prepared.series._replace(
      names=('b', 'new'),
      targets=tuple(3 * y for y in prepared.series.targets),
    )
    found = fitting.of_series(prepared.fitted, other, 'standard', [60, 45])
    before = prepared.fitted.scalings.targets
    np.testing.assert_array_equal(
      found.scalings.targets.scale[0], before.scale[1]
    )
    np.testing.assert_allclose(
      found.scalings.targets.scale[1],
      np.nanstd(other.targets[1], axis=0),
      rtol=1e-6,
    )


if __name__ == '__main__':
  absltest.main()
