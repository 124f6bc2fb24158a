"""Tests for seqjax.data.timeseries.clock."""

import datetime
import pathlib

import numpy as np
import pyarrow as pa
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import columns
from seqjax.data.timeseries import clock


def read(*cells):
  named = {
    f't{i}': pa.chunked_array([column]) for i, column in enumerate(cells)
  }
  table = columns.Table(pathlib.Path('a.csv'), named, 2)
  return clock.times(table, list(named))


def utc(*parts):
  return datetime.datetime(*parts, tzinfo=datetime.UTC)


class TimesTest(parameterized.TestCase):
  @parameterized.parameters(
    (['2014-12-31 ', '2015-1-1'], ['2014-12-31', '2015-01-01'], False),
    (['2014-12', '2015-01'], ['2014-12-01', '2015-01-01'], False),
    (['2016-02-29 9:05'], ['2016-02-29T09:05'], False),
    (['2014-12-31T23:00:59.000'], ['2014-12-31T23:00:59'], False),
    (
      ['2014-12-31T23:00Z', '2014-12-31 23:00:00+00:00'],
      ['2014-12-31T23:00'] * 2,
      True,
    ),
    (
      ['2015-01-01T00:00+01:00', '2014-12-31 17:30 -0530', '2014-12-31T21-02'],
      ['2014-12-31T23:00'] * 3,
      True,
    ),
    (['2014-12-31T23:00+14:00'], ['2014-12-31T09:00'], True),
    (['1949', '1950'], ['1949-01-01', '1950-01-01'], False),
    (['20141231', '20150101'], ['2014-12-31', '2015-01-01'], False),
    (['201412', '201501'], ['2014-12-01', '2015-01-01'], False),
    (['1419980400', '1419984000'], ['2014-12-30T23', '2014-12-31T00'], False),
    ([1949, 1950], ['1949-01-01', '1950-01-01'], False),
    ([datetime.date(2014, 12, 31)], ['2014-12-31'], False),
    ([datetime.datetime(2014, 12, 31, 23)], ['2014-12-31T23'], False),
    ([utc(2014, 12, 31, 23)], ['2014-12-31T23'], True),
  )
  def test_how_a_time_may_be_written(self, cells, expected, has_offset):
    found, found_offset = read(cells)
    np.testing.assert_array_equal(found, np.array(expected, 'M8[s]'))
    self.assertEqual(found.dtype, 'M8[s]')
    self.assertEqual(found_offset, has_offset)

  @parameterized.parameters(
    (['1', '2', '3'],),
    (['999', '1000'],),
    (['2999', '3000'],),
    (['-1', '0'],),
    (['201412', '201413'],),
    (['20141231', '20141232'],),
  )
  def test_other_whole_numbers_are_counts(self, cells):
    found, _ = read(cells)
    np.testing.assert_array_equal(found, np.array(cells, np.int64))

  @parameterized.parameters(
    (
      ([2014, 2014], [12, 12], [31, 31], [9, 10]),
      ['2014-12-31T09', '2014-12-31T10'],
    ),
    ((['2014', '2015'], ['12', '1']), ['2014-12-01', '2015-01-01']),
    ((['2014-12-31'], ['23:00:05']), ['2014-12-31T23:00:05']),
    ((['2014'], ['2'], ['28'], ['9'], ['5'], ['0']), ['2014-02-28T09:05']),
  )
  def test_a_time_in_several_columns(self, cells, expected):
    found, _ = read(*cells)
    np.testing.assert_array_equal(found, np.array(expected, 'M8[s]'))

  @parameterized.parameters(
    (['31/12/2014'], "expected a time as ISO 8601 .* got '31/12/2014'"),
    (['12-31-2014'], 'ISO 8601 writes it, such as 2014-12-31'),
    (['23:00'], 'ISO 8601'),
    (['2014.5'], 'ISO 8601'),
    (['2014-12-31 9 am'], 'ISO 8601'),
    (['2015-02-29'], 'there is no such time as 2015-02-29'),
    (['2014-13-01'], 'there is no such time'),
    (['2014-00-01'], 'there is no such time'),
    (['2014-12-00'], 'there is no such time'),
    (['2014-12-31 01:00+14:01'], 'of 14 hours at most, got .14:01'),
    (['2014-12-31 01:00-99:99'], 'of 14 hours at most, got -99:99'),
    (['2014-12-31 01:00+01:60'], 'of 14 hours at most, got .01:60'),
    (['2014-12-31 24:00'], 'there is no such time'),
    (['2014-12-31 23:60'], 'there is no such time'),
    (['2014-12-31 23:00:00.50'], 'whole seconds, got .*leave the time column'),
    ([''], 'expected a time, got an empty cell'),
    (pa.array([None], pa.string()), 'expected a time, got an empty cell'),
    (pa.array([None], pa.timestamp('s')), 'expected a time, got an empty'),
    (pa.array([1], pa.time32('s')), 'expected a date and a time, got the type'),
    (pa.array([1], pa.timestamp('ms')), 'expected whole seconds, got 1970'),
    (pa.array([1], pa.timestamp('ms', 'UTC+99:99')), 'whole seconds, got 1970'),
  )
  def test_how_it_may_not(self, cells, message):
    with self.assertRaisesRegex(
      errors.UserError, f"^a.csv, line 2: time column 't0': .*{message}"
    ):
      read(cells)

  def test_offsets_stand_everywhere_or_nowhere(self):
    with self.assertRaisesRegex(
      errors.UserError, 'line 3: .* expected an offset, .* got 2014-12-31T02.$'
    ):
      read(['2014-12-31T01Z', '2014-12-31T02'])

  @parameterized.parameters(([['2014-12-31']],), ([b'\xff'],))
  def test_lists_and_bytes_are_no_times(self, cells):
    for named in ([cells], [['2014'], cells]):
      with self.assertRaisesRegex(
        errors.UserError, 'line 2: column .t.*: expected text or numbers'
      ):
        read(*named)

  def test_too_many_columns(self):
    with self.assertRaisesRegex(errors.UserError, 'got 7: t0, .* t6'):
      read(*[['2014']] * 7)

  def test_times_are_written_as_they_are_read(self):
    texts = ['2014-12-31 23:00:00', '2015-01-01 00:00:00']
    self.assertEqual(clock.written(read(texts)[0]), texts)
    self.assertEqual(clock.written(np.array([3, 4])), ['3', '4'])


if __name__ == '__main__':
  absltest.main()
