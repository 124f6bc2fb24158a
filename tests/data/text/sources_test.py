"""Tests for seqjax.data.text.sources."""

import gzip
import hashlib
import lzma
import os
import sys
import types

import folder_case
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.text import sources


class PythonReferenceTest(absltest.TestCase):
  def test_holds_every_topic_in_sorted_order(self):
    text = sources.python_reference()
    topics = sys.modules['pydoc_data.topics'].topics
    self.assertEqual(text.name, 'python_reference')
    start = 0
    for name in sorted(topics):
      start = text.text.index(topics[name], start) + len(topics[name])
    between = 2 * (len(topics) - 1)
    self.assertLen(text.text, sum(map(len, topics.values())) + between)
    self.assertEqual(
      text.sha256, hashlib.sha256(text.text.encode()).hexdigest()
    )

  def test_the_order_is_sorted_whatever_the_dictionarys(self):
    shuffled = types.SimpleNamespace(topics={'b': 'B', 'c': 'C', 'a': 'A'})
    self.enter_context(
      absltest.mock.patch.dict(sys.modules, {'pydoc_data.topics': shuffled})
    )
    self.assertEqual(sources.python_reference().text, 'A\n\nB\n\nC')

  def test_a_python_without_it_is_a_sentence(self):
    self.enter_context(
      absltest.mock.patch.dict(sys.modules, {'pydoc_data.topics': None})
    )
    with self.assertRaisesRegex(errors.UserError, 'no language reference'):
      sources.python_reference()


class TextFileTest(folder_case.FolderTestCase):
  @parameterized.parameters(
    ('a.txt', bytes),
    ('a.txt.gz', gzip.compress),
    ('a.txt.XZ', lzma.compress),
  )
  def test_mark_line_ends_and_compression_leave_no_trace(self, name, pack):
    data = '\ufeffgrün\r\n\r\nß\rend\n\ufeff'.encode()
    text = sources.text_file(self.write(name, pack(data)))
    plain = 'grün\n\nß\nend\n\ufeff'
    self.assertEqual(text.text, plain)
    self.assertEqual(text.name, name)
    self.assertEqual(text.sha256, hashlib.sha256(plain.encode()).hexdigest())

  def test_the_home_folder_may_be_a_tilde(self):
    self.write('a.txt', b'home')
    home = {'HOME': str(self.folder)}
    self.enter_context(absltest.mock.patch.dict(os.environ, home))
    self.assertEqual(sources.text_file('~/a.txt').text, 'home')

  def test_a_missing_file_names_the_nearest(self):
    near = self.write('shakespeare.txt', b'x')
    self.write('other.md', b'x')
    with self.assertRaises(errors.UserError) as caught:
      sources.text_file(self.folder / 'shakespear.txt')
    self.assertEndsWith(str(caught.exception), f'did you mean {near}?')

  def test_a_missing_file_without_a_near_one_names_none(self):
    self.write('other.md', b'x')
    with self.assertRaisesRegex(errors.UserError, r'zzz does not exist\.$'):
      sources.text_file(self.folder / 'zzz')

  def test_a_missing_folder_is_named(self):
    with self.assertRaisesRegex(errors.UserError, 'nor does its folder .*no'):
      sources.text_file(self.folder / 'no' / 'a.txt')

  def test_a_directory_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, 'is a directory'):
      sources.text_file(self.folder)

  @parameterized.parameters(b'', '\ufeff'.encode())
  def test_an_empty_file_is_refused(self, data):
    with self.assertRaisesRegex(errors.UserError, 'is empty'):
      sources.text_file(self.write('a.txt', data))

  @parameterized.parameters(
    ('abc\né'.encode('latin-1'), '0xe9 at byte offset 4 .*ISO-8859-1'),
    (b'\xef\xbb\xbfab\xff', '0xff at byte offset 5 .*ISO-8859-1'),
    ('hello'.encode('utf-16'), '0xff at byte offset 0 .*UTF-16'),
  )
  def test_other_encodings_are_refused_at_their_byte(self, data, message):
    with self.assertRaisesRegex(errors.UserError, message):
      sources.text_file(self.write('a.txt', data))

  @parameterized.parameters(
    ('a.gz', gzip.compress(bytes(range(99)))[:-20]),
    ('a.gz', b'not an archive'),
    ('a.gz', gzip.compress(b'x' * 99)[:10] + b'\xff' * 30),
    ('a.xz', lzma.compress(bytes(range(99)))[:-20]),
    ('a.xz', b'not an archive'),
  )
  def test_a_damaged_archive_is_refused(self, name, data):
    with self.assertRaisesRegex(errors.UserError, 'archive, but .* is damaged'):
      sources.text_file(self.write(name, data))

  def test_an_unreadable_file_gives_the_systems_reason(self):
    loop = self.folder / 'loop'
    loop.symlink_to(loop)
    with self.assertRaisesRegex(errors.UserError, 'cannot read .*loop: .+'):
      sources.text_file(loop)


class SplitTest(parameterized.TestCase):
  @parameterized.parameters(
    (10, 0.1, 1), (10, 0.34, 3), (2, 0.1, 1), (2, 0.9, 1), (1000, 0.1, 100)
  )
  def test_the_end_is_for_validation(self, length, fraction, num_valid):
    text = ''.join(chr(65 + i) for i in range(length))
    train, valid = sources.split(text, fraction)
    self.assertEqual(train + valid, text)
    self.assertLen(valid, num_valid)

  @parameterized.parameters('', 'a')
  def test_a_text_without_two_characters_is_refused(self, text):
    with self.assertRaisesRegex(errors.UserError, 'at least two characters'):
      sources.split(text)

  @parameterized.parameters(0.0, 1.0, -0.5, float('nan'))
  def test_a_fraction_outside_0_and_1_is_refused(self, fraction):
    with self.assertRaisesRegex(ValueError, 'between 0 and 1'):
      sources.split('abc', fraction)


if __name__ == '__main__':
  absltest.main()
