"""Tests for seqjax.data.text.motifs."""

import collections
import re

from absl.testing import absltest

from seqjax.data.text import motifs

FIRST, SECOND = motifs.BOXES


class GappedMotifTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.made = motifs.gapped_motif(1000)

  def of(self, label):
    return [
      text
      for text, found in zip(self.made.texts, self.made.labels, strict=True)
      if found == label
    ]

  def test_half_are_starts(self):
    self.assertEqual(
      collections.Counter(self.made.labels), {'start': 500, 'other': 500}
    )

  def test_every_sequence_is_40_to_80_letters_of_dna(self):
    lengths = {len(text) for text in self.made.texts}
    self.assertEqual((min(lengths), max(lengths)), (40, 80))
    self.assertEqual(set(''.join(self.made.texts)), set('ACGT'))

  def test_every_sequence_has_both_boxes_once(self):
    for text in self.made.texts:
      self.assertEqual((text.count(FIRST), text.count(SECOND)), (1, 1))

  def test_only_starts_have_them_in_order_at_their_distance(self):
    start = re.compile(f'{FIRST}.{{6,8}}{SECOND}')
    self.assertTrue(all(map(start.search, self.of('start'))))
    self.assertFalse(any(map(start.search, self.of('other'))))

  def test_neither_the_order_nor_the_distance_alone_tells(self):
    others = self.of('other')
    for kind in (f'{FIRST}.*{SECOND}', f'{SECOND}.{{6,8}}{FIRST}'):
      self.assertEqual(sum(bool(re.search(kind, x)) for x in others), 250)

  def test_it_is_a_function_of_the_seed(self):
    self.assertEqual(motifs.gapped_motif(1000), self.made)
    self.assertNotEqual(motifs.gapped_motif(1000, 1).texts, self.made.texts)

  def test_the_seed_gives_the_same_sequences_for_ever(self):
    self.assertStartsWith(self.made.sha256, 'b508e90b')


if __name__ == '__main__':
  absltest.main()
