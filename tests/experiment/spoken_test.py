"""Tests for seqjax.experiment.spoken."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.experiment import spoken


class SpokenTest(parameterized.TestCase):
  @parameterized.parameters(
    {},
    {'test_below': 5},
    {'held_out_speaker': 'whistler_3'},
    {'held_out_speaker': 'whistler_3', 'valid_speaker': 'whistler_1'},
    {'min_joined': 1, 'max_joined': 1},
  )
  def test_every_recording_is_in_one_part(self, **settings):
    parts = spoken.read_parts(spoken.Config(**settings))
    whole = spoken.tones.tones()
    self.assertEqual(list(parts), ['train', 'valid', 'test'])
    ids = [x.tobytes() for part in parts.values() for x in part.samples]
    self.assertCountEqual(ids, [x.tobytes() for x in whole.samples])

  def test_a_share_of_every_speaker_is_held_out(self):
    parts = spoken.read_parts(spoken.Config(valid_fraction=0.1))
    for part in ('valid', 'test'):
      _, counts = np.unique(parts[part].speakers, return_counts=True)
      self.assertLen(counts, 8)
      self.assertLessEqual(np.ptp(counts), 1)

  def test_indices_and_speakers_choose_the_parts(self):
    parts = spoken.read_parts(
      spoken.Config(test_below=3, valid_speaker='whistler_2')
    )
    self.assertEqual(set(parts['test'].indices), {0, 1, 2})
    self.assertEqual(set(parts['valid'].speakers), {'whistler_2'})
    self.assertEqual(min(parts['train'].indices), 3)
    self.assertNotIn('whistler_2', parts['train'].speakers)
    parts = spoken.read_parts(spoken.Config(held_out_speaker='whistler_2'))
    self.assertEqual(set(parts['test'].speakers), {'whistler_2'})
    self.assertLen(set(parts['train'].speakers), 7)

  @parameterized.parameters(
    ({'held_out_speaker': 'whistler'}, "Did you mean 'whistler_"),
    ({'test_below': 20}, 'the test part would have 960 of 960'),
  )
  def test_a_part_without_recordings_is_a_sentence(self, settings, words):
    with self.assertRaisesRegex(errors.UserError, words):
      spoken.read_parts(spoken.Config(**settings))

  @parameterized.parameters(
    ({'min_joined': 8}, 'expected at most --max_joined=7'),
    ({'transcripts': 'a.csv'}, '--transcripts goes with --wav_path'),
    ({'name_pattern': '{label}'}, '--name_pattern goes with --wav_path'),
    ({'speaker_column': 'who'}, '--speaker_column goes with --wav_path'),
    ({'sample_rate': 16000}, '--sample_rate goes with --wav_path'),
    (
      {'speaker_column': 'who', 'wav_path': 'a'},
      '--speaker_column goes with --transcripts',
    ),
    (
      {'transcripts': 'a', 'wav_path': 'a', 'name_pattern': '{label}'},
      '--transcripts and --name_pattern: give one',
    ),
    (
      {'test_below': 3, 'held_out_speaker': 'whistler_1'},
      '--test_below and --held_out_speaker: give one of the two, and not both',
    ),
    ({'speed_change': 0.004}, 'speed_change=0.004: expected 0, or at least'),
  )
  def test_a_flag_that_would_change_nothing_is_refused(self, settings, words):
    with self.assertRaisesRegex(errors.UserError, words):
      spoken.read_parts(spoken.Config(**settings))


if __name__ == '__main__':
  absltest.main()
