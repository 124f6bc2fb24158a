"""Tests for seqjax.data.timeseries.series_files."""

import gzip
import io

import folder_case
import numpy as np
import pyarrow as pa
from absl.testing import absltest, parameterized
from pyarrow import parquet

from seqjax import errors
from seqjax.data.timeseries import series_files

_SHOPS = """day,shop,sales,promo,visits,area
2014-01-02,b,1,0,10,5
2014-01-01,a,2,0,,7
2014-01-03,b,3,1,30,5
2014-01-04,b,,1,,
2014-01-03,a,4,0,50,7
2014-01-04,a,5,1,60,7
"""


class TableSeriesTest(folder_case.FolderTestCase):
  def read(self, text, targets=('y',), name='a.csv', **columns):
    return series_files.table_series(self.write(name, text), targets, **columns)

  def test_a_long_table_with_every_kind_of_column(self):
    read = self.read(
      _SHOPS,
      ['sales'],
      time_column='day',
      series_column='shop',
      past_columns=['visits'],
      known_columns=['promo'],
      static_columns=['area'],
    )
    nan = np.nan
    self.assertEqual(read.names, ('b', 'a'))
    self.assertEqual(
      read.columns, (('sales',), ('visits',), ('promo',), ('area',))
    )
    np.testing.assert_array_equal(read.static, [[5], [7]])
    self.assertEqual(
      [str(one[0])[:10] for one in read.times], ['2014-01-02', '2014-01-01']
    )
    # The promotion of the fourth day is known, and its sales are to come.
    for found, expected in (
      (read.targets, ([1, 3, nan], [2, nan, 4, 5])),
      (read.past, ([10, 30, nan], [nan, nan, 50, 60])),
      (read.known, ([0, 1, 1], [0, nan, 0, 1])),
    ):
      for one, values in zip(found, expected, strict=True):
        self.assertEqual(one.dtype, np.float64)
        np.testing.assert_array_equal(one, np.array(values)[:, None])
    self.assertEqual(str(read.frequency), '1d')
    self.assertEqual(read.name, 'a.csv')
    self.assertEqual(
      read.notes,
      (
        "1 cell of the column 'visits' had no number (first: line 3).",
        '1 row after the last target is to come (first: line 5).',
        '1 time had no row: an empty one stands there (first: series '
        "'a', after 2014-01-01 00:00:00, line 3).",
      ),
    )

  def test_the_hash_is_of_what_is_read_and_not_of_the_file(self):
    plain = self.read('t,y\n2014-01-01,1\n2014-01-02,NA\n', time_column='t')
    for name, data in (
      ('b.csv.gz', gzip.compress(b'y;t\r\n1.0;20140101\r\n;20140102')),
      ('b.parquet', self.parquet(t=['2014-01-01', '2014-01-02'], y=[1, None])),
    ):
      other = self.read(data, name=name, time_column='t')
      self.assertEqual(other.sha256, plain.sha256)
    other = self.read('t,y\n2014-01-01,1\n2014-01-02,2\n', time_column='t')
    self.assertNotEqual(other.sha256, plain.sha256)

  def parquet(self, **columns):
    file = io.BytesIO()
    parquet.write_table(pa.table(columns), file)
    return file.getvalue()

  def test_without_a_time_column_every_row_is_a_step(self):
    read = self.read('y,s\n1,p\n5,q\n,p\n', series_column='s')
    for one, times in zip(read.times, ([0, 1], [0]), strict=True):
      np.testing.assert_array_equal(one, times)
    self.assertIsNone(read.frequency)
    read = self.read('y\n1\n\n3\n\n', frequency='1h')
    np.testing.assert_array_equal(read.targets[0][:, 0], [1, np.nan, 3])
    self.assertEqual(str(read.frequency), '1h')

  def test_only_what_is_known_ahead_can_be_missing_in_the_future(self):
    read = self.read(
      'y,z,p,k\n,,,1\n1,,2,\n,3,,1\n,,,\n,,,1\n',
      ['y', 'z'],
      past_columns=['p'],
      known_columns=['k'],
    )
    self.assertEqual(
      read.notes,
      (
        "2 cells of the column 'y' had no number (first: line 2).",
        "2 cells of the column 'z' had no number (first: line 2).",
        "2 cells of the column 'p' had no number (first: line 2).",
        "2 cells of the column 'k' had no number (first: line 3).",
        '2 rows after the last target are to come (first: line 5).',
      ),
    )

  @parameterized.parameters(('Z', True), ('+01:00', True), ('', False))
  def test_an_offset_is_kept_in_mind(self, zone, is_utc):
    rows = ''.join(f'2014-01-01 0{i}:00{zone},{i}\n' for i in range(3))
    read = self.read(f't,y\n{rows}', time_column='t')
    self.assertEqual(read.is_utc, is_utc)
    self.assertFalse(self.read('y\n1\n').is_utc)

  def test_the_parts_of_a_time_stand_in_columns_of_their_own(self):
    read = self.read(
      'No,year,month,day,hour,y\r\n1,2010,1,1,23,NA\r\n2,2010,1,2,0,5\r\n',
      time_column='year, month,day,hour',
    )
    self.assertEqual(str(read.times[0][1]), '2010-01-02T00:00:00')
    self.assertEqual(str(read.frequency), '1h')

  def test_series_may_have_numbers_for_names(self):
    data = self.parquet(s=[7, 8, 7], y=[1.0, 2.0, 3.0])
    read = self.read(data, name='a.parquet', series_column='s')
    self.assertEqual(read.names, ('7', '8'))
    np.testing.assert_array_equal(read.targets[0][:, 0], [1, 3])

  @parameterized.parameters(([{'a': 1}],), ([b'\xff'],))
  def test_a_name_of_a_series_is_text(self, cells):
    data = self.parquet(s=cells, y=[1.0])
    with self.assertRaisesRegex(
      errors.UserError, "row 1: column 's': expected text or numbers"
    ):
      self.read(data, name='a.parquet', series_column='s')

  @parameterized.parameters(
    ('y\nx\n', {}, "a.csv, line 2: column 'y': expected a number, got 'x'"),
    ('y,k\n1,\n', {'known_columns': ['k']}, "column 'k' of .* has none"),
    ('z\n1\n', {}, "line 1: Unknown column 'y'"),
    ('y\n1\n', {'past_columns': ['y']}, "'y' is given twice"),
    ('y\n1\n', {'time_column': 'y'}, "'y' is given twice"),
    ('y\n1\n', {'targets': ()}, 'expected the names of target columns'),
    ('y\n1\n', {'frequency': 'fortnight'}, "Unknown frequency 'fortnight'"),
    ('y,t\n', {'time_column': 't'}, 'expected rows, but .* has none'),
    ('y,t\n1,2014-01-01\n', {'time_column': 't'}, 'unknown frequency'),
    (
      'y,t\n1,2014-01-02\n2,2014-01-01\n',
      {'time_column': 't'},
      'line 3: the time goes back from 2014-01-02 .* to 2014-01-01',
    ),
    (
      'y,s\n1,p\n,q\n',
      {'series_column': 's'},
      "the series 'q' in .*a.csv has no target",
    ),
    (
      'y,s\n1,p\n2, \n',
      {'series_column': 's'},
      "line 3: expected the name of a series in 's', got none",
    ),
    (
      'y,e\n1,3\n2,\n3,4.5\n',
      {'static_columns': ['e']},
      "line 4: the static column 'e' has 4.5 here and 3 before:",
    ),
    (
      'y,e,s\n1,3,p\n2,,q\n',
      {'static_columns': ['e'], 'series_column': 's'},
      "the static column 'e' in .* has no value of the series 'q'",
    ),
  )
  def test_what_will_not_do_is_explained(self, text, columns, message):
    with self.assertRaisesRegex(errors.UserError, message):
      self.read(text, **columns)


class RowSeriesTest(folder_case.FolderTestCase):
  def read(self, text, frequency=''):
    return series_files.row_series(self.write('a.csv', text), frequency)

  @parameterized.parameters('"V1","V2","V3","V4"\n', 'id,x,,\n', '')
  def test_a_series_per_row(self, header):
    read = self.read(header + '"H1","5","","7"\n"H2","1.5","",""\n', '1h')
    self.assertEqual(read.names, ('H1', 'H2'))
    np.testing.assert_array_equal(read.targets[0], [[5], [np.nan], [7]])
    np.testing.assert_array_equal(read.targets[1], [[1.5]])
    np.testing.assert_array_equal(read.times[0], [0, 1, 2])
    self.assertEqual(read.known[0].shape, (3, 0))
    self.assertEqual(read.static.shape, (2, 0))
    self.assertEqual(str(read.frequency), '1h')
    line = 2 if header else 1
    self.assertEqual(
      read.notes, (f"1 cell had no number (first: series 'H1', line {line}).",)
    )

  def test_nothing_is_missing_that_is_blank_at_the_end(self):
    read = self.read('a,1,2\nb,3,\n')
    self.assertEqual(read.notes, ())
    self.assertIsNone(read.frequency)

  @parameterized.parameters(
    ('a,1,x\n', "line 1: cell 3: expected a number, got 'x'"),
    ('a,1\nb,inf\n', 'line 2: cell 2: expected a finite number'),
    ('a,1\nb,\n', "line 2: the series 'b' has no value"),
    ('a,1\n a,2\n', "line 2: .* a series in cell 1, got 'a' again"),
    ('a,1\n,2\n', 'line 2: .* a series in cell 1, got none'),
    ('a,1\n\nb,2\n', 'line 2: .* a series in cell 1, got none'),
    ('V1,V2\n', 'expected a row per series, but .* has none'),
  )
  def test_what_will_not_do_is_explained(self, text, message):
    with self.assertRaisesRegex(errors.UserError, message):
      self.read(text)


if __name__ == '__main__':
  absltest.main()
