"""Tests for seqjax.data.labelled."""

import pathlib
import tempfile

from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import labelled


def _part(name, labels):
  places = [f'{name}, line {i + 2}' for i in range(len(labels))]
  return labelled.collect(['text'] * len(labels), labels, places, name)


class LabelledTest(parameterized.TestCase):
  def test_the_hash_is_that_of_texts_and_labels_in_their_order(self):
    first = labelled.collect(['a', 'b'], ['x', 'y'], ['1', '2'], 'first')
    again = labelled.collect(iter('ab'), iter('xy'), ['3', '4'], 'again', ['!'])
    self.assertEqual(first.sha256, again.sha256)
    self.assertEqual(again.texts, ('a', 'b'))
    self.assertEqual(again.labels, ('x', 'y'))
    others = (
      (['b', 'a'], ['x', 'y']),
      (['a', 'b'], ['y', 'x']),
      (['ab'], ['x', 'y']),
      (['a', 'b', 'x'], ['y']),
      (['a', '\ud800'], ['x', 'y']),
    )
    hashes = {labelled.collect(*o, (), '').sha256 for o in others}
    self.assertLen(hashes | {first.sha256}, 6)

  def test_a_part_is_the_rows_that_were_asked_for_in_their_order(self):
    whole = labelled.collect('abc', 'xyz', '123', 'whole')
    part = labelled.take(whole, iter([2, 0]), 'part')
    self.assertEqual(part, labelled.collect('ca', 'zx', '31', 'part'))

  def test_numbers_in_names_are_in_order_of_size(self):
    names = ['10', '9', '1', 'b', 'a10', 'a9', '009', '', 'a', '9' * 9999, '0']
    ordered = ['', '0', '1', '009', '9', '10', '9' * 9999, 'a', 'a9', 'a10']
    self.assertEqual(labelled.natural_order(names), [*ordered, 'b'])
    self.assertEqual(labelled.natural_order(names[::-1]), [*ordered, 'b'])

  def test_the_names_are_those_of_the_training_part(self):
    train = _part('train', ['10', '2', '2', '1'])
    self.assertEqual(labelled.label_names(train), ('1', '2', '10'))
    other = _part('test', ['2'])
    self.assertEqual(labelled.label_names(train, other), ('1', '2', '10'))

  def test_a_label_only_in_another_part_is_named_with_its_place(self):
    train = _part('train.tsv', ['pos', 'neg'])
    valid, test = _part('valid', ['neg']), _part('test.tsv', ['neg', 'poss'])
    with self.assertRaisesRegex(
      errors.UserError,
      "test.tsv, line 3: Unknown label 'poss'. Did you mean 'pos'. "
      'Known: neg, pos. The training part, train.tsv, has no text with it',
    ):
      labelled.label_names(train, valid, test)

  @parameterized.parameters((['pos'] * 3,), ([],))
  def test_fewer_than_two_labels_are_refused(self, labels):
    with self.assertRaisesRegex(
      errors.UserError, rf'train has {len(labels)} texts .* only \[.*\]'
    ):
      labelled.label_names(_part('train', labels))

  def test_a_label_with_a_tab_would_break_a_table(self):
    with self.assertRaisesRegex(errors.UserError, 'one line of text'):
      labelled.label_names(_part('train', ['neg\tx', 'pos']))


class NamesTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(folder, 'labels.json')

  def test_names_come_back_from_their_file(self):
    names = ('neg', 'pos', 'ä "quoted"')
    labelled.save_names(self.path, names)
    self.assertEqual(labelled.load_names(self.path), names)

  def test_names_of_other_data_are_refused(self):
    labelled.save_names(self.path, ('pos', 'neg'))
    train = _part('train', ['neg', 'pos'])
    with self.assertRaisesRegex(errors.UserError, 'expected neg, pos, got pos'):
      labelled.load_names(self.path, train)

  def test_a_missing_or_damaged_file_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'labels.json is missing'):
      labelled.load_names(self.path)
    for content in (
      *('{"a": 1}', '["a", 1]', '["a"', '["a", "a"]', '[]', '[' * 10**5),
    ):
      self.path.write_text(content)
      with self.assertRaisesRegex(errors.UserError, 'labels.json is damaged'):
        labelled.load_names(self.path)


if __name__ == '__main__':
  absltest.main()
