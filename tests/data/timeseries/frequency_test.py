"""Tests for seqjax.data.timeseries.frequency."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import frequency


def times(*texts):
  return np.array(texts, 'M8[s]')


class FrequencyTest(parameterized.TestCase):
  @parameterized.parameters(
    ('s', 1, 's', '1s'),
    ('15 Min', 900, 's', '15min'),
    (' 60 minutes ', 3600, 's', '1h'),
    ('1H', 3600, 's', '1h'),
    ('36h', 129_600, 's', '36h'),
    ('2days', 172_800, 's', '2d'),
    ('weeks', 604_800, 's', '1w'),
    ('MONTH', 1, 'M', '1month'),
    ('18 months', 18, 'M', '6quarter'),
    ('quarter', 3, 'M', '1quarter'),
    ('year', 12, 'M', '1year'),
    ('1000 years', 12_000, 'M', '1000year'),
  )
  def test_what_is_parsed_is_written(self, text, count, unit, written):
    found = frequency.parse(text)
    self.assertEqual(found, frequency.Frequency(count, unit))
    self.assertEqual(str(found), written)
    self.assertEqual(frequency.parse(written), found)

  @parameterized.parameters(
    *('', 'm', '0h', '-1h', '1.5h', 'fortnight', '1h h'),
    *('99999999999999999999h', '9' * 5000 + 's', '1001 years', '999999 weeks'),
  )
  def test_what_is_no_frequency_is_refused(self, text):
    with self.assertRaisesRegex(errors.UserError, 'Unknown frequency.*15min'):
      frequency.parse(text)

  def test_the_nearest_name_is_guessed(self):
    with self.assertRaisesRegex(errors.UserError, "you mean 'month'"):
      frequency.parse('moth')


class InferTest(parameterized.TestCase):
  @parameterized.parameters(
    (('2020-01-01T00', '2020-01-01T01', '2020-01-01T05'), '1h', (0, 1, 5)),
    (('2020-01-01', '2020-01-08', '2020-01-22'), '1w', (0, 1, 3)),
    # The 29th of February is a day like another.
    (('2020-02-28', '2020-02-29', '2020-03-01'), '1d', (0, 1, 2)),
    (('2020-01-01', '2020-01-29', '2020-02-26'), '4w', (0, 1, 2)),
    (('2021-01-01', '2021-02-01', '2021-04-01'), '1month', (0, 1, 3)),
    (('2020-01-31', '2020-02-29', '2020-04-30'), '1month', (0, 1, 3)),
    (('2021-02-28', '2021-04-30'), '2month', (0, 1)),
    (('2020-01-30', '2020-02-29', '2020-03-30'), '1month', (0, 1, 2)),
    (('2021-01-28', '2021-02-28', '2021-03-28'), '1month', (0, 1, 2)),
    (
      ('2020-01-01T06', '2020-04-01T06', '2020-07-01T06'),
      '1quarter',
      (0, 1, 2),
    ),
    (('2020-02-29', '2021-02-28', '2024-02-29'), '1year', (0, 1, 4)),
    # One that is wrong does not hide what the others are.
    (
      ('2020-01-01', '2020-02-01', '2020-03-02', '2020-04-01'),
      '1month',
      (0, 1, -1, 3),
    ),
    (('2020-01-01', '2020-02-01', '2020-03-01T01'), '1month', (0, 1, -1)),
    (
      (
        '2020-01-01T00',
        '2020-01-01T01',
        '2020-01-01T01:30',
        '2020-01-01T02',
        '2020-01-01T03',
      ),
      '30min',
      (0, 2, 3, 4, 6),
    ),
    (
      (
        '2020-01-01T00',
        '2020-01-01T01',
        '2020-01-01T02',
        '2020-01-01T02:25',
        '2020-01-01T04',
      ),
      '1h',
      (0, 1, 2, -1, 4),
    ),
  )
  def test_the_step_and_the_places(self, texts, step, places):
    moments = times(*texts)
    found = frequency.infer(moments)
    self.assertEqual(str(found), step)
    np.testing.assert_array_equal(found.positions(moments), places)
    known = np.array(places) >= 0
    np.testing.assert_array_equal(
      found.at(moments, np.array(places)[known]), moments[known]
    )

  def test_series_are_taken_together_and_not_one_after_the_other(self):
    hours = times('2020-01-01T05', '2020-01-01T06', '2020-01-01T07')
    days = times('2020-01-01', '2020-01-02')
    self.assertEqual(str(frequency.infer(days, hours)), '1h')
    self.assertEqual(str(frequency.infer(days, hours[:1])), '1d')

  def test_one_time_has_no_step(self):
    self.assertIsNone(frequency.infer(times('2020-01-01'), times('2020-01-02')))

  def test_integers_have_a_step_without_a_unit(self):
    counts = np.array([10, 20, 40])
    found = frequency.infer(counts)
    self.assertEqual((found, str(found)), ((10, ''), '10'))
    np.testing.assert_array_equal(found.positions(counts), [0, 1, 3])
    np.testing.assert_array_equal(found.at(counts, [2, 3]), [30, 40])


class AddTest(parameterized.TestCase):
  def test_months_keep_the_day_or_the_last_day(self):
    month = frequency.parse('month')
    np.testing.assert_array_equal(
      month.add(times('2020-01-31', '2020-02-29'), 1),
      times('2020-02-29', '2020-03-31'),
    )
    np.testing.assert_array_equal(
      month.add(times('2020-01-30T03', '2020-02-29T03', '2020-03-30T03'), 12),
      times('2021-01-30T03', '2021-02-28T03', '2021-03-30T03'),
    )

  def test_one_time_and_many_steps(self):
    one = np.datetime64('2020-01-15T03:00:00', 's')
    month, hour = frequency.parse('month'), frequency.parse('1h')
    self.assertEqual(month.add(one, 2), np.datetime64('2020-03-15T03:00:00'))
    self.assertEqual(hour.add(one, -4), np.datetime64('2020-01-14T23:00:00'))
    np.testing.assert_array_equal(
      hour.add(one, np.arange(2)), times('2020-01-15T03', '2020-01-15T04')
    )

  def test_what_follows_a_series(self):
    month = frequency.parse('month')
    # The whole series says that the 28th is not the end of a month.
    np.testing.assert_array_equal(
      frequency.following(times('2021-01-28', '2021-02-28'), month, 2),
      times('2021-03-28', '2021-04-28'),
    )
    for counts, after in (([7], [8, 9]), ([3, 5], [7, 9])):
      np.testing.assert_array_equal(
        frequency.following(np.array(counts), month, 2), after
      )


if __name__ == '__main__':
  absltest.main()
