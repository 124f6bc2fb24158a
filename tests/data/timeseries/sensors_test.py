"""Tests for seqjax.data.timeseries.sensors."""

import numpy as np
from absl.testing import absltest

from seqjax.data.timeseries import sensors


class SensorsTest(absltest.TestCase):
  def test_each_machine_has_five_events_late_and_apart(self):
    made = sensors.sensors(num_rows=2000)
    self.assertLen(made.series.names, 4)
    for values, times, events in zip(
      made.series.targets, made.times, made.events, strict=True
    ):
      self.assertEqual(values.shape, (2000, 1))
      self.assertTrue(np.isfinite(values).all())
      self.assertTrue((np.diff(times) == np.timedelta64(600, 's')).all())
      self.assertLen(events, 5)
      self.assertGreaterEqual(events[0, 0], 700)
      self.assertTrue((events[1:, 0] > events[:-1, 1]).all())
      self.assertSameElements(np.diff(events).ravel(), [33, 90, 90, 90, 120])

  def test_a_sensor_is_stuck_once(self):
    made = sensors.sensors()
    for values, events in zip(made.series.targets, made.events, strict=True):
      same = np.flatnonzero(np.diff(values[:, 0]) == 0)
      stuck = [
        np.sum((first <= same) & (same < end)) >= 59 for first, end in events
      ]
      self.assertEqual(sum(stuck), 1)

  def test_another_seed_is_another_recording(self):
    one, same, other = map(sensors.sensors, (0, 0, 1))
    self.assertEqual(one.series.sha256, same.series.sha256)
    self.assertNotEqual(one.series.sha256, other.series.sha256)

  def test_the_numbers_stay(self):
    made = sensors.sensors()
    first = made.series.targets[0][:3, 0].tolist()
    self.assertEqual(first, [58.35, 59.86, 62.49])


if __name__ == '__main__':
  absltest.main()
