"""Tests for seqjax.data.timeseries.nab."""

import json
import tarfile
import zlib
from unittest import mock

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import nab

LABELS = 'NAB/labels/combined_windows.json'
A, B = 'real/a.csv', 'artificial/b.csv'
# The times of a repeat and step back, as two in the benchmark do.
ROWS = {
  A: [(0, 1.5), (5, 2.5), (5, 3.5), (1, 4.5), (10, 5.5), (15, 6.5)],
  B: [(0, 9.0), (7, 8.0)],
}
WINDOWS = {A: [(5, 5), (10, 15)], B: []}


def time(minute):
  return f'2014-02-14 14:{minute:02}:00'


class NABTest(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    for name, rows in ROWS.items():
      lines = [f'{time(m)},{value}\n' for m, value in rows]
      self.add(f'NAB/data/{name}', 'timestamp,value\n' + ''.join(lines))
    self.add_windows(WINDOWS)

  def add(self, name, text):
    (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
    self.write(name, text)

  def add_windows(self, windows):
    content = {
      name: [[f'{time(m)}.000000' for m in ends] for ends in some]
      for name, some in windows.items()
    }
    self.add(LABELS, json.dumps(content))

  def pack(self, name):
    path = self.folder / name
    with tarfile.open(path, f'w:{path.suffix[1:]}') as archive:
      archive.add(self.folder / 'NAB', 'somewhere/nab')
    return path

  def test_every_row_of_every_series_is_read(self):
    read = nab.nab(self.folder / 'NAB')
    self.assertEqual(read.series.names, (B, A))
    values = [value for _, value in ROWS[A]]
    np.testing.assert_array_equal(read.series.targets[1][:, 0], values)
    self.assertEqual(str(read.times[1][3]), '2014-02-14T14:01:00')
    # From the first row within the two times to the last.
    np.testing.assert_array_equal(read.events[1], [[1, 3], [4, 6]])
    self.assertEqual(read.events[0].shape, (0, 2))

  @parameterized.parameters('nab.tar.xz', 'nab.tar.gz')
  def test_an_archive_is_the_same(self, name):
    folder, archive = nab.nab(self.folder / 'NAB'), nab.nab(self.pack(name))
    self.assertEqual(folder.series.sha256, archive.series.sha256)

  def refused(self, message, path='NAB'):
    with self.assertRaisesRegex(errors.UserError, message):
      nab.nab(self.folder / path)

  def test_what_is_not_there_is_a_sentence(self):
    self.refused('NAX does not exist; did you mean .*NAB', 'NAX')
    self.refused('has no labels/combined_windows.json', 'NAB/data')
    self.write('nab.tar.xz', b'nothing')
    self.refused('nab.tar.xz is damaged or of another kind', 'nab.tar.xz')
    self.add_windows(WINDOWS | {'real/c.csv': []})
    self.refused('c.csv does not exist')

  def test_a_window_without_rows_is_a_sentence(self):
    self.add_windows({B: [(20, 30)]})
    self.refused('b.csv has no row from 2014-02-14T14:20:00')

  @parameterized.parameters('[', '[1]', '{"a": 1}', '{"real/a.csv": [[1, 2]]}')
  def test_damaged_labels_are_a_sentence(self, text):
    self.add(LABELS, text)
    self.refused('combined_windows.json .* is damaged')

  def test_a_damaged_row_is_named(self):
    self.add(f'NAB/data/{B}', f'timestamp,value\n{time(0)},many\n')
    self.refused("b.csv, line 2: column 'value': expected a number")

  @parameterized.parameters(
    '{"real/a.csv": [["2014-02-14 14:00:00"]]}',
    '{"real/a.csv": [["2014-02-14", "2014-02-15", "2014-02-16"]]}',
    '{"real/a.csv": ["20"]}',
    '{"real/a.csv": ["2014-02-14 14:00:00"]}',
  )
  def test_a_window_has_two_ends(self, text):
    self.add(LABELS, text)
    self.refused('is damaged: a window is a list of two times, got')

  def test_labels_of_nothing_are_a_sentence(self):
    self.add(LABELS, '{}')
    self.refused('names none')

  @parameterized.parameters('../../b.csv', '/etc/b.csv')
  def test_a_series_outside_of_the_folder_is_not_read(self, name):
    self.add(LABELS, json.dumps({name: []}))
    self.refused('b.csv., which is outside of it')

  def test_an_archive_that_points_outside_is_not_read(self):
    path = self.folder / 'nab.tar'
    with tarfile.open(path, 'w') as archive:
      archive.add(self.folder / f'NAB/data/{A}', '../data/a.csv')
    self.refused("its member '../data/a.csv' points outside of it", 'nab.tar')
    self.assertFalse((self.folder.parent / 'data').exists())

  def test_counts_are_no_times(self):
    self.add(f'NAB/data/{B}', 'timestamp,value\n5,1\n6,2\n')
    self.refused('b.csv, line 2: expected a time .* got the count 5')

  def test_a_damaged_archive_is_a_sentence(self):
    digits = np.random.RandomState([0]).randint(10, size=300_000)
    self.add('NAB/data/digits.txt', ''.join(map(str, digits)))
    path = self.pack('nab.tar.xz')
    content = bytearray(path.read_bytes())
    # Behind the first header, so that the archive opens.
    middle = len(content) // 2
    content[middle : middle + 3000] = b'\xff' * 3000
    path.write_bytes(content)
    self.refused('is damaged or of another kind', 'nab.tar.xz')
    zipped = mock.patch.object(tarfile, 'open', side_effect=zlib.error('bad'))
    with zipped:
      self.refused('or of another kind: fetch it again', 'nab.tar.xz')


if __name__ == '__main__':
  absltest.main()
