"""How series are parted, and what is refused."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import data, errors
from seqjax.data import frequency
from seqjax.experiment.forecasting import tables


def make_series(*lengths, future=0, **fields):
  """Series of one column, whose values are their rows."""
  column = lambda n: np.arange(n, dtype=float)[:, None]
  ahead = np.full((future, 1), np.nan)
  known = [np.zeros((n + future, 1)) for n in lengths]
  fields = {
    'names': tuple(f's{i}' for i in range(len(lengths))),
    'times': tuple(np.arange(n + future) for n in lengths),
    'targets': tuple(np.concatenate([column(n), ahead]) for n in lengths),
    'past': tuple(np.zeros((n + future, 0)) for n in lengths),
    'known': tuple(known),
    'static': np.zeros((len(lengths), 0)),
    'columns': data.series.Columns(targets=('y',), known=('x',)),
    'frequency': None,
    'name': 'made',
  } | fields
  return data.Series(**fields)


class SplitTest(parameterized.TestCase):
  def split(self, series, horizon=3, added=0, **fields):
    config = tables.Config(**fields)
    return tables.split(config, series, np.array(added), horizon)

  def test_shares_are_of_each_series(self):
    parts = self.split(make_series(100, 50))
    self.assertEqual(parts.train.tolist(), [[0, 70], [0, 35]])
    self.assertEqual(parts.valid.tolist(), [[70, 80], [35, 40]])
    self.assertEqual(parts.test.tolist(), [[80, 100], [40, 50]])

  def test_numbers_of_rows_are_what_they_say(self):
    parts = self.split(make_series(100), valid_rows=7, test_rows=9)
    self.assertEqual(parts.train.tolist(), [[0, 84]])
    self.assertEqual(parts.test.tolist(), [[91, 100]])

  def test_what_a_test_file_added_is_the_test(self):
    parts = self.split(make_series(100, 60), added=[30, 10], valid_rows=5)
    self.assertEqual(parts.test.tolist(), [[70, 100], [50, 60]])

  def test_rows_of_the_future_belong_to_no_part(self):
    parts = self.split(make_series(100, future=20))
    self.assertEqual(parts.test.tolist(), [[80, 100]])

  def test_a_held_out_part_is_as_long_as_a_forecast(self):
    parts = self.split(make_series(40), horizon=7)
    self.assertEqual(parts.valid.tolist(), [[25, 32]])

  @parameterized.named_parameters(
    ('train', {'test_rows': 36}, "'s0' has 40 rows: 0 to learn"),
    ('test', {'test_rows': 2}, 'its test part, 2 rows, is shorter'),
    ('valid', {'valid_rows': 1}, 'its valid part, 1 rows, is shorter'),
  )
  def test_a_part_too_short_is_a_sentence(self, fields, words):
    with self.assertRaisesRegex(errors.UserError, words):
      self.split(make_series(40), **fields)

  def test_a_name_is_said_where_there_is_one(self):
    series = make_series(4, names=('',))
    with self.assertRaisesRegex(errors.UserError, '^made has 4 rows'):
      self.split(series)


class KnownTest(absltest.TestCase):
  def test_all_rows_to_come_must_be_told(self):
    series = make_series(10, 12, future=4)
    tables.check_known(series, 4)
    with self.assertRaisesRegex(
      errors.UserError, "'x' of series 's0' for 4 of the 5 rows"
    ):
      tables.check_known(series, 5)

  def test_a_gap_in_what_is_told_is_a_row_untold(self):
    series = make_series(10, future=4)
    series.known[0][11] = np.nan
    with self.assertRaisesRegex(errors.UserError, 'for 3 of the 4 rows'):
      tables.check_known(series, 4)


class SeriesTest(absltest.TestCase):
  def test_seasons_are_those_of_the_frequency_unless_given(self):
    hourly = make_series(9, frequency=frequency.parse('1h'))
    self.assertEqual(tables.seasons(tables.Config(), hourly), (24, 168))
    config = tables.Config(seasons=(5,))
    self.assertEqual(tables.seasons(config, hourly), (5,))

  def test_a_test_file_needs_one_to_learn_from(self):
    with self.assertRaisesRegex(errors.UserError, 'goes with --train_file'):
      tables.Config(test_file='a.csv')

  def test_what_there_is_is_said_in_a_line(self):
    series = make_series(100, 50, frequency=frequency.parse('15min'))
    parts = SplitTest().split(series)
    self.assertEqual(
      tables.describe(series, parts),
      'made: 2 series of y, every 15min; rows: 105 to learn from, 15 to choose '
      'by, 30 to test on',
    )


if __name__ == '__main__':
  absltest.main()
