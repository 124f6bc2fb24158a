"""Tests for seqjax.data.archives."""

import gzip
import io
import re
import tarfile
from unittest import mock

from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import archives

TEXTS = re.compile(r'a/(x|y)/\d+\.txt')


def member(name, content=b'', type=tarfile.REGTYPE, linkname=''):
  info = tarfile.TarInfo(name)
  info.size, info.type, info.linkname = len(content), type, linkname
  return info, content


def tar(*members):
  buffer = io.BytesIO()
  with tarfile.open(fileobj=buffer, mode='w') as archive:
    for info, content in members:
      archive.addfile(info, io.BytesIO(content))
  return buffer.getvalue()


def read(content):
  stream = io.BytesIO(content)
  stream.name = 'some.tar.gz'
  return list(archives.members(stream, TEXTS))


class ArchivesTest(parameterized.TestCase):
  def test_only_files_whose_whole_name_matches_are_read_in_order(self):
    content = tar(
      member('a', type=tarfile.DIRTYPE),
      member('a/y/2.txt', b'two'),
      member('a/x/1.txt', b'one\n'),
      member('a/x/1.txt.bak', b'no'),
      member('b/a/x/1.txt', b'no'),
      member('a/x/3.txt', type=tarfile.DIRTYPE),
      member('a/x/4.txt'),
    )
    self.assertEqual(
      read(gzip.compress(content)),
      [('a/y/2.txt', b'two'), ('a/x/1.txt', b'one\n'), ('a/x/4.txt', b'')],
    )

  @parameterized.parameters(
    (member('../a/x/2.txt'), 'points outside'),
    (member('unused/../../2.bin'), 'points outside'),
    (member('/a/x/2.txt'), 'absolute name'),
    (member('b', b'', tarfile.SYMTYPE, '/etc'), "a link to '/etc'"),
    (member('b', b'', tarfile.LNKTYPE, 'a/x/1.txt'), "a link to 'a/x/1.txt'"),
    (member('b', b'', tarfile.FIFOTYPE), 'neither a file nor a folder'),
    (member('b', b'', tarfile.CHRTYPE), 'neither a file nor a folder'),
  )
  def test_a_member_that_points_outside_is_named(self, bad, reason):
    content = gzip.compress(tar(member('a/x/1.txt', b'one'), bad))
    with self.assertRaises(errors.UserError) as caught:
      read(content)
    message = str(caught.exception)
    self.assertStartsWith(message, 'some.tar.gz is not used')
    self.assertIn(f'member {bad[0].name!r}', message)
    self.assertIn(reason, message)

  def test_names_are_as_short_as_can_be(self):
    content = gzip.compress(tar(member('./a//x/./1.txt', b'one')))
    self.assertEqual(read(content), [('a/x/1.txt', b'one')])

  def test_a_name_that_comes_twice_is_refused(self):
    content = tar(member('a/x/1.txt', b'one'), member('./a/x/1.txt', b'two'))
    with self.assertRaisesRegex(errors.UserError, "holds 'a/x/1.txt' twice"):
      read(gzip.compress(content))

  @parameterized.parameters(('_MAX_MEMBERS', 2), ('_MAX_BYTES', 5))
  def test_members_and_bytes_have_a_limit(self, limit, value):
    content = gzip.compress(
      tar(member('a/x/1.txt', b'one'), member('b', b'no'), member('c', b'!'))
    )
    with mock.patch.object(archives, limit, value):
      with self.assertRaisesRegex(errors.UserError, "too many is 'c'"):
        read(content)
    with mock.patch.object(archives, limit, value + 1):
      self.assertLen(read(content), 1)

  @parameterized.named_parameters(
    ('cut', gzip.compress(tar(member('a/x/1.txt', b'one' * 9999)))[:90]),
    ('no_gzip', b'one' * 999),
    ('no_tar', gzip.compress(b'one' * 999)),
    (
      'flipped',
      gzip.compress(tar(member('a/x/1.txt', b'one')))[:30] + b'?' * 9,
    ),
  )
  def test_a_damaged_archive_is_a_sentence(self, content):
    words = 'some.tar.gz is damaged or of another kind: fetch it again.$'
    with self.assertRaisesRegex(errors.UserError, words):
      read(content)


if __name__ == '__main__':
  absltest.main()
