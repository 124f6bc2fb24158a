"""Tests for seqjax.data.delimited."""

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import delimited


class DelimitedTest(folder_case.FolderTestCase):
  @parameterized.parameters(
    ('a.csv', 'a,b;c\td', ','),
    ('a.csv.gz', 'a;b\tc', ';'),
    ('a.csv', 'a\tb', '\t'),
    ('a.csv', 'a', ','),
    ('a.TSV', 'a,b', '\t'),
  )
  def test_the_delimiter(self, name, line, expected):
    self.assertEqual(delimited.delimiter(name, line), expected)

  def test_rows_begin_on_their_line_and_may_have_another_delimiter(self):
    rows = delimited.csv_rows('a.csv', '"a;\n""b";c\n\nd;e\n', ';')
    self.assertEqual(
      list(rows), [(1, ['a;\n"b', 'c']), (3, []), (4, ['d', 'e'])]
    )

  def test_columns_are_found_by_name(self):
    header = [' Time', '', 'load ']
    self.assertEqual(
      delimited.positions('a.csv', ['LOAD', 'column 2'], header, ''), [2, 1]
    )

  @parameterized.parameters(
    (['lod'], "^a.csv: Unknown column 'lod'. Did you mean 'load'.* Look.$"),
    (['a'], "^a.csv: the header names the column 'a' twice.$"),
  )
  def test_a_header_that_will_not_do_is_explained(self, columns, message):
    with self.assertRaisesRegex(errors.UserError, message):
      delimited.positions('a.csv', columns, ['A', 'load', 'a '], 'Look.')


if __name__ == '__main__':
  absltest.main()
