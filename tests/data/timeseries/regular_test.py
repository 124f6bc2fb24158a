"""Tests for seqjax.data.timeseries.regular."""

import pathlib

import numpy as np
import pyarrow as pa
from absl.testing import absltest

from seqjax import errors
from seqjax.data import columns
from seqjax.data.timeseries import frequency, regular


def make(times, rows=None, step=None):
  """Regular series of the numbers of the rows, from 0."""
  table = columns.Table(
    pathlib.Path('a.csv'), {'t': pa.chunked_array([pa.array(times)])}, 2
  )
  values = np.arange(len(times), dtype=float)[:, None]
  rows = rows or {'': np.arange(len(times))}
  times, values, step, _, notes = regular.regular(
    table, ['t'], values, rows, step and frequency.parse(step)
  )
  return times, [one[:, 0].tolist() for one in values], step, list(notes)


class RegularTest(absltest.TestCase):
  def test_gaps_become_rows_and_notes(self):
    times, values, step, notes = make(
      [f'2014-01-01 0{hour}:00' for hour in (0, 1, 1, 2, 5, 7)]
    )
    np.testing.assert_array_equal(
      times[0], np.datetime64('2014-01-01', 's') + np.arange(8) * 3600
    )
    nan = np.nan
    np.testing.assert_array_equal(values[0], [0, 1.5, 3, nan, nan, 4, nan, 5])
    self.assertEqual(str(step), '1h')
    self.assertEqual(
      notes,
      [
        '1 time came more than once: the mean of their rows is taken (first: '
        '2014-01-01 01:00:00, line 3).',
        '3 times had no row: an empty one stands there (first: after '
        '2014-01-01 02:00:00, line 5).',
      ],
    )

  def test_a_clock_that_is_set_back_is_told_from_a_repetition(self):
    _, values, _, notes = make(
      [
        f'2014-10-26 {clock}'
        for clock in ('1:30', '2:00', '2:30', '2:00', '2:30', '3:00', '3:00')
      ]
    )
    np.testing.assert_array_equal(values[0], [0, 2, 3, 5.5])
    self.assertEqual(
      [note.partition(':')[0] for note in notes],
      [
        '2 times came again when a clock was set back',
        '1 time came more than once',
      ],
    )

  def test_what_is_regular_has_no_notes(self):
    for months in (
      ['2020-01-31', '2020-02-29'],
      ['2020', '2021'],
    ):
      self.assertEqual(make(months)[3], [])

  def test_each_series_has_its_own_start_and_end_and_one_frequency(self):
    times, values, step, notes = make(
      ['2014-01-03', '2014-01-01', '2014-01-04', '2014-01-03', '2014-01-05'],
      {'b': np.array([0, 2, 4]), 'a': np.array([1, 3])},
    )
    self.assertEqual(str(step), '1d')
    self.assertEqual(
      [str(one[0])[:10] for one in times], ['2014-01-03', '2014-01-01']
    )
    np.testing.assert_array_equal(values[0], [0, 2, 4])
    np.testing.assert_array_equal(values[1], [1, np.nan, 3])
    self.assertEqual(
      notes,
      [
        '1 time had no row: an empty one stands there (first: series '
        "'a', after 2014-01-01 00:00:00, line 3)."
      ],
    )

  def test_the_first_place_is_the_first_in_the_file(self):
    notes = make(
      [
        '2014-01-01',
        '2014-01-01',
        '2014-01-02',
        '2014-01-02',
        '2014-01-02',
        '2014-01-02',
      ],
      {'b': np.array([0, 4, 5]), 'a': np.array([1, 2, 3])},
    )[3]
    self.assertLen(notes, 1)
    self.assertStartsWith(notes[0], '2 times came')
    self.assertIn("(first: series 'a', 2014-01-02 00:00:00, line 4)", notes[0])

  def test_an_error_names_the_series_and_the_line(self):
    with self.assertRaisesRegex(
      errors.UserError, "^a.csv, line 5: series 'a': the time goes back"
    ):
      make(
        ['2014-01-01', '2014-01-05', '2014-01-02', '2014-01-04'],
        {'b': np.array([0, 2]), 'a': np.array([1, 3])},
      )

  def test_a_frequency_that_is_given_is_kept_and_checked(self):
    half_hours = ['2014-01-01 00:00', '2014-01-01 00:30']
    _, values, step, _ = make(half_hours, step='15min')
    np.testing.assert_array_equal(values[0], [0, np.nan, 1])
    self.assertEqual(str(step), '15min')
    with self.assertRaisesRegex(errors.UserError, 'line 3: unknown frequency'):
      make(half_hours, step='1h')

  def test_a_frequency_far_finer_than_the_rows_is_refused(self):
    months = [f'2014-{month:02d}-01' for month in range(1, 13)]
    with self.assertRaisesRegex(
      errors.UserError,
      'a.csv, whose times are on steps of 1month, got 1d, which would leave '
      '323 of 335 rows empty: give 1month',
    ):
      make(months, step='1d')
    # Half of the rows may be gaps, and more where no coarser step fits them.
    self.assertEqual(
      str(make(['2014-01-01', '2014-01-03'], step='1d')[2]), '1d'
    )
    days = [f'2014-01-{day:02d}' for day in (1, 2, 9)]
    self.assertEqual(str(make(days, step='1d')[2]), '1d')

  def test_counts_are_a_grid_without_a_frequency_unless_given(self):
    times, values, step, _ = make([10, 20, 40])
    np.testing.assert_array_equal(times[0], [10, 20, 30, 40])
    np.testing.assert_array_equal(values[0], [0, 1, np.nan, 2])
    self.assertIsNone(step)
    self.assertEqual(str(make([10, 20, 40], step='1h')[2]), '1h')
    np.testing.assert_array_equal(make([5])[0][0], [5])

  def test_constant_times_have_no_frequency(self):
    with self.assertRaisesRegex(
      errors.UserError,
      'unknown frequency: all rows of a.csv have the .* 2014',
    ):
      make(['2014-01-01'] * 3)
    self.assertEqual(make(['2014-01-01'] * 3, step='1d')[1], [[1]])


if __name__ == '__main__':
  absltest.main()
