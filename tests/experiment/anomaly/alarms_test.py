"""Tests for seqjax.experiment.anomaly.alarms."""

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import conformal, errors
from seqjax.data.timeseries import scaling, sensors
from seqjax.experiment.anomaly import alarms, tables

PARTS = tables.Parts(
  np.array([[0, 10], [0, 5]]),
  np.array([[10, 30], [5, 20]]),
  np.array([[30, 50], [20, 40]]),
)


def some_scores():
  random = np.random.RandomState([0])
  scores = [random.randn(50), random.randn(40)]
  scores[0][12] = np.nan
  return scores


def fitted(**changes):
  made = alarms.Fitted(
    ('a', 'b'),
    tables.Columns(('x',), 'time', 'series'),
    6,
    scaling.Scaling(np.array([[1.0], [2.0]]), np.array([[3.0], [4.0]])),
    np.arange(9.0),
  )
  return made._replace(**changes)


class CalibrateTest(parameterized.TestCase):
  def test_the_series_share_the_scores_of_that_part(self):
    scores = some_scores()
    found = alarms.calibrate(scores, PARTS)
    self.assertLen(found, 19 + 15)
    expected = np.concatenate([scores[0][10:30], scores[1][5:20]])
    np.testing.assert_array_equal(found, np.sort(expected)[:34])

  def test_an_alarm_is_a_p_value_of_at_most_the_rate(self):
    calibration = alarms.calibrate(some_scores(), PARTS)
    scores = np.append(np.linspace(-4, 4, 200), np.nan)
    found = alarms.p_values(scores, calibration)
    threshold = conformal.threshold(calibration, 0.1)
    np.testing.assert_array_equal(found <= 0.1, scores > threshold)
    self.assertTrue(np.isnan(found[-1]))

  def test_a_rate_that_so_few_rows_cannot_tell_is_refused(self):
    made = sensors.sensors(num_rows=2000)
    config = alarms.Config(alarm_rate=0.001)
    parts = tables.split(config, made.series, config.horizon)
    alarms.check(config, made.series, parts)
    config = alarms.Config(alarm_rate=0.0005)
    with self.assertRaisesRegex(errors.UserError, 'needs 1,999 .* got 1,000'):
      alarms.check(config, made.series, parts)


class MeasureTest(parameterized.TestCase):
  def test_what_is_measured_lies_in_the_test_part(self):
    scores = [np.zeros(50), np.zeros(40)]
    scores[0][[2, 33, 45]] = 9
    scores[1][[4, 21]] = 9
    events = np.array([[1, 4], [28, 34]]), np.array([[10, 20], [30, 32]])
    made = sensors.sensors(num_rows=2000)._replace(events=events)
    config = alarms.Config(alarm_rate=0.1, alarm_rows=5)
    found = alarms.measure(config, made, PARTS, scores)
    # In the first series one is found from its second part on, and one alarm
    # is false; in the other none is found, and another is false.
    self.assertEqual(found['num_events'], 2)
    self.assertEqual(found['num_found'], 1)
    self.assertEqual(found['num_false_alarms'], 2)
    self.assertAlmostEqual(found['flagged_share'], 3 / 40)

  def test_without_labels_there_is_how_much_was_flagged(self):
    made = sensors.sensors(num_rows=2000)._replace(events=None)
    config = alarms.Config(alarm_rate=0.1)
    found = alarms.measure(config, made, PARTS, some_scores())
    self.assertEqual(list(found), ['flagged_share'])

  def test_simple_detectors_score_every_row(self):
    made = sensors.sensors(num_rows=2000)
    config = alarms.Config()
    scales = scaling.fit(made.series.targets, [300] * 4)
    found = alarms.simple(config, made, scales)
    self.assertLen(found, 3)
    for scores in found.values():
      self.assertEqual([len(s) for s in scores], [2000] * 4)
      self.assertTrue(np.isfinite(scores[0][400:]).all())
    # A day of 144 rows is known by the times.
    change = found['smoothed change'][0]
    self.assertEqual(np.isnan(change).sum(), 144 + 50)


class FittedTest(folder_case.FolderTestCase):
  def test_it_comes_back(self):
    alarms.save(self.folder, fitted())
    found = alarms.load(self.folder)
    self.assertEqual(found[:3], fitted()[:3])
    for one, other in zip(found.scaling, fitted().scaling, strict=True):
      np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(found.calibration, fitted().calibration)

  def test_what_is_missing_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'written when the training'):
      alarms.load(self.folder)

  def test_it_is_always_the_same_bytes_and_goes_with_a_training(self):
    path, digests = self.folder / alarms.NAME, set()
    for _ in range(20):
      alarms.save(self.folder, fitted())
      digests.add(alarms.sha256(self.folder))
    self.assertLen(digests, 1)
    alarms.forget(self.folder)
    alarms.forget(self.folder)
    self.assertFalse(path.exists())

  def test_another_series_or_clock_is_refused(self):
    self.assertEqual(fitted().place('b'), 1)
    with self.assertRaisesRegex(errors.UserError, "Unknown series 'c'"):
      fitted().place('c')
    times = np.array(['2024-01-01'], 'datetime64[s]')
    self.assertEqual(fitted().clock_of(times, 1).shape, (1, 6))
    with self.assertRaisesRegex(errors.UserError, 'were dates, got counts'):
      fitted().clock_of(None, 1)
    with self.assertRaisesRegex(errors.UserError, 'none, got dates'):
      fitted(num_clock=0).clock_of(times, 1)


if __name__ == '__main__':
  absltest.main()
