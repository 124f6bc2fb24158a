"""Tests for seqjax.data.prepared."""

import contextlib
import io
import pathlib
import shutil
import tempfile

import folder_case
import pytest
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import prepared
from tests.data import tfds_folder


class FindTest(folder_case.FolderTestCase):
  def put(self, path, content='{"fileFormat": "array_record"}'):
    path = self.folder / path
    path.mkdir(parents=True)
    (path / 'dataset_info.json').write_text(content)
    return path

  def test_the_newest_version_is_found(self):
    self.put('mnist/3.0.1')
    self.put('mnist/3.9.0')
    newest = self.put('mnist/3.10.0')
    self.put('mnist/incomplete.ABC_4.0.0')
    self.assertEqual(
      prepared.find(self.folder, 'mnist'), (newest, 'array_record')
    )

  @parameterized.parameters(
    ('glue/sst2', 'glue/sst2/2.0.0'),
    ('glue/sst2:1.0.0', 'glue/sst2/1.0.0'),
    ('glue:1.5.0', 'glue/cola/1.5.0'),
  )
  def test_a_name_may_choose(self, name, path):
    for each in ('sst2/1.0.0', 'sst2/2.0.0', 'cola/1.5.0'):
      self.put(f'glue/{each}')
    self.assertEqual(prepared.find(self.folder, name).path, self.folder / path)

  def test_several_configurations_are_listed(self):
    self.put('glue/sst2/1.0.0')
    self.put('glue/cola/1.0.0')
    with self.assertRaisesRegex(errors.UserError, 'glue/cola, glue/sst2'):
      prepared.find(self.folder, 'glue')

  @parameterized.parameters('mnist', 'glue/mnli', 'glue/sst2:2.0.0')
  def test_what_is_not_there_is_none(self, name):
    self.put('glue/sst2/1.0.0')
    self.assertIsNone(prepared.find(self.folder, name))

  @parameterized.parameters('', '../mnist', '/mnist', 'a/b/c', 'mnist:3', 'a b')
  def test_what_is_no_name_is_refused(self, name):
    with self.assertRaisesRegex(errors.UserError, 'name of a data set'):
      prepared.find(self.folder, name)

  def test_without_a_word_the_format_is_tfrecord(self):
    self.put('mnist/1.0.0', '{}')
    found = prepared.find(self.folder, 'mnist')
    self.assertEqual(found.file_format, 'tfrecord')

  @parameterized.parameters('{', '[]')
  def test_a_damaged_description_is_a_sentence(self, content):
    self.put('mnist/1.0.0', content)
    with self.assertRaisesRegex(errors.UserError, 'info.json is damaged'):
      prepared.find(self.folder, 'mnist')


class ReadTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pytest.importorskip('tensorflow_datasets')
    pytest.importorskip('array_record')
    folder = cls.enterClassContext(tempfile.TemporaryDirectory())
    with contextlib.redirect_stdout(io.StringIO()):
      cls.path = tfds_folder.prepare(
        folder,
        'reviews',
        lambda features: {
          'title': features.Text(),
          'body': features.Text(),
          'label': features.ClassLabel(names=['neg', 'pos']),
        },
        train=[
          {'title': f'T{i}', 'body': f'grün {i}', 'label': i % 2}
          for i in range(7)
        ],
        test=[{'title': '', 'body': 'b', 'label': 1}],
      )

  def copy(self):
    folder = self.enter_context(tempfile.TemporaryDirectory())
    return pathlib.Path(shutil.copytree(self.path, f'{folder}/1.2.0'))

  def test_every_example_is_read_as_it_was_written(self):
    examples = prepared.examples(prepared.builder(self.path), 'train')
    self.assertSameElements(
      [(x['title'], x['body'].decode(), x['label']) for x in examples],
      [(f'T{i}'.encode(), f'grün {i}', i % 2) for i in range(7)],
    )

  def test_tfds_lays_it_out_as_it_is_looked_for(self):
    found = prepared.find(self.path.parent.parent, 'reviews:1.2.0')
    self.assertEqual(found, (self.path, 'array_record'))

  def test_an_unknown_split_is_a_sentence(self):
    with self.assertRaisesRegex(
      errors.UserError, "split of reviews 'tset'. Did you mean 'test'"
    ):
      prepared.examples(prepared.builder(self.path), 'tset')

  def test_a_feature_is_the_only_one_or_named(self):
    builder = prepared.builder(self.path)
    self.assertEqual(prepared.key(builder, 'ClassLabel'), 'label')
    self.assertEqual(prepared.key(builder, 'Text', 'title'), 'title')
    for kind, key, words in (
      ('Text', '', r'has 2 among .*title \(Text\).*: name one\.$'),
      ('Image', '', r'has 0 among .*label \(ClassLabel\)'),
      ('Text', 'boby', "Did you mean 'body'"),
      ('Text', 'label', 'Known: body, title'),
    ):
      with self.assertRaisesRegex(errors.UserError, words):
        prepared.key(builder, kind, key)

  def test_damaged_files_are_a_sentence(self):
    def cut(path):
      path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    def flip(path):
      content = bytearray(path.read_bytes())
      content[100] ^= 255
      path.write_bytes(content)

    for harm in (cut, flip, pathlib.Path.unlink):
      path = self.copy()
      (file,) = path.glob('*train*')
      harm(file)
      with self.subTest(harm=harm.__name__):
        with self.assertRaisesRegex(errors.UserError, f'{path} is damaged'):
          prepared.examples(prepared.builder(path), 'train')

  def test_damaged_descriptions_are_a_sentence(self):
    for harm in (pathlib.Path.unlink, lambda path: path.write_text('{')):
      path = self.copy()
      harm(path / 'features.json')
      with self.assertRaisesRegex(errors.UserError, f'{path} is damaged'):
        prepared.builder(path)


if __name__ == '__main__':
  absltest.main()
