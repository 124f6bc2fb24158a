"""Tests for seqjax.data.timeseries.demand."""

from unittest import mock

import numpy as np
from absl.testing import absltest

from seqjax import baselines, metrics
from seqjax.data.timeseries import demand, frequency, scaling

HORIZON, TRAIN = 24, 3000


class DemandTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.made = demand.demand(num_ahead=0)

  def test_its_arrays_belong_together(self):
    made = self.made
    self.assertLen(made.names, 4)
    for times, targets, past, known in zip(
      made.times, made.targets, made.past, made.known, strict=True
    ):
      self.assertEqual(targets.shape, (4000, 1))
      self.assertEqual(past.shape, (4000, 0))
      self.assertEqual(known.shape, (4000, 2))
      self.assertTrue((np.diff(times) == np.timedelta64(3600, 's')).all())
    self.assertEqual(made.static.shape, (4, 0))
    self.assertEqual(frequency.infer(*made.times), made.frequency)

  def test_demand_is_above_0_and_differs_by_town(self):
    means = [y.mean() for y in self.made.targets]
    self.assertGreater(min(y.min() for y in self.made.targets), 0)
    self.assertGreater(np.diff(sorted(means)).min(), 10)

  def test_cold_and_heat_both_cost(self):
    y, known = self.made.targets[2][:, 0], self.made.known[2]
    noon = np.arange(len(y)) % 168 == 12
    celsius, y = known[noon, 0], y[noon]
    mild = y[(celsius > 15) & (celsius < 22)].mean()
    self.assertGreater(y[celsius > 28].mean(), mild + 20)

  def test_a_holiday_is_like_a_weekend(self):
    y, known = self.made.targets[0][:, 0], self.made.known[0]
    hours = np.arange(len(y))
    peak = (hours % 24 == 9) & (hours // 24 % 7 < 5)
    holiday = known[:, 1] > 0
    share = holiday.mean()
    self.assertBetween(share, 0.01, 0.1)
    working = y[peak & ~holiday].mean()
    self.assertLess(y[peak & holiday].mean(), working - 10)

  def test_what_is_known_ahead_is_worth_more_than_a_line_finds(self):
    """The formula without noise, against the baselines, in MAE."""
    made = self.made
    lengths = [TRAIN] * 4
    scales = scaling.fit(made.targets, lengths)
    filled = [scales.apply(y, s) for s, y in enumerate(made.targets)]
    weather = scaling.fit(made.known, lengths)
    known = [weather.apply(x, s) for s, x in enumerate(made.known)]
    lags = baselines.default_lags((24, 168), 336)
    observed = [np.isfinite(y) for y in filled]
    linear = baselines.ridge(filled, observed, lengths, lags, HORIZON, known)
    with mock.patch.object(demand, '_NOISE_SHARE', 0):
      quiet = demand.demand(num_ahead=0).targets

    def mae(forecast):
      errors = []
      for s, y in enumerate(made.targets):
        said = forecast(s)
        origins = np.arange(TRAIN - 1, len(y) - HORIZON)
        truth = y[origins[:, None] + np.arange(1, HORIZON + 1)]
        found = metrics.forecasts(truth, said[origins], np.ones_like(truth))
        errors.append(found['mae'])
      return np.mean(errors)

    best = mae(lambda s: _ahead(quiet[s]))
    week = mae(
      lambda s: baselines.seasonal_naive(made.targets[s], HORIZON, (168,))
    )
    line = mae(lambda s: scales.invert(linear.predict(filled[s], known[s]), s))
    self.assertLess(best, 0.6 * line)
    self.assertLess(line, week)

  def test_it_is_a_function_of_the_seed(self):
    again, other = (demand.demand(seed, num_ahead=0) for seed in (0, 1))
    self.assertEqual(again.sha256, self.made.sha256)
    self.assertNotEqual(other.sha256, self.made.sha256)

  def test_of_the_hours_ahead_all_but_the_demand_is_told(self):
    made = demand.demand()
    for y, known in zip(made.targets, made.known, strict=True):
      self.assertEqual(
        np.isnan(y[:, 0]).nonzero()[0].tolist(), list(range(4000, 4168))
      )
      self.assertTrue(np.isfinite(known).all())

  def test_the_seed_gives_the_same_series_for_ever(self):
    sums = [round(float(y.sum()), 2) for y in self.made.targets]
    self.assertEqual(sums, [293681.82, 142378.87, 438542.55, 215294.1])


def _ahead(values):
  """[n, K, D] the values themselves, as if they were known."""
  rows = np.arange(len(values))[:, None] + np.arange(1, HORIZON + 1)
  return values[np.minimum(rows, len(values) - 1)]


if __name__ == '__main__':
  absltest.main()
