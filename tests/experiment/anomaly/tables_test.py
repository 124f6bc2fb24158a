"""Tests for seqjax.experiment.anomaly.tables."""

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import sensors
from seqjax.experiment.anomaly import tables


class ConfigTest(parameterized.TestCase):
  @parameterized.parameters(
    ({'train_file': 'a.csv'}, 'needs --target_columns'),
    ({'dataset': 'nab'}, 'go together'),
    ({'nab': 'nab'}, 'go together'),
    ({'train_fraction': 0.7, 'valid_fraction': 0.3}, 'leave no rows'),
  )
  def test_settings_that_do_not_go_together(self, settings, message):
    with self.assertRaisesRegex(errors.UserError, message):
      tables.Config(**settings)


class ReadTest(folder_case.FolderTestCase):
  def test_a_table_has_the_columns_of_the_flags(self):
    path = self.write('a.csv', 't,x,y,z,odd\n5,1,2,3,0\n6,4,5,6,1\n')
    config = tables.Config(
      train_file=str(path),
      target_columns='y, x',
      time_column='t',
      label_column='odd',
    )
    read, columns = tables.read(config)
    self.assertEqual(columns, tables.Columns(('y', 'x'), 't', ''))
    np.testing.assert_array_equal(read.series.targets[0], [[2, 1], [5, 4]])
    np.testing.assert_array_equal(read.events[0], [[1, 2]])

  def test_the_default_is_made_on_the_spot(self):
    read, columns = tables.read(tables.Config(data_seed=3))
    self.assertEqual(read.series.sha256, sensors.sensors(3).series.sha256)
    self.assertEqual(
      columns, tables.Columns(('temperature',), 'time', 'series')
    )


class SplitTest(parameterized.TestCase):
  def test_the_parts_follow_each_other(self):
    series = sensors.sensors(num_rows=2000).series
    config = tables.Config(train_fraction=0.2, valid_fraction=0.1)
    parts = tables.split(config, series, horizon=12)
    for part, expected in zip(
      parts, ([0, 400], [400, 600], [600, 2000]), strict=True
    ):
      np.testing.assert_array_equal(part, [expected] * 4)

  @parameterized.parameters((0.006, 0.5), (0.5, 0.005))
  def test_a_series_that_is_too_short_is_named(self, train, valid):
    series = sensors.sensors(num_rows=2000).series
    config = tables.Config(train_fraction=train, valid_fraction=valid)
    with self.assertRaisesRegex(errors.UserError, "'pump' has 2,000 rows"):
      tables.split(config, series, horizon=12)

  def test_a_column_without_a_value_to_learn_from_is_named(self):
    series = sensors.sensors(num_rows=2000).series
    series.targets[1][:400] = np.nan
    config = tables.Config(train_fraction=0.2)
    with self.assertRaisesRegex(
      errors.UserError, "'oven' has no value of 'temperature' in the 400 rows"
    ):
      tables.split(config, series, horizon=12)

  def test_it_is_described(self):
    read = sensors.sensors(num_rows=2000)
    parts = tables.split(tables.Config(), read.series, horizon=12)
    self.assertEqual(
      tables.describe(read, parts),
      'sensors: 4 series, 1,200 rows to learn from, 1,200 to calibrate by, '
      '5,600 to watch, with 20 events',
    )
    self.assertIn(
      'nobody says', tables.describe(read._replace(events=None), parts)
    )


if __name__ == '__main__':
  absltest.main()
