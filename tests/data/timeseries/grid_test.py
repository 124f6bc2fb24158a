"""Tests for seqjax.data.timeseries.grid."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import frequency, grid


def wrong(row, problem):
  return errors.UserError(f'row {row}: {problem}')


def night(*clock_times):
  return np.array([f'2014-10-26T{text}' for text in clock_times], 'M8[s]')


class MomentsTest(parameterized.TestCase):
  def test_rows_of_a_time_become_their_mean_of_what_is_there(self):
    found = grid.moments(np.array([3, 5, 5, 5, 6, 6]), False, wrong)
    np.testing.assert_array_equal(found.times, [3, 5, 6])
    np.testing.assert_array_equal(found.first_row, [0, 1, 4])
    np.testing.assert_array_equal(found.repeated(), [False, True, True])
    np.testing.assert_array_equal(found.set_back, [False, False, False])
    values = np.array(
      [[0.1, np.nan], [1, 2], [np.nan, 5], [3, np.nan]] + [[np.nan, 7]] * 2
    )
    np.testing.assert_array_equal(
      found.mean(values), [[0.1, np.nan], [2, 3.5], [np.nan, 7]]
    )

  def test_a_clock_that_is_set_back(self):
    times = night(
      '01:30', '02:00', '02:30', '02:00', '02:15', '02:30', '03:00', '03:00'
    )
    found = grid.moments(times, False, wrong)
    np.testing.assert_array_equal(
      found.times, night('01:30', '02:00', '02:15', '02:30', '03:00')
    )
    # 02:15 came but once, and 03:00 is an ordinary repetition.
    np.testing.assert_array_equal(
      found.set_back, [False, True, False, True, False]
    )
    np.testing.assert_array_equal(
      found.mean(np.arange(8.0)[:, None])[:, 0], [0, 2, 4, 3.5, 6.5]
    )

  def test_it_is_set_back_every_year(self):
    times = night('02:00', '02:30', '02:00', '02:30', '03:00')
    year = np.timedelta64(365 * 24, 'h')
    found = grid.moments(np.concatenate([times, times + year]), False, wrong)
    np.testing.assert_array_equal(found.set_back, [True, True, False] * 2)

  def test_it_may_be_the_last_that_happens(self):
    found = grid.moments(night('02:00', '02:30', '02:00'), False, wrong)
    np.testing.assert_array_equal(found.set_back, [True, False])

  @parameterized.named_parameters(
    ('by more than an hour', night('02:00', '03:30', '02:00'), False, 2),
    ('to a time that never was', night('02:00', '02:30', '02:15'), False, 2),
    (
      'twice in a night',
      night('02:00', '02:30', '02:00', '02:30', '02:00'),
      False,
      4,
    ),
    ('in UTC', night('02:00', '02:30', '02:00'), True, 2),
    ('in counts', np.array([7, 8, 7]), False, 2),
    ('at once', night('02:00', '01:30'), False, 1),
  )
  def test_other_steps_back_are_refused(self, times, has_offset, row):
    latest, now = (str(t).replace('T', ' ') for t in times[row - 1 : row + 1])
    with self.assertRaisesRegex(
      errors.UserError,
      f'^row {row}: the time goes back from {latest} to {now}: sort the rows',
    ):
      grid.moments(times, has_offset, wrong)


class PositionsTest(parameterized.TestCase):
  def positions(self, times, step):
    found = grid.moments(times, False, wrong)
    return grid.positions(found, frequency.parse(step), wrong)

  def test_gaps_are_counted(self):
    times = night('01:00', '01:00', '02:00', '05:00')
    np.testing.assert_array_equal(self.positions(times, '1h'), [0, 1, 4])

  def test_a_time_off_the_grid_is_named_by_its_row(self):
    with self.assertRaisesRegex(
      errors.UserError,
      '^row 3: unknown frequency: steps of 1h from 2014-10-26 01:00:00 on do '
      'not come to 2014-10-26 02:30:00.',
    ):
      self.positions(night('01:00', '01:00', '02:00', '02:30'), '1h')

  def test_a_mistyped_year_does_not_fill_the_memory(self):
    times = np.array(['2014-01-01', '2014-01-02', '9014-01-03'], 'M8[s]')
    with self.assertRaisesRegex(
      errors.UserError,
      '^row 2: steps of 1d make 2,556,700 rows of 3, .* gap is from '
      '2014-01-02 00:00:00 to 9014-01-03',
    ):
      self.positions(times, '1d')


if __name__ == '__main__':
  absltest.main()
