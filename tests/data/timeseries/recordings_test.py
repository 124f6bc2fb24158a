"""Tests for seqjax.data.timeseries.recordings."""

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import recordings

TABLE = (
  'machine,time,heat,odd\n'
  'a,2024-01-01 00:00,1,0\n'
  'b,2024-01-01 00:00,7,1\n'
  'a,2024-01-01 00:05,,1\n'
  'a,2024-01-01 03:00,3,1\n'
  'b,2024-01-01 00:05,8,0\n'
  'a,2024-01-01 03:00,4,0\n'
  'a,2024-01-01 03:05,5,1\n'
)


class TableRecordingTest(folder_case.FolderTestCase):
  def read(self, text=TABLE, **changes):
    settings = {
      'time_column': 'time',
      'series_column': 'machine',
      'label_column': 'odd',
    }
    path = self.write('heat.csv', text)
    return recordings.table_recording(path, ['heat'], **(settings | changes))

  def test_every_row_is_a_step_of_its_series(self):
    read = self.read()
    self.assertEqual(read.series.names, ('a', 'b'))
    np.testing.assert_array_equal(
      read.series.targets[0][:, 0], [1, np.nan, 3, 4, 5]
    )
    np.testing.assert_array_equal(read.series.targets[1][:, 0], [7, 8])
    self.assertEqual(str(read.times[0][2]), '2024-01-01T03:00:00')
    self.assertEqual(read.times[0][2], read.times[0][3])

  def test_labels_become_events_and_nothing_else(self):
    read = self.read()
    np.testing.assert_array_equal(read.events[0], [[1, 3], [4, 5]])
    np.testing.assert_array_equal(read.events[1], [[0, 1]])
    self.assertEqual(read.series.columns.past, ())
    self.assertEqual(read.series.past[0].shape, (5, 0))
    self.assertIsNone(self.read(label_column='').events)

  def test_labels_are_part_of_what_was_read(self):
    other = TABLE.replace('4,0', '4,1')
    self.assertNotEqual(
      self.read().series.sha256, self.read(other).series.sha256
    )
    self.assertEqual(self.read().series.sha256, self.read().series.sha256)

  def test_counts_are_no_times(self):
    text = 'n,heat\n3,1\n4,2\n4,3\n'
    read = self.read(text, time_column='n', series_column='', label_column='')
    self.assertIsNone(read.times)
    self.assertEqual(read.series.names, ('',))
    settings = {'time_column': '', 'series_column': '', 'label_column': ''}
    self.assertIsNone(self.read(text, **settings).times)

  @parameterized.parameters(
    ('a,2024-01-01 03:05,5,1', 'a,2023-01-01 03:05,5,1', 'line 8.*goes back'),
    ('4,0', '4,2', "line 7: expected a label in 'odd', 1 .* got 2"),
    ('8,0', '8,', 'line 6: expected a label .* got none'),
    ('3,1', 'three,1', "line 5: column 'heat': expected a number, got 'three'"),
    ('3,1', 'inf,1', "line 5: column 'heat': expected a finite number"),
    ('00:05,8', '1/1/24,8', 'line 6: time column'),
    (',odd', ',even', "column 'odd'"),
  )
  def test_a_row_that_will_not_do_is_named(self, old, new, message):
    with self.assertRaisesRegex(errors.UserError, message):
      self.read(TABLE.replace(old, new))


if __name__ == '__main__':
  absltest.main()
