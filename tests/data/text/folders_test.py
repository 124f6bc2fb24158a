"""Tests for seqjax.data.text.folders."""

import gzip
import pathlib
import tempfile

from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.text import folders


class ClassFoldersTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    outer = self.enter_context(tempfile.TemporaryDirectory())
    self.outer = pathlib.Path(outer)
    self.root = self.outer / 'train'
    self.root.mkdir()

  def write(self, name, data=b'text'):
    path = self.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)

  def refused(self, message):
    with self.assertRaisesRegex(errors.UserError, message):
      folders.class_folders(self.root)

  def test_texts_come_in_natural_order_under_their_folders_name(self):
    self.write('pos/10_7.txt', 'grün\r\n'.encode())
    self.write('pos/9_10.txt', b'')
    self.write('neg/0_1.txt.gz', gzip.compress(b'\xef\xbb\xbfbad'))
    train = folders.class_folders(self.root)
    self.assertEqual(train.texts, ('bad', '', 'grün\n'))
    self.assertEqual(train.labels, ('neg', 'pos', 'pos'))
    self.assertEqual(
      train.places, ('neg/0_1.txt.gz', 'pos/9_10.txt', 'pos/10_7.txt')
    )
    self.assertEqual(train.name, 'train')
    self.assertEqual(train.notes, ())

  def test_what_is_left_out_is_said(self):
    for name in 'pos/1.txt', 'neg/1.txt', 'unsup/1.txt', 'unsup/2.txt':
      self.write(name)
    self.write('labeledBow.feat')
    self.write('empty/.DS_Store')
    for i in range(5):
      self.write(f'pos/{i}.html')
    train = folders.class_folders(self.root)
    self.assertEqual(train.labels, ('neg', 'pos'))
    self.assertEqual(
      train.notes,
      (
        f'Left out of {self.root}, beside the folders: labeledBow.feat.',
        f'Left out {self.root}/empty: it holds no .txt file.',
        f'Left out of {self.root}/pos, because only .txt files are texts: '
        '0.html, 1.html, 2.html and 2 more.',
        f'Left out {self.root}/unsup, which has no label: 2 texts.',
      ),
    )

  def test_fewer_than_two_labels_are_refused_with_what_was_left_out(self):
    self.refused('at least two labels in .*train, found none.$')
    self.write('train/pos/1.txt')
    self.write('train/neg/1.txt')
    self.refused('found none. Left out .*train/train: it holds no .txt file.$')
    self.write('pos/1.txt')
    self.write('pos/2.txt')
    self.refused('found pos. Left out')

  def test_the_folder_above_aclimdb_is_refused(self):
    for name in 'train/urls_pos.txt', 'train/pos/0_9.txt', 'train/neg/0_3.txt':
      self.write(name)
    self.refused('in .*/train, the folder of a label, but it holds .* neg: ')

  def test_a_link_that_leads_outside_is_refused(self):
    self.write('pos/1.txt')
    self.write('neg/1.txt')
    (self.outer / 'secret.txt').write_text('secret')
    link = self.root / 'pos' / '2.txt'
    link.symlink_to('../../secret.txt')
    self.refused('pos/2.txt is a link to .*/secret.txt')
    link.unlink()
    (self.root / 'other').symlink_to(self.outer)
    self.refused('train/other is a link to ')

  def test_a_link_that_stays_inside_is_followed(self):
    self.write('pos/1.txt', b'good')
    self.write('neg/1.txt', b'bad')
    (self.root / 'pos' / '2.txt').symlink_to('1.txt')
    train = folders.class_folders(self.root)
    self.assertEqual(train.texts, ('bad', 'good', 'good'))

  def test_a_file_in_another_encoding_is_named(self):
    self.write('pos/1.txt')
    self.write('neg/3.txt', b'one\ncaf\xe9')
    self.refused('neg/3.txt has 0xe9 at byte offset 7 in line 2')

  def test_a_missing_folder_names_the_nearest(self):
    with self.assertRaisesRegex(errors.UserError, 'did you mean .*/train'):
      folders.class_folders(self.outer / 'trian')

  def test_a_file_is_no_folder(self):
    self.write('a.tsv')
    with self.assertRaisesRegex(errors.UserError, 'a.tsv cannot: Not a direct'):
      folders.class_folders(self.root / 'a.tsv')


if __name__ == '__main__':
  absltest.main()
