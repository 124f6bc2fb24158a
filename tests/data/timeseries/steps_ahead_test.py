"""What a forecaster reads and is asked, against a loop over its rows."""

import numpy as np
from absl.testing import absltest

from seqjax.data.timeseries import readings, steps_ahead, windows

HORIZON, NUM_TARGETS, NUM_PAST, NUM_STATIC = 3, 2, 4, 6
NUM_KNOWN, NUM_AHEAD = 5, 7
LENGTHS = (9, 12)


def make_readings():
  random = np.random.RandomState(0)
  draw = lambda *shape: random.randn(*shape).astype(np.float32)
  found = []
  for n in LENGTHS:
    observed = random.rand(n + HORIZON, NUM_TARGETS) < 0.8
    observed[n:] = False
    found.append(
      readings.Readings(
        values=draw(n + HORIZON, NUM_TARGETS),
        observed=observed,
        past=draw(n + HORIZON, NUM_PAST),
        known=draw(n + HORIZON, NUM_KNOWN),
        ahead=draw(n, HORIZON, NUM_AHEAD),
        base=draw(n, HORIZON, NUM_TARGETS),
        static=draw(NUM_STATIC),
        scale=draw(NUM_TARGETS),
      )
    )
  return found


class StepsAheadTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.readings = make_readings()
    self.windows = windows.Windows(
      [[0, 8], [2, 11]], 4, steps=3, context=2, shuffle=False
    )
    # Of the second series the first rows and the last are not to be learnt.
    self.targets = [[0, 9], [4, 10]]
    self.batches = steps_ahead.forecast_batches(
      self.readings, self.windows, self.targets
    )

  def test_every_number_is_the_one_of_its_row(self):
    checked = 0
    for index in range(self.windows.batches_per_epoch):
      window, batch = self.windows(index), self.batches(index)
      for t, b in zip(*np.nonzero(window.mask), strict=True):
        s, row = window.series[b], window.rows[t, b]
        one, steps = self.readings[s], batch.inputs
        np.testing.assert_array_equal(steps.values[t, b], one.values[row])
        np.testing.assert_array_equal(steps.missing[t, b], ~one.observed[row])
        np.testing.assert_array_equal(steps.past[t, b], one.past[row])
        np.testing.assert_array_equal(steps.base[t, b], one.base[row])
        np.testing.assert_array_equal(steps.static[t, b], one.static)
        np.testing.assert_array_equal(steps.scale[t, b], one.scale)
        for k in range(HORIZON):
          ahead = row + 1 + k
          np.testing.assert_array_equal(
            steps.known[t, b, k],
            np.concatenate([one.known[ahead], one.ahead[row, k]]),
          )
          np.testing.assert_array_equal(
            batch.targets[t, b, k], one.values[ahead]
          )
          first, end = self.targets[s]
          counts = window.scored[t, b] and first <= ahead < end
          np.testing.assert_array_equal(
            batch.weights[t, b, k], counts * one.observed[ahead]
          )
        checked += 1
    self.assertGreater(checked, 17)

  def test_importance_is_of_a_series_and_a_column(self):
    importance = np.array([[1, 2], [3, 4]])
    batches = steps_ahead.forecast_batches(
      self.readings, self.windows, self.targets, importance
    )
    for index in range(self.windows.batches_per_epoch):
      series = self.windows(index).series
      np.testing.assert_array_equal(
        batches(index).weights,
        self.batches(index).weights * importance[series][:, None],
      )

  def test_what_is_not_valid_weighs_nothing(self):
    for index in range(self.windows.batches_per_epoch):
      batch = self.batches(index)
      self.assertFalse(batch.weights[~batch.mask].any())

  def test_numbers_are_float32(self):
    batch = self.batches(0)
    for array in (*batch.inputs, batch.targets, batch.weights):
      self.assertEqual(array.dtype, np.float32)

  def test_no_row_after_the_targets_is_learnt(self):
    later = [
      one._replace(
        values=np.where(
          np.arange(len(one.values))[:, None] < end, one.values, np.float32(1e9)
        )
      )
      for one, (_, end) in zip(self.readings, self.targets, strict=True)
    ]
    batches = steps_ahead.forecast_batches(later, self.windows, self.targets)
    for index in range(self.windows.batches_per_epoch):
      before, after = self.batches(index), batches(index)
      np.testing.assert_array_equal(
        before.weights * before.targets, after.weights * after.targets
      )


if __name__ == '__main__':
  absltest.main()
