import os
import pathlib
import tempfile
from unittest import mock

from absl.testing import absltest

from seqjax import files


class AtomicWriteTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    self.path = self.folder / 'result.json'

  def test_text_is_written_as_utf8_and_bytes_as_they_are(self):
    files.atomic_write(self.path, 'naïve')
    self.assertEqual(self.path.read_bytes(), 'naïve'.encode())
    files.atomic_write(self.path, b'\xff\n')
    self.assertEqual(self.path.read_bytes(), b'\xff\n')

  def test_the_file_is_as_readable_as_any_other(self):
    files.atomic_write(self.path, 'new')
    (self.folder / 'plain').write_text('new')
    self.assertEqual(
      self.path.stat().st_mode, (self.folder / 'plain').stat().st_mode
    )

  def test_a_failure_leaves_the_old_file_and_nothing_else(self):
    files.atomic_write(self.path, 'old')
    for broken in ('fsync', 'replace'):
      with mock.patch.object(os, broken, side_effect=OSError(28, 'full')):
        with self.assertRaises(OSError):
          files.atomic_write(self.path, 'new')
      self.assertEqual(self.path.read_text(), 'old')
      self.assertEqual(os.listdir(self.folder), ['result.json'])

  def test_the_content_is_durable_before_the_name_and_the_name_on_return(self):
    acts = []
    fsync, replace = os.fsync, os.replace

    def record_fsync(descriptor):
      acts.append(pathlib.Path(os.readlink(f'/proc/self/fd/{descriptor}')))
      fsync(descriptor)

    def record_replace(source, target):
      acts.append('replace')
      replace(source, target)

    if not os.path.exists('/proc/self/fd'):
      self.skipTest('needs /proc')
    with mock.patch.object(os, 'fsync', record_fsync):
      with mock.patch.object(os, 'replace', record_replace):
        files.atomic_write(self.path, 'new')
    self.assertLen(acts, 3)
    self.assertStartsWith(acts[0].name, '.result.json.')
    self.assertEqual(acts[1:], ['replace', self.folder.resolve()])

  def test_a_missing_folder_is_an_os_error(self):
    with self.assertRaises(FileNotFoundError):
      files.atomic_write(self.folder / 'none' / 'x', 'new')


if __name__ == '__main__':
  absltest.main()
