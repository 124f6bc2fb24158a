"""Tests for seqjax.data.timeseries.calendar."""

import calendar as python_calendar
import datetime
import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.data.timeseries import calendar, frequency


def times_of(step, n, start='1967-11-05T03:00:00'):
  return np.datetime64(start, 's') + np.arange(n) * np.timedelta64(step, 's')


class FeaturesTest(parameterized.TestCase):
  @parameterized.parameters('15min', '1h', '7h', '1d')
  def test_they_are_what_the_calendar_says(self, text):
    step = frequency.parse(text)
    times = times_of(step.count, 900)
    found, names = calendar.features(times, step)
    self.assertEqual(found.shape, (900, len(names)))
    for row, time in zip(found, times.tolist(), strict=True):
      midnight = datetime.datetime(time.year, time.month, time.day)
      january = datetime.datetime(time.year, 1, 1)
      days = 366 if python_calendar.isleap(time.year) else 365
      turns = {
        'day': (time - midnight) / datetime.timedelta(days=1),
        'year': (time - january) / datetime.timedelta(days=days),
      }
      for value, name in zip(row, names, strict=True):
        if '_' in name:
          wave, period, harmonic = name.split('_')
          angle = 2 * math.pi * int(harmonic) * turns[period]
          expected = {'sin': math.sin, 'cos': math.cos}[wave](angle)
        else:
          expected = time.strftime('%A').lower() == name
        self.assertAlmostEqual(value, expected, places=9)

  @parameterized.parameters(
    ('10s', 6, 7, 2),
    ('1h', 6, 7, 2),
    ('6h', 4, 7, 2),
    ('12h', 2, 7, 2),
    ('18h', 0, 7, 2),
    ('1d', 0, 7, 2),
    ('1w', 0, 0, 2),
  )
  def test_a_step_has_what_changes_within_it(self, text, day, week, year):
    step = frequency.parse(text)
    _, names = calendar.features(times_of(step.count, 3), step)
    self.assertLen(set(names), len(names))
    self.assertEqual(sum('_day_' in name for name in names), day)
    self.assertEqual(sum('_' not in name for name in names), week)
    self.assertEqual(sum('_year_' in name for name in names), year)

  def test_months_say_which_they_are(self):
    times = np.arange('1969-11', '1970-03', dtype='M8[M]').astype('M8[s]')
    found, names = calendar.features(times, frequency.parse('1month'))
    self.assertLen(names, 12)
    self.assertEqual(
      [names[i] for i in found.argmax(axis=1)],
      ['november', 'december', 'january', 'february'],
    )
    np.testing.assert_array_equal(found.sum(axis=1), 1)

  @parameterized.parameters(
    (np.arange(5), None),
    (np.arange(5), frequency.Frequency(1, '')),
    (np.arange(5), frequency.parse('1h')),
    (np.zeros(5, 'M8[s]'), frequency.parse('1year')),
    (np.zeros(5, 'M8[s]'), frequency.Frequency(365 * 86_400, 's')),
  )
  def test_years_and_integers_have_none(self, times, step):
    found, names = calendar.features(times, step)
    self.assertEqual((found.shape, names), ((5, 0), ()))

  def test_all_lie_within_1_and_no_times_have_no_rows(self):
    step = frequency.parse('1h')
    found, names = calendar.features(times_of(3600, 20_000), step)
    self.assertLessEqual(np.abs(found).max(), 1)
    empty, _ = calendar.features(times_of(3600, 0), step)
    self.assertEqual(empty.shape, (0, len(names)))

  @parameterized.parameters(
    ('1h', (24, 168)),
    ('15min', (96, 672)),
    ('30min', (48, 336)),
    ('5min', (288, 2016)),
    ('1min', (1440,)),
    ('10s', (1,)),
    ('7min', (1440,)),
    ('5h', (1,)),
    ('1d', (7,)),
    ('2d', (1,)),
    ('1w', (1,)),
    ('1month', (12,)),
    ('1quarter', (4,)),
    ('1year', (1,)),
  )
  def test_seasons(self, text, seasons):
    self.assertEqual(calendar.seasons_of(frequency.parse(text)), seasons)

  def test_steps_of_no_unit_have_no_season(self):
    self.assertEqual(calendar.seasons_of(None), (1,))
    self.assertEqual(calendar.seasons_of(frequency.Frequency(3600, '')), (1,))


class PhasesTest(absltest.TestCase):
  def test_a_row_a_season_later_has_the_same(self):
    found, names = calendar.phases(np.arange(50), (6, 1, 9))
    self.assertEqual(found.shape, (50, 8))
    self.assertLen(set(names), 8)
    np.testing.assert_allclose(found[:-6, :4], found[6:, :4], atol=1e-12)
    np.testing.assert_allclose(found[:-9, 4:], found[9:, 4:], atol=1e-12)
    self.assertGreater(np.abs(found[0, :4] - found[3, :4]).max(), 1)

  def test_without_a_season_there_is_none(self):
    self.assertEqual(calendar.phases(np.arange(5), (1,))[0].shape, (5, 0))


if __name__ == '__main__':
  absltest.main()
