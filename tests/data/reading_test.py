"""Tests for seqjax.data.reading; those of text are in sources_test."""

import gzip
import lzma
from unittest import mock

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import reading


class ReadingTest(folder_case.FolderTestCase):
  @parameterized.parameters(
    ('a.idx', bytes), ('a.idx.gz', gzip.compress), ('a.idx.xz', lzma.compress)
  )
  def test_bytes_are_read_as_they_are(self, name, pack):
    data = b'\xef\xbb\xbf\r\n\xff\0'
    self.assertEqual(reading.read_bytes(self.write(name, pack(data))), data)

  def test_no_bytes_are_bytes_but_no_text(self):
    path = self.write('a.txt', b'')
    self.assertEqual(reading.read_bytes(path), b'')
    self.assertEqual(reading.decode(b'', path), '')
    with self.assertRaisesRegex(errors.UserError, 'a.txt is empty'):
      reading.read_text(path)

  @parameterized.parameters(
    (b'one\ntwo\ncaf\xe9\n', 'byte offset 11 in line 3 .*ISO-8859-1'),
    (b'one\r\ntwo\rcaf\xe9\n', 'byte offset 12 in line 3 .*ISO-8859-1'),
    ('one\ntwo'.encode('utf-16'), 'byte offset 0 in line 1 .*UTF-16'),
    (b'caf\xc3', 'byte offset 3 in line 1 .*unexpected end'),
  )
  def test_bytes_in_another_encoding_are_found(self, data, message):
    with self.assertRaisesRegex(errors.UserError, f'a.txt has .*{message}'):
      reading.read_text(self.write('a.txt', data))

  @parameterized.parameters((gzip, 'a.gz'), (lzma, 'a.xz'))
  def test_a_file_that_holds_too_much_is_not_unpacked(self, packer, name):
    path = self.write(name, packer.compress(bytes(5 * 2**20)))
    self.assertLen(reading.read_bytes(path), 5 * 2**20)
    self.enterContext(mock.patch.object(reading, '_MAX_BYTES', 2**20))
    with self.assertRaisesRegex(errors.UserError, 'more than 1,048,576 bytes'):
      reading.read_bytes(path)

  @parameterized.parameters(
    ('a.tsv', '.tsv'),
    ('a.b.CSV.GZ', '.csv'),
    ('folder.d/a', ''),
    ('a.gz', ''),
    ('a.jsonl.xz', '.jsonl'),
  )
  def test_the_suffix_is_that_beneath_the_compression(self, name, suffix):
    self.assertEqual(reading.suffix(name), suffix)


if __name__ == '__main__':
  absltest.main()
