"""MIDI files, read back with the package that players are built on."""

import sys
from unittest import mock

import folder_case
import numpy as np
import pytest
from absl.testing import absltest

from seqjax import errors
from seqjax.data.music import midi, piano_rolls


def sounding(file):
  """[n, 128]: which notes sound in each frame of 120 ticks."""
  now, rows = np.zeros(128, int), []
  for message in file.tracks[0]:
    frames, rest = divmod(message.time, 120)
    assert not rest, message
    rows += [now.copy()] * frames
    if message.type in ('note_on', 'note_off'):
      now[message.note] += 1 if message.type == 'note_on' else -1
  assert not now.any()
  return np.array(rows).reshape(-1, 128)


class WriteTest(folder_case.FolderTestCase):
  def write_roll(self, roll, steps_per_beat=2):
    path = self.folder / 'piece.mid'
    mido = pytest.importorskip('mido')
    midi.write(path, roll, steps_per_beat)
    return mido.MidiFile(path)

  def test_it_reads_back_as_it_was(self):
    random = np.random.default_rng(0)
    for frames in (1, 2, 40):
      roll = (random.random((frames, 88)) < 0.2).astype(np.uint8)
      roll[:, [0, 87]] = 1
      found = sounding(self.write_roll(roll))
      np.testing.assert_array_equal(found[:, 21:109], roll)
      self.assertEqual(found.sum(), roll.sum())

  def test_silence_is_as_long_as_it_is(self):
    roll = np.zeros((9, 88))
    self.assertLen(sounding(self.write_roll(roll)), 9)
    roll[3:5, 7] = 1
    np.testing.assert_array_equal(
      sounding(self.write_roll(roll)).any(axis=1), roll.any(axis=1)
    )

  def test_a_note_over_successive_frames_is_struck_once(self):
    roll = np.zeros((6, 88), bool)
    roll[[0, 1, 2, 4], 39] = True
    track = self.write_roll(roll).tracks[0]
    struck = [m.note for m in track if m.type == 'note_on']
    self.assertEqual(struck, [piano_rolls.LOWEST + 39] * 2)

  def test_a_note_ends_before_another_begins(self):
    roll = np.eye(2, 88)
    kinds = [m.type for m in self.write_roll(roll).tracks[0] if not m.is_meta]
    self.assertEqual(kinds, ['note_on', 'note_off', 'note_on', 'note_off'])

  def test_it_lasts_as_long_as_the_tempo_says(self):
    for size in (1, 3, 100):
      file = self.write_roll(np.ones((30, 88)), size)
      self.assertAlmostEqual(file.length, 30 / size / 100 * 60, places=3)

  def test_without_the_package_one_sentence_names_the_extra(self):
    with mock.patch.dict(sys.modules, mido=None):
      with self.assertRaisesRegex(errors.UserError, 'SEQJAX_EXTRAS=music'):
        midi.write(self.folder / 'piece.mid', np.eye(2, 88), 2)
    self.assertEqual(list(self.folder.iterdir()), [])


if __name__ == '__main__':
  absltest.main()
