"""How series are parted, and what is refused."""

import made_series
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import frequency
from seqjax.experiment.forecasting import splits, tables


class SplitTest(parameterized.TestCase):
  def split(self, series, horizon=3, added=0, **fields):
    config = tables.Config(**fields)
    return splits.split(config, series, np.array(added), horizon)

  def test_shares_are_of_each_series(self):
    parts = self.split(made_series.make_series(100, 50))
    self.assertEqual(parts.train.tolist(), [[0, 70], [0, 35]])
    self.assertEqual(parts.valid.tolist(), [[70, 80], [35, 40]])
    self.assertEqual(parts.test.tolist(), [[80, 100], [40, 50]])

  def test_numbers_of_rows_are_what_they_say(self):
    parts = self.split(made_series.make_series(100), valid_rows=7, test_rows=9)
    self.assertEqual(parts.train.tolist(), [[0, 84]])
    self.assertEqual(parts.test.tolist(), [[91, 100]])

  def test_what_a_test_file_added_is_the_test(self):
    parts = self.split(
      made_series.make_series(100, 60), added=[30, 10], valid_rows=5
    )
    self.assertEqual(parts.test.tolist(), [[70, 100], [50, 60]])

  def test_rows_of_the_future_belong_to_no_part(self):
    parts = self.split(made_series.make_series(100, future=20))
    self.assertEqual(parts.test.tolist(), [[80, 100]])

  def test_a_held_out_part_is_as_long_as_a_forecast(self):
    parts = self.split(made_series.make_series(40), horizon=7)
    self.assertEqual(parts.valid.tolist(), [[25, 32]])

  @parameterized.named_parameters(
    ('train', {'test_rows': 36}, "'s0' has 40 rows: 0 to learn"),
    ('test', {'test_rows': 2}, 'its test part, 2 rows, is shorter'),
    ('valid', {'valid_rows': 1}, 'its valid part, 1 rows, is shorter'),
  )
  def test_a_part_too_short_is_a_sentence(self, fields, words):
    with self.assertRaisesRegex(errors.UserError, words):
      self.split(made_series.make_series(40), **fields)

  def test_a_name_is_said_where_there_is_one(self):
    series = made_series.make_series(4, names=('',))
    with self.assertRaisesRegex(errors.UserError, '^made has 4 rows'):
      self.split(series)

  def test_what_there_is_is_said_in_a_line(self):
    series = made_series.make_series(
      100, 50, frequency=frequency.parse('15min')
    )
    parts = self.split(series)
    self.assertEqual(
      splits.describe(series, parts),
      'made: 2 series of y, every 15min; rows: 105 to learn from, 15 to choose '
      'by, 30 to test on',
    )

  def test_a_part_without_any_number_is_a_sentence(self):
    series = made_series.make_series(40, 50)
    series.targets[1][:30] = np.nan
    self.split(series)  # Five of the 35 rows to learn from are enough.
    series.targets[1][:35] = np.nan
    with self.assertRaisesRegex(
      errors.UserError, "'s1' has no number of 'y' among the 35 rows"
    ):
      self.split(series)

  def test_a_series_without_rows_in_the_test_file_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "no rows of series 's1'"):
      self.split(
        made_series.make_series(40, 50),
        added=[5, 0],
        train_file='a.csv',
        test_file='b.csv',
        target_columns='y',
      )


if __name__ == '__main__':
  absltest.main()
