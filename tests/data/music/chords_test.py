"""Tests for seqjax.data.music.chords."""

import numpy as np
from absl.testing import absltest

from seqjax.data.music import chords, piano_rolls

VOICES = chords.BASS, chords.TENOR, chords.ALTO, chords.MELODY


def phrases(piece):
  return np.split(piece, 4)


class ChordsTest(absltest.TestCase):
  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    cls.parts = chords.chords()
    cls.pieces = [x for part in cls.parts.values() for x in part.pieces]

  def test_the_parts_have_their_sizes_and_no_piece_in_common(self):
    sizes = {part: len(x.pieces) for part, x in self.parts.items()}
    self.assertEqual(sizes, chords.SIZES)
    self.assertEqual(tuple(sizes), piano_rolls.PARTS)
    self.assertLen({x.tobytes() for x in self.pieces}, len(self.pieces))

  def test_four_voices_sound_in_their_ranges(self):
    for piece in self.pieces:
      self.assertIn(len(piece), (64, 96))
      np.testing.assert_array_equal(piece.sum(axis=1), 4)
      _, notes = np.nonzero(piece)
      for voice, (low, high) in zip(
        notes.reshape(-1, 4).T + piano_rolls.LOWEST, VOICES, strict=True
      ):
        self.assertBetween(voice.min(), low, high)
        self.assertBetween(voice.max(), low, high)

  def test_each_piece_keeps_to_the_scale_of_its_key(self):
    keys = {
      frozenset((tonic + x) % 12 for x in scale)
      for tonic in range(12)
      for scale in chords.SCALES
    }
    self.assertLen(keys, 24)
    used = [
      {(note + piano_rolls.LOWEST) % 12 for note in np.flatnonzero(x.any(0))}
      for x in self.pieces
    ]
    self.assertTrue(all(any(x <= key for key in keys) for x in used))

  def test_the_theme_comes_back_note_by_note(self):
    returns = []
    for piece in self.pieces:
      first, *later = phrases(piece)
      returns.append([np.array_equal(first, x) for x in later])
    expected = {
      tuple(letter == form[0] for letter in form[1:]) for form in chords.FORMS
    }
    self.assertEqual(set(map(tuple, returns)), expected)

  def test_chords_change_at_their_time_and_the_bass_with_them(self):
    for piece in self.pieces:
      step = len(piece) // 4 // chords.CHORDS_PER_PHRASE
      low = chords.BASS[1] + 1 - piano_rolls.LOWEST
      lowest = piece.argmax(axis=1)
      self.assertLess(lowest.max(), low)
      held = lowest.reshape(-1, step)
      np.testing.assert_array_equal(held, held[:, :1].repeat(step, axis=1))

  def test_it_is_a_function_of_the_seed(self):
    again = chords.chords()
    for part, rolls in self.parts.items():
      self.assertEqual(again[part].sha256, rolls.sha256)
    other = chords.chords(data_seed=1)['test']
    self.assertNotEqual(other.sha256, self.parts['test'].sha256)

  def test_the_seed_gives_the_same_pieces_for_ever(self):
    found = {part: x.sha256[:8] for part, x in self.parts.items()}
    self.assertEqual(
      found, {'train': 'f8b8fcba', 'valid': 'd38358c9', 'test': '72d67caf'}
    )


if __name__ == '__main__':
  absltest.main()
