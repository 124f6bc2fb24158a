"""Tests for seqjax.data.columns."""

import decimal
import gzip
import io
import lzma

import folder_case
import numpy as np
import pyarrow as pa
from absl.testing import absltest, parameterized
from pyarrow import parquet

from seqjax import errors
from seqjax.data import columns


def parquet_bytes(**named):
  file = io.BytesIO()
  parquet.write_table(pa.table(named), file)
  return file.getvalue()


class ReadTest(folder_case.FolderTestCase):
  @parameterized.parameters(
    ('a.csv', '\ufeff"t", Y ,z\r\n1,"2",3\r\n4,,6\r\n\r\n', bytes),
    ('a.csv', 't;y;z\n1;2;3\n4;;6', bytes),
    ('a.csv.gz', 'z,y,t\n3,2,1\n6,NA,4\n', gzip.compress),
    ('a.TSV.xz', 't\ty\tz,\n1\t2\t3\n4\t\t6\n', lzma.compress),
  )
  def test_the_same_numbers_from_every_kind_of_text(self, name, text, pack):
    table = columns.read(self.write(name, pack(text.encode())), ['y', 't'])
    np.testing.assert_array_equal(
      columns.column_numbers(table, 'y'), [2, np.nan]
    )
    np.testing.assert_array_equal(columns.column_numbers(table, 't'), [1, 4])
    self.assertEqual(table.place(0), 'line 2')

  def test_parquet_gives_its_own_types_and_names_with_points(self):
    path = self.write(
      'a.parquet', parquet_bytes(**{'pm2.5': [1.5, None], 'pm2': [3, 4]})
    )
    for name, values in (('PM2.5', [1.5, np.nan]), ('pm2', [3, 4])):
      table = columns.read(path, [name])
      np.testing.assert_array_equal(columns.column_numbers(table, name), values)
    self.assertEqual(table.place(0), 'row 1')

  def test_a_blank_line_is_a_row_unless_at_the_end(self):
    table = columns.read(self.write('a.csv', 'y\n1\n\n3\n\n\n'), ['y'])
    np.testing.assert_array_equal(
      columns.column_numbers(table, 'y'), [1, np.nan, 3]
    )
    self.assertEqual(table.place(2), 'line 4')

  def test_a_line_end_in_a_cell_makes_places_rows(self):
    path = self.write('a.csv', 'y,c\n1,"a\nb"\n2,c\n')
    table = columns.read(path, ['y'])
    np.testing.assert_array_equal(columns.column_numbers(table, 'y'), [1, 2])
    self.assertEqual(table.place(1), 'row 2')

  @parameterized.parameters(
    ('a.csv', 't,y\n1,2\n3\n', 'a.csv, line 3: expected 2 cells .*, got 1'),
    ('a.csv', 't,y\n1,2\n3,4,5\n', "line 3: expected 2 cells with ',' .*got 3"),
    ('a.csv', 't,y\n"1,2\n3,4\n', 'line 2: expected 2 cells .* quote'),
    ('a.csv', 'y,t\n1,"2\n3,4\n', '2 lines .* but 1 rows: a quote'),
    ('a.csv', 't,y', 'expected rows, but .*a.csv has none'),
    ('a.csv', 't,y\n\n\n', 'expected rows, but .*a.csv has none'),
    (
      'a.csv',
      't,x\n1,2\n',
      "line 1: Unknown column 'y'. Known: t, x",
    ),
    ('a.csv', 'y,Y\n1,2\n', "line 1: the header names the column 'y' twice"),
    ('a.csv', '1,2\n1,2\n', 'line 1: .* must be a header'),
    ('a.csv', 't,y\n1,\0\n', 'line 2: .* NUL'),
    ('a.txt', 't,y\n', "Unknown ending of a table of numbers '.txt'"),
    ('a.parquet', 'PAR1', 'expected a Parquet file, but .*a.parquet cannot'),
    ('a.parquet', parquet_bytes(z=[1]), "a.parquet: Unknown column 'y'"),
    ('a.parquet', parquet_bytes(y=pa.array([], pa.int64())), 'has none'),
  )
  def test_a_table_that_will_not_do_is_explained(self, name, data, message):
    with self.assertRaisesRegex(errors.UserError, message):
      columns.read(self.write(name, data), ['y'])

  def test_a_cell_and_an_empty_column_are_named(self):
    table = columns.read(self.write('a.csv', 'y,z\n1,\nx,?\n'), ['y', 'z'])
    with self.assertRaisesRegex(
      errors.UserError, "a.csv, line 3: column 'y': expected a number, got 'x'"
    ):
      columns.column_numbers(table, 'y')
    with self.assertRaisesRegex(errors.UserError, "column 'z' of .* has none"):
      columns.column_numbers(table, 'z')

  @parameterized.parameters(
    ([['a']], 'list<.*>'),
    ([b'\xff'], 'binary'),
    ([{'a': 1}], 'struct<.*>'),
  )
  def test_what_has_no_text_is_refused(self, cells, kind):
    path = self.write('a.parquet', parquet_bytes(y=cells))
    with self.assertRaisesRegex(
      errors.UserError,
      f"a.parquet, row 1: column 'y': expected text .* of the type {kind}.$",
    ):
      columns.texts(columns.read(path, ['y']), 'y')


class NumbersTest(parameterized.TestCase):
  @parameterized.parameters(
    (['1', '+2', '-3.5', '.5', '5.', '1E-3'], [1, 2, -3.5, 0.5, 5, 1e-3]),
    (
      ['', ' ', 'NA', 'n/a', 'NaN', 'NULL', 'None', '?', '-', None],
      [np.nan] * 10,
    ),
    (['True', 'false', ' 0 '], [1, 0, 0]),
    (['1e30', '-1e30', '1e-300'], [1e30, -1e30, 1e-300]),
    ([True, None], [1, np.nan]),
    ([1, None], [1, np.nan]),
    ([0.1, float('nan')], [0.1, np.nan]),
    ([decimal.Decimal('0.10')], [0.1]),
    (pa.array(['1', '2', '1']).dictionary_encode(), [1, 2, 1]),
    (pa.array(['7'], pa.large_string()), [7]),
    (pa.array([None]), [np.nan]),
  )
  def test_what_is_a_number_or_missing(self, cells, values):
    np.testing.assert_array_equal(
      columns.numbers(pa.array(cells), None), np.array(values, float)
    )

  @parameterized.parameters(
    (['1', 'Twelve'], "1: expected a number, got 'Twelve'"),
    (['1', '12 kg'], "1: expected a number, got '12 kg'"),
    (['1', '0x1A'], "1: expected a number, got '0x1A'"),
    (['1', '1_000'], "1: expected a number, got '1_000'"),
    (['1', 'x' * 50], f"1: expected a number, got '{'x' * 40}[.]"),
    (['1', '1,5'], '1: .* got .1,5.: write a point before the decimals'),
    (['1', '1.234,5'], '1: .* nothing between the thousands'),
    (['1', "1'234"], '1: .* nothing between the thousands'),
    (['1', '1 234'], '1: .* nothing between the thousands'),
    (['1', '-Inf'], '1: expected a finite number, got -Inf'),
    (['1', '1e999'], '1: expected a finite number, got 1e999'),
    ([1.0, float('-inf')], '1: expected a finite number, got -inf'),
    (['1', '1e60'], '1: .* finite number, got 1e60, too large for .* float32'),
    ([1.0, -1.1e30], '1: .* got -1.1e.30, too large for .* float32'),
    (['1', '9' * 50], f'1: .* got {"9" * 40}[.][.][.], too large'),
    ([[1]], '0: expected a number, got a value of the type list'),
    (pa.array([1], pa.timestamp('s')), '0: .* of the type timestamp'),
  )
  def test_what_is_neither_is_refused(self, cells, message):
    def wrong(i, problem):
      return errors.UserError(f'{i}: {problem}')

    with self.assertRaisesRegex(errors.UserError, f'^{message}'):
      columns.numbers(pa.array(cells), wrong)


if __name__ == '__main__':
  absltest.main()
