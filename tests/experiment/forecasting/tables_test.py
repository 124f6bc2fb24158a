"""How series are parted, and what is refused."""

import made_series
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import frequency
from seqjax.experiment.forecasting import tables


class KnownTest(absltest.TestCase):
  def test_all_rows_to_come_must_be_told(self):
    series = made_series.make_series(10, 12, future=4)
    self.assertEqual(tables.unknown_ahead(series, 4), '')
    self.assertIn(
      "'x' of series 's0' for 4 of the 5 rows", tables.unknown_ahead(series, 5)
    )

  def test_a_gap_in_what_is_told_is_a_row_untold(self):
    series = made_series.make_series(10, future=4)
    series.known[0][11] = np.nan
    self.assertIn('for 3 of the 4 rows', tables.unknown_ahead(series, 4))


class SeriesTest(parameterized.TestCase):
  def test_seasons_are_those_of_the_frequency_unless_given(self):
    hourly = made_series.make_series(9, frequency=frequency.parse('1h'))
    self.assertEqual(tables.seasons(tables.Config(), hourly, [400]), (24, 168))
    config = tables.Config(seasons=(5,))
    self.assertEqual(tables.seasons(config, hourly, [400]), (5,))

  def test_a_season_that_was_not_seen_twice_is_none(self):
    hourly = made_series.make_series(9, frequency=frequency.parse('1h'))
    for rows, expected in ((300, (24,)), (30, (1,))):
      found = tables.seasons(tables.Config(), hourly, [20, rows])
      self.assertEqual(found, expected)

  def test_a_test_file_needs_one_to_learn_from(self):
    with self.assertRaisesRegex(errors.UserError, 'goes with --train_file'):
      tables.Config(test_file='a.csv')

  @parameterized.parameters(
    ('time_column', 'a'),
    ('target_columns', 'a'),
    ('series_column', 'a'),
    ('past_columns', 'a'),
    ('known_columns', 'a'),
    ('static_columns', 'a'),
    ('frequency', '1h'),
    ('apart', True),
  )
  def test_what_is_said_of_a_table_needs_one(self, name, said):
    with self.assertRaisesRegex(
      errors.UserError, f'--{name}=(a|1h|true) goes with --train_file'
    ):
      tables.Config(**{name: said})


if __name__ == '__main__':
  absltest.main()
