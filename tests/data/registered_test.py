"""Tests for seqjax.data.registered."""

import contextlib
import csv
import hashlib
import importlib.util
import io
import os
import pathlib
import socket
import tarfile
import tempfile
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import downloads, registered
from tests.data import tfds_folder

# Of the archive, in its order.
REVIEWS = {
  'aclImdb/README': 'Not a review.',
  'aclImdb/test/neg/0_2.txt': 'Too long.',
  'aclImdb/test/pos/0_10.txt': 'Übrigens gut.\r\n',
  'aclImdb/test/urls_pos.txt': 'http://',
  'aclImdb/train/pos/10_9.txt': 'Good.<br /><br />Twice.',
  'aclImdb/train/pos/9_7.txt': 'A film.',
  'aclImdb/train/neg/1_1.txt': 'Bad.',
  'aclImdb/train/neg/2_3.txt': ' A bore. ',
  'aclImdb/train/unsup/0_0.txt': 'Who knows.',
  'aclImdb/train/labeledBow.feat': '9 0:9',
}
TRAIN = (
  ('neg', 'A bore.', 'aclImdb/train/neg/2_3.txt'),
  ('neg', 'Bad.', 'aclImdb/train/neg/1_1.txt'),
  ('pos', 'A film.', 'aclImdb/train/pos/9_7.txt'),
  ('pos', 'Good.<br /><br />Twice.', 'aclImdb/train/pos/10_9.txt'),
)
PLAY = 'First Citizen:\nBefore we proceed any further, hear me speak.\n' * 3


def archive(reviews, **extra):
  """A .tar.gz of texts by name, and of one more member if `extra` says so."""
  buffer = io.BytesIO()
  with tarfile.open(fileobj=buffer, mode='w:gz') as tar:
    for name, text in reviews.items():
      content = text if isinstance(text, bytes) else text.encode()
      info = tarfile.TarInfo(name)
      info.size = len(content)
      tar.addfile(info, io.BytesIO(content))
    if extra:
      info = tarfile.TarInfo()
      for name, value in extra.items():
        setattr(info, name, value)
      tar.addfile(info)
  return buffer.getvalue()


class RegisteredTest(parameterized.TestCase):
  """In an empty data directory, on a machine without a network."""

  def setUp(self):
    super().setUp()
    self.folder = self.enter_context(tempfile.TemporaryDirectory())
    self.enter_context(
      mock.patch.object(
        socket, 'getaddrinfo', side_effect=socket.gaierror(-2, 'no network')
      )
    )
    self.enter_context(mock.patch.dict(registered.ARCHIVES))
    self.enter_context(mock.patch.dict(registered.TEXTS))

  def place(self, file, content, known=True):
    """Puts a file in its place; the registered one, with its hash, if known."""
    sha256 = hashlib.sha256(content).hexdigest()
    path = downloads.place(file, self.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if known:
      file = file._replace(num_bytes=len(content), sha256=sha256)
    return file

  def place_reviews(self, content, known=True):
    file, members = registered.ARCHIVES['imdb_reviews']
    file = self.place(file, content, known)
    registered.ARCHIVES['imdb_reviews'] = file, members

  def place_play(self):
    registered.TEXTS['tiny_shakespeare'] = self.place(
      registered.TEXTS['tiny_shakespeare'], PLAY.encode()
    )

  def labelled(self, name='imdb_reviews', split='train', **keys):
    return registered.labelled(name, split, self.folder, **keys)

  def prepare(self, name, features, **splits):
    pytest.importorskip('tensorflow_datasets')
    pytest.importorskip('array_record')
    with contextlib.redirect_stdout(io.StringIO()):
      return tfds_folder.prepare(self.folder, name, features, **splits)

  def prepare_reviews(self, rows=TRAIN):
    return self.prepare(
      'imdb_reviews',
      lambda features: {
        'text': features.Text(),
        'label': features.ClassLabel(names=['neg', 'pos']),
      },
      train=[{'label': label, 'text': text} for label, text, _ in rows],
    )

  def describe(self, name, file_format):
    """A data set that was prepared in some other format."""
    path = pathlib.Path(self.folder, name, '1.0.0')
    path.mkdir(parents=True)
    (path / 'dataset_info.json').write_text(f'{{"fileFormat":"{file_format}"}}')
    return path

  def test_a_placed_archive_is_read(self):
    self.place_reviews(archive(REVIEWS))
    train = self.labelled()
    self.assertEqual(
      tuple(zip(train.labels, train.texts, train.places, strict=True)), TRAIN
    )
    self.assertEqual(train.name, 'imdb_reviews, train')
    test = self.labelled(split='test')
    self.assertEqual(test.labels, ('neg', 'pos'))
    self.assertEqual(test.texts, ('Too long.', 'Übrigens gut.'))
    self.assertNotEqual(test.sha256, train.sha256)

  def test_the_hash_is_of_contents_not_of_the_way_they_came(self):
    self.place_reviews(archive(REVIEWS))
    placed = self.labelled()
    self.place_reviews(archive(dict(reversed(REVIEWS.items()))))
    self.assertEqual(self.labelled(), placed)
    self.prepare_reviews()
    prepared = self.labelled()
    self.assertEqual(prepared._replace(places=()), placed._replace(places=()))
    self.assertContainsSubset(
      prepared.places, [f'imdb_reviews train, example {i}' for i in range(4)]
    )

  def test_what_is_prepared_is_preferred(self):
    self.place_reviews(b'damaged', known=False)
    self.prepare_reviews()
    self.assertLen(self.labelled().texts, 4)

  def test_another_hash_is_refused_before_anything_is_read(self):
    self.place_reviews(archive(REVIEWS), known=False)
    with mock.patch.object(tarfile, 'open', side_effect=AssertionError):
      with self.assertRaisesRegex(errors.UserError, 'sha256 c40f74a1.*has'):
        self.labelled()

  @parameterized.parameters(
    ({'name': '../a.txt'}, "'../a.txt' points outside"),
    (
      {'name': 'b', 'type': tarfile.SYMTYPE, 'linkname': '/etc'},
      "'b' is a link to '/etc'",
    ),
  )
  def test_an_archive_that_points_outside_is_refused(self, extra, words):
    self.place_reviews(archive(REVIEWS, **extra))
    with self.assertRaisesRegex(errors.UserError, words):
      self.labelled()

  def test_an_archive_cut_short_is_refused(self):
    self.place_reviews(archive(REVIEWS)[:-30])
    with self.assertRaisesRegex(errors.UserError, 'aclImdb.* is damaged'):
      self.labelled()

  def test_a_review_of_another_encoding_is_named(self):
    name = 'aclImdb/train/neg/1_1.txt'
    self.place_reviews(archive(REVIEWS | {name: 'für'.encode('latin-1')}))
    with self.assertRaisesRegex(errors.UserError, f'{name} has 0xfc at byte'):
      self.labelled()

  def test_a_part_without_texts_is_a_sentence(self):
    self.place_reviews(archive({}))
    with self.assertRaisesRegex(errors.UserError, 'has none in train'):
      self.labelled()

  def test_an_unknown_part_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'train'"):
      self.labelled(split='trian')

  @parameterized.parameters(
    ('imdb_reviews', 'aclImdb_v1.tar.gz', 'c40f74a1'),
    ('tiny_shakespeare', 'input.txt', '86c4e6aa'),
  )
  def test_without_a_network_the_file_and_its_place_are_named(
    self, name, file, sha256
  ):
    with self.assertRaises(errors.UserError) as caught:
      if name == 'imdb_reviews':
        self.labelled()
      else:
        registered.text(name, self.folder)
    for part in (
      f'{file} is not in {self.folder}',
      'no network',
      f'sha256 {sha256}',
      f'place it as {self.folder}/downloads/manual/{file}.',
    ):
      self.assertIn(part, str(caught.exception))

  def test_tfrecord_is_refused_unless_the_file_is_placed(self):
    path = self.describe('imdb_reviews', 'tfrecord')
    with self.assertRaises(errors.UserError) as caught:
      self.labelled()
    for part in (
      f'{path} is written as tfrecord, which needs TensorFlow: ',
      'tfds build imdb_reviews --file_format=array_record',
      'or place http://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz',
    ):
      self.assertIn(part, str(caught.exception))
    self.place_reviews(archive(REVIEWS))
    self.assertLen(self.labelled().texts, 4)

  @parameterized.parameters('yelp', 'glue/sst2')
  def test_what_is_not_prepared_says_how_to(self, name):
    with self.assertRaises(errors.UserError) as caught:
      self.labelled(name)
    for part in (
      f'no {name} in {self.folder}: run tfds build {name} --file_format=array_',
      f'copy {name.split("/")[0]} from its data directory to {self.folder}.',
    ):
      self.assertIn(part, str(caught.exception))

  def test_any_prepared_data_set_is_read_by_its_keys(self):
    self.prepare(
      'news',
      lambda features: {
        'title': features.Text(),
        'body': features.Text(),
        'topic': features.ClassLabel(names=['world', 'sport']),
        'tone': features.ClassLabel(names=['dry', 'wet']),
      },
      test=[{'title': 'T', 'body': 'B', 'topic': 1, 'tone': 0}],
    )
    keys = {'text_key': 'body', 'label_key': 'topic'}
    news = self.labelled('news', 'test', **keys)
    self.assertEqual((news.texts, news.labels), (('B',), ('sport',)))
    for key in keys:
      with self.assertRaisesRegex(errors.UserError, 'has 2 among'):
        self.labelled('news', 'test', **keys | {key: ''})

  def test_translations_are_read_part_by_part(self):
    self.prepare(
      'wmt',
      lambda features: {'en': features.Text(), 'de': features.Text()},
      keys=('en', 'de'),
      train=[{'en': 'Go!', 'de': 'Geh!'}, {'en': 'Hm.', 'de': ''}],
      validation=[{'en': 'No.', 'de': 'Nein.'}],
    )
    parts = registered.pairs('wmt', self.folder)
    self.assertEqual(list(parts), ['train', 'valid'])
    self.assertEqual(parts['valid'].sources, ('No.',))
    self.assertEqual(parts['train'].targets, ('Geh!',))
    self.assertEqual(
      parts['train'].notes, ('pairs with an empty text, left out: 1',)
    )

  def test_labels_are_no_translations(self):
    self.prepare_reviews()
    with self.assertRaisesRegex(errors.UserError, 'imdb_reviews has the feat'):
      registered.pairs('imdb_reviews', self.folder)

  def test_an_example_without_a_label_is_refused(self):
    self.prepare_reviews([*TRAIN, (-1, 'Who knows.', '')])
    with self.assertRaisesRegex(
      errors.UserError, r'imdb_reviews train, example \d has none \(-1\)'
    ):
      self.labelled()

  def test_a_text_is_the_placed_file(self):
    self.place_play()
    text = registered.text('tiny_shakespeare', self.folder)
    self.assertEqual(
      text,
      (PLAY, 'tiny_shakespeare', hashlib.sha256(PLAY.encode()).hexdigest()),
    )

  def test_a_prepared_text_is_put_together_again(self):
    self.place_play()
    placed = registered.text('tiny_shakespeare', self.folder)
    self.prepare(
      'tiny_shakespeare',
      lambda features: {'text': features.Text()},
      test=[{'text': PLAY[95:]}],
      train=[{'text': PLAY[:90]}],
      validation=[{'text': PLAY[90:95]}],
    )
    downloads.place(registered.TEXTS['tiny_shakespeare'], self.folder).unlink()
    self.assertEqual(registered.text('tiny_shakespeare', self.folder), placed)

  def test_an_unknown_text_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'mean .tiny_shakespeare'):
      registered.text('tiny_shakespear', self.folder)

  def prepare_digits(self, pixels, labels, **shape):
    self.prepare(
      'mnist',
      lambda features: {
        'image': features.Image(**shape),
        'label': features.ClassLabel(num_classes=10),
      },
      test=[
        {'image': tfds_folder.png(image), 'label': label}
        for image, label in zip(pixels, labels, strict=True)
      ],
    )

  def test_images_are_read_with_their_labels(self):
    pixels = np.random.RandomState(0).randint(0, 256, (6, 4, 5), np.uint8)
    labels = [3, 1, 4, 1, 5, 9]
    self.prepare_digits(pixels, labels, shape=(4, 5, 1))
    found = registered.images('mnist', 'test', self.folder)
    self.assertEqual(found.images.dtype, np.uint8)
    self.assertEqual(found.name, 'mnist, test')
    self.assertSameElements(
      [(x.tobytes(), y) for x, y in zip(*found[:2], strict=True)],
      [(x.tobytes(), y) for x, y in zip(pixels, labels, strict=True)],
    )

  def test_images_without_a_label_are_refused(self):
    self.prepare_digits(np.zeros((2, 4, 5)), [1, -1], shape=(4, 5, 1))
    with self.assertRaisesRegex(errors.UserError, r'mnist test, example \d'):
      registered.images('mnist', 'test', self.folder)

  def test_coloured_images_are_refused(self):
    self.prepare_digits(np.zeros((2, 4, 5, 3)), [1, 2], shape=(4, 5, 3))
    with self.assertRaisesRegex(errors.UserError, r'shape \(4, 5, 3\)'):
      registered.images('mnist', 'test', self.folder)

  def test_images_that_are_not_prepared_say_how_to(self):
    with self.assertRaisesRegex(errors.UserError, 'tfds build mnist'):
      registered.images('mnist', 'test', self.folder)


class DataFolderTest(absltest.TestCase):
  def test_the_argument_wins_then_the_environment_then_the_home(self):
    with mock.patch.dict(
      os.environ, TFDS_DATA_DIR='/data/tfds', HOME='/home/x'
    ):
      self.assertEqual(str(registered.data_folder('~/y')), '/home/x/y')
      self.assertEqual(str(registered.data_folder()), '/data/tfds')
      del os.environ['TFDS_DATA_DIR']
      home = '/home/x/tensorflow_datasets'
      self.assertEqual(str(registered.data_folder()), home)


class TableTest(parameterized.TestCase):
  @parameterized.parameters(
    ('imdb_reviews', registered.ARCHIVES['imdb_reviews'][0]),
    ('tiny_shakespeare', registered.TEXTS['tiny_shakespeare']),
  )
  def test_address_size_and_hash_are_those_that_tfds_registers(
    self, name, file
  ):
    spec = importlib.util.find_spec('tensorflow_datasets')
    if not spec:
      self.skipTest('tensorflow_datasets is not installed')
    path = pathlib.Path(spec.origin).parent / 'datasets' / name
    with open(path / 'checksums.tsv', newline='') as table:
      (row,) = csv.reader(table, delimiter='\t')
    expected = [file.url, str(file.num_bytes), file.sha256, file.name]
    self.assertEqual(row, expected)


if __name__ == '__main__':
  absltest.main()
