"""Tests for seqjax.data.audio.wav_folder."""

import os
import tarfile

from absl.testing import absltest, parameterized
from folder_case import FolderTestCase

from seqjax import errors
from seqjax.data.audio import wav_folder


class WavFolderTest(FolderTestCase):
  def setUp(self):
    super().setUp()
    (self.folder / 'in').mkdir()
    for name in ('10.wav', '9.wav', 'in/a.WAV', 'README.txt'):
      self.write(name, name)

  def pack(self, ending, names=('.',)):
    """An archive of the folder."""
    path = self.folder / f'packed{ending}'
    with tarfile.open(path, f'w:{"xz" if "xz" in ending else "gz"}') as archive:
      for name in names:
        archive.add(self.folder / name, name)
    return path

  def test_files_come_in_natural_order(self):
    found = wav_folder.read(self.folder)
    self.assertEqual(
      list(found.items()),
      [(x, x.encode()) for x in ('9.wav', '10.wav', 'in/a.WAV')],
    )

  @parameterized.parameters('.tar.xz', '.tar.gz', '.tgz')
  def test_an_archive_is_the_folder(self, ending):
    expected = list(wav_folder.read(self.folder).items())
    found = wav_folder.read(self.pack(ending))
    self.assertEqual(list(found.items()), expected)

  def test_a_name_is_of_one_file(self):
    path = self.pack('.tgz', ['9.wav', '10.wav', '9.wav'])
    with self.assertRaisesRegex(errors.UserError, "holds '9.wav' twice"):
      wav_folder.read(path)

  def test_names_that_cannot_be_printed_are_a_sentence(self):
    with open(os.fsencode(self.folder) + b'/caf\xe9.wav', 'wb') as file:
      file.write(b'x')
    for path in (self.folder, self.pack('.tgz')):
      with self.assertRaises(errors.UserError) as caught:
        wav_folder.read(path)
      self.assertIn(r'has caf\xe9.wav: rename it', str(caught.exception))

  def test_what_is_no_folder_is_a_sentence(self):
    path = self.write('a.zip', 'x')
    with self.assertRaisesRegex(errors.UserError, 'an archive of one'):
      wav_folder.read(path)
    with self.assertRaisesRegex(errors.UserError, 'does not exist'):
      wav_folder.read(self.folder / 'none')
    path = self.write('a.tar.xz', 'x')
    with self.assertRaisesRegex(errors.UserError, 'damaged or of another kind'):
      wav_folder.read(path)
    (self.folder / 'empty').mkdir()
    with self.assertRaisesRegex(errors.UserError, 'empty, but it has none'):
      wav_folder.read(self.folder / 'empty')


if __name__ == '__main__':
  absltest.main()
