"""Tests for seqjax.data.text.parallel."""

import gzip
import lzma

import folder_case
import numpy as np
from absl.testing import absltest

from seqjax import errors
from seqjax.data.text import parallel


class FilesTest(folder_case.FolderTestCase):
  def test_line_by_line_and_side_by_side_are_the_same_data(self):
    files = parallel.two_files(
      self.write('a.en.gz', gzip.compress(b'Go!\r\nEat.\r\n')),
      self.write('a.es', '¡Ve!\nCome.'),
    )
    columns = parallel.two_columns(
      self.write('a.tsv.xz', lzma.compress('Go!\t¡Ve!\nEat.\tCome.\n'.encode()))
    )
    self.assertEqual(files.sources, ('Go!', 'Eat.'))
    self.assertEqual(files.targets, ('¡Ve!', 'Come.'))
    self.assertEqual(
      (files.name, columns.name), ('a.en.gz and a.es', 'a.tsv.xz')
    )
    self.assertEqual(columns._replace(name=files.name), files)

  def test_files_of_different_length_are_refused_with_both_counts(self):
    with self.assertRaisesRegex(
      errors.UserError, r'a.en has 3 lines and .*a.es has 2\.$'
    ):
      parallel.two_files(
        self.write('a.en', 'a\n\nb\n'), self.write('a.es', 'a\nb\n')
      )

  def test_empty_lines_are_left_out_as_pairs_and_counted(self):
    found = parallel.two_files(
      self.write('a.en', 'a\n\nb\nc\n'), self.write('a.es', 'A\nx\n \nC\n')
    )
    self.assertEqual(found.targets, ('A', 'C'))
    self.assertEqual(found.notes, ('pairs with an empty text, left out: 2',))

  def test_characters_are_composed_and_blanks_are_one(self):
    path = self.write('a.tsv', 'I man\u0303a  na \tso\u0301lo\n')
    found = parallel.two_columns(path)
    self.assertEqual(found.sources, ('I ma\xf1a na',))
    self.assertEqual(found.targets, ('s\xf3lo',))

  def test_further_columns_are_left_out_and_counted(self):
    path = self.write('a.tsv', 'a\tA\tCC-BY\n\nb\tB\t\tx\nc\tC\n\tD\n')
    found = parallel.two_columns(path)
    self.assertEqual(found.sources, ('a', 'b', 'c'))
    self.assertEqual(found.targets, ('A', 'B', 'C'))
    self.assertEqual(
      found.notes,
      (
        'lines with further columns, left out: 2',
        'pairs with an empty text, left out: 2',
      ),
    )

  def test_a_line_without_a_tab_is_named(self):
    path = self.write('a.tsv', 'a\tA\nb B\n')
    with self.assertRaisesRegex(
      errors.UserError, "a.tsv, line 2: expected a text, a tab .*got 'b B'"
    ):
      parallel.two_columns(path)

  def test_no_pair_at_all_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'but a.tsv has none'):
      parallel.two_columns(self.write('a.tsv', '\n\t\n'))

  def test_a_missing_file_is_a_sentence(self):
    path = self.write('a.en', 'a\n')
    with self.assertRaisesRegex(errors.UserError, 'a.es does not exist'):
      parallel.two_files(path, self.folder / 'a.es')


class PartsTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    random = np.random.RandomState(0)
    # Of 50 sources with up to 5 translations each.
    self.pairs = [
      (f'source {i}', f'target {i} {j}')
      for i in range(50)
      for j in range(random.randint(1, 6))
    ]
    random.shuffle(self.pairs)
    self.whole = parallel.collect(self.pairs, 'whole', ['a note'])

  def test_no_source_stands_in_two_parts_and_no_pair_is_lost(self):
    rest, held = parallel.hold_out(self.whole, 0.2)
    self.assertLen(set(held.sources), 10)
    self.assertEmpty(set(held.sources) & set(rest.sources))
    found = [
      *zip(rest.sources, rest.targets, strict=True),
      *zip(held.sources, held.targets, strict=True),
    ]
    self.assertCountEqual(found, self.pairs)
    self.assertEqual((rest.notes, held.notes), (('a note',), ()))
    self.assertEqual((rest.name, held.name), ('whole', 'whole, held out'))

  def test_one_long_text_costs_no_more_than_itself(self):
    pairs = [(f's{i}', 't') for i in range(9000)] + [('x' * 10**6, 't')]
    # An array of such texts would take 36 GB.
    rest, held = parallel.hold_out(parallel.collect(pairs, 'long'), 0.1)
    self.assertEqual(len(rest.sources) + len(held.sources), 9001)

  def test_texts_that_differ_in_what_is_not_seen_are_apart(self):
    whole = parallel.collect([('a', '1'), ('a\0', '2')], 'two')
    rest, held = parallel.hold_out(whole, 0.5)
    self.assertCountEqual([*rest.sources, *held.sources], ['a', 'a\0'])

  def test_the_seed_chooses_what_is_held_out(self):
    first, again, other = (
      parallel.hold_out(self.whole, 0.2, seed)[1] for seed in (0, 0, 1)
    )
    self.assertEqual(first, again)
    self.assertNotEqual(first.sources, other.sources)

  def test_pairs_that_are_known_are_counted_as_pairs(self):
    # The same source with another translation is another pair.
    part = parallel.collect(
      [self.pairs[7], self.pairs[7], (self.pairs[8][0], 'new')], 'part'
    )
    self.assertEqual(parallel.num_known(self.whole, part), 2)

  def test_the_hash_is_of_pairs_in_their_order(self):
    pairs = [('a', 'b'), ('b', 'a')]
    sha256 = parallel.collect(pairs, 'x').sha256
    self.assertEqual(parallel.collect(pairs, 'y').sha256, sha256)
    self.assertNotEqual(parallel.collect(pairs[::-1], 'x').sha256, sha256)


if __name__ == '__main__':
  absltest.main()
