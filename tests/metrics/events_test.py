"""Tests for seqjax.metrics.events."""

import itertools
import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.metrics import events


def few_stretches(rows, length):
  """The least number of stretches of `length` that hold all rows."""
  for count in range(len(rows) + 1):
    for starts in itertools.combinations(rows, count):
      if all(any(s <= r < s + length for s in starts) for r in rows):
        return count


def slow_counts(flags, windows, length):
  found = false = 0
  for flagged, series in zip(flags, windows, strict=True):
    inside = set()
    for first, end in series:
      rows = range(first, end)
      inside.update(rows)
      found += any(flagged[r] for r in rows)
    outside = [r for r in range(len(flagged)) if flagged[r] and r not in inside]
    false += few_stretches(outside, length)
  return found, false


def some_series(seed):
  """Scores with ties, and events of two series."""
  random = np.random.RandomState([seed])
  scores = [random.randint(0, 6, n).astype(float) for n in (14, 9)]
  windows = [np.array([[2, 4], [9, 13]]), np.array([[0, 3]])]
  return scores, windows


class EventScoresTest(parameterized.TestCase):
  @parameterized.product(seed=tuple(range(6)), length=(1, 3, 30))
  def test_agrees_with_the_definition(self, seed, length):
    scores, windows = some_series(seed)
    flags = [s >= 4 for s in scores]
    found, false = slow_counts(flags, windows, length)
    measured = events.event_scores(flags, windows, length)
    self.assertEqual(measured['num_events'], 3)
    self.assertEqual(measured['num_found'], found)
    self.assertEqual(measured['num_false_alarms'], false)
    precision, recall = found / (found + false), found / 3
    self.assertAlmostEqual(measured['event_precision'], precision)
    self.assertAlmostEqual(measured['event_recall'], recall)
    f1 = 2 * precision * recall / (precision + recall) if found else 0
    self.assertAlmostEqual(measured['event_f1'], f1)

  def test_to_flag_everything_does_not_pay(self):
    flags = [np.ones(100, bool)]
    measured = events.event_scores(flags, [np.array([[40, 50]])], length=10)
    self.assertEqual(measured['num_false_alarms'], 9)
    self.assertEqual(measured['event_precision'], 0.1)

  def test_without_alarms_or_events_there_is_no_division_by_zero(self):
    calm, none = [np.zeros(5, bool)], [np.zeros((0, 2), int)]
    measured = events.event_scores(calm, [np.array([[1, 2]])], 2)
    self.assertTrue(math.isnan(measured['event_precision']))
    self.assertEqual(measured['event_recall'], 0)
    self.assertEqual(measured['event_f1'], 0)
    measured = events.event_scores([np.ones(5, bool)], none, 2)
    self.assertTrue(math.isnan(measured['event_recall']))
    self.assertEqual(measured['event_precision'], 0)
    self.assertTrue(math.isnan(events.event_area([np.ones(5)], none, 2)[0]))
    self.assertTrue(math.isnan(events.step_area([np.ones(5)], none)))


class AreaTest(parameterized.TestCase):
  @parameterized.product(seed=tuple(range(8)), length=(1, 2, 5))
  def test_agrees_with_all_thresholds_one_by_one(self, seed, length):
    scores, windows = some_series(seed)
    area, best, reached = 0, 0, 0
    for threshold in sorted(set(np.concatenate(scores)), reverse=True):
      flags = [s >= threshold for s in scores]
      found, false = slow_counts(flags, windows, length)
      if found:
        area += (found - reached) / 3 * found / (found + false)
        best = max(best, 2 * found / (found + false + 3))
      reached = found
    measured = events.event_area(scores, windows, length)
    np.testing.assert_allclose(measured, (area, best), rtol=1e-12)

  def test_perfect_scores_have_an_area_of_one(self):
    windows = [np.array([[1, 3], [6, 8]])]
    scores = [np.array([0, 5, 0, 0, 0, 0, 0, 9.0])]
    self.assertEqual(events.event_area(scores, windows, 1), (1, 1))

  def test_what_has_no_score_is_not_found(self):
    windows = [np.array([[1, 2], [3, 4]])]
    scores = [np.array([0, np.nan, 0, 7.0])]
    area, best = events.event_area(scores, windows, 1)
    self.assertEqual(area, 0.5)
    self.assertAlmostEqual(best, 2 / 3)
    scores = [np.array([-3, np.nan, -2, 7.0])]
    self.assertEqual(events.step_area(scores, windows), 0.5 + 0.5 * 2 / 4)

  @parameterized.parameters(*range(4))
  def test_rows_by_themselves(self, seed):
    scores, windows = some_series(seed)
    every = np.concatenate(scores)
    inside = np.zeros(len(every), bool)
    inside[[2, 3, 9, 10, 11, 12, 14, 15, 16]] = True
    area, reached = 0, 0
    for threshold in sorted(set(every), reverse=True):
      hits = np.sum(inside & (every >= threshold))
      area += (hits - reached) / 9 * hits / np.sum(every >= threshold)
      reached = hits
    self.assertAlmostEqual(events.step_area(scores, windows), area)


if __name__ == '__main__':
  absltest.main()
