"""Music end to end, small: one run is trained and used by most tests."""

import os
import pathlib
import sys
from unittest import mock

import experiment_case
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from scipy import io as scipy_io

from experiments import music
from seqjax.data.music import chords, midi, piano_rolls
from seqjax.training import logs

SMALL = (
  '--mat_file=music.mat',
  '--cell=elman',
  '--hidden_size=16',
  '--batch_size=8',
  '--learning_rate=0.03',
  '--max_compilations=2',
  '--max_steps=12',
  '--transpose=2',
  '--dropout_rate=0.1',
  '--schedule=constant',
  '--eval_every=20',
)


def pieces(num_pieces, seed):
  """Pieces of 9 to 30 frames: two chords by turns, each for three frames."""
  random = np.random.RandomState(seed)
  made = []
  for _ in range(num_pieces):
    roll = np.zeros((random.randint(9, 31), 88), np.uint8)
    tonic = random.randint(36, 44)
    for frame, row in enumerate(roll):
      root = tonic + 5 * (frame // 3 % 2)
      row[[root, root + 4, root + 7]] = 1
    made.append(roll)
  return made


def cells(arrays):
  found = np.empty((1, len(arrays)), object)
  for i, array in enumerate(arrays):
    found[0, i] = array
  return found


class MusicTest(experiment_case.ExperimentTestCase):
  """In a folder with pieces and a finished run, `run`."""

  module = music

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    parts = {'traindata': (40, 0), 'validdata': (9, 1), 'testdata': (10, 2)}
    made = {name: cells(pieces(*x)) for name, x in parts.items()}
    scipy_io.savemat('music.mat', made)
    made['testdata'][0, 3] = made['testdata'][0, 3][:, :87]
    scipy_io.savemat('narrow.mat', made)
    scipy_io.savemat('names.mat', {'traindata': made['traindata']})
    # MIDI is for samples alone.
    with mock.patch.object(midi, 'library', side_effect=AssertionError):
      cls.trained = cls.main(*SMALL, '--workdir=run', '--steps=40')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    for part in (
      'train, music.mat traindata: 40 pieces,',
      '3.00 notes in a frame',
      'Baseline, nats per test frame: note frequency',
      'Baseline, nats per test frame: repeat',
      'Baseline, nats per test frame: note bigram',
      'frames/s',
      'nats per test frame not yet the note frequency',
      'done at step 40',
    ):
      self.assertIn(part, out)

  def test_it_learns(self):
    valid = {
      x['step']: x['valid/nats_per_frame']
      for x in logs.read_metrics('run/metrics.jsonl')
      if 'valid/nats_per_frame' in x
    }
    self.assertEqual(list(valid), [0, 20, 40])
    # Begins near a coin for each note, and ends below the silence of all.
    self.assertBetween(valid[0], 50, 70)
    self.assertLess(valid[40], 12)

  def test_the_run_directory_is_complete(self):
    self.assertContainsSubset(
      'best checkpoints config.json figures lock metrics.jsonl result.json '
      'timing.jsonl'.split(),
      os.listdir('run'),
    )
    self.assertIn('learning_curves.png', os.listdir('run/figures'))
    self.assertSameElements(
      self.result()['metrics'],
      [
        f'{part}/{unit}_per_frame'
        for part in ('valid', 'test')
        for unit in ('nats', 'bits')
      ],
    )

  def test_it_goes_on_as_if_it_had_never_stopped(self):
    for steps in (20, 40):
      code, out, _ = self.main(*SMALL, '--workdir=twice', f'--steps={steps}')
      self.assertEqual(code, 0)
    self.assertIn('Going on from step 20', out)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('twice', name).read_bytes(),
        pathlib.Path('run', name).read_bytes(),
        name,
      )

  @parameterized.parameters(1, 7, 64)
  def test_evaluation_repeats_the_result_at_any_batch_size(self, size):
    code, out, _ = self.main(
      '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
    )
    self.assertEqual(code, 0)
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    self.assertEqual(out.splitlines()[1:], sorted(expected))

  def test_evaluation_reads_whole_pieces_and_every_frame_but_the_first(self):
    config = music.Config(mat_file='music.mat', eval_batch_size=4)
    part = music.read_parts(config)['test']
    batches, plan = music.make_batches(config, part.pieces)
    weight, longest = 0, 0
    for index in range(plan.batches_per_epoch):
      batch = batches(index)
      weight += batch.weights.sum()
      longest = max(longest, batch.mask.sum(axis=0).max())
      for row in np.flatnonzero(batch.mask.any(axis=0)):
        steps = batch.mask[:, row].sum()
        np.testing.assert_array_equal(
          batch.inputs[1:steps, row], batch.targets[: steps - 1, row]
        )
    lengths = [len(piece) for piece in part.pieces]
    self.assertEqual((weight, longest), (sum(lengths) - 10, max(lengths) - 1))

  def test_the_score_is_of_whole_pieces_whatever_is_learnt_from_at_once(self):
    config = music.Config(mat_file='music.mat', hidden_size=4, max_steps=5)
    parts, model = music.read_parts(config), music.make_model(config)
    pieces = parts['test'].pieces
    params = model.init(jax.random.key(0), jnp.asarray(pieces[0][:, None]))
    nats = []
    for piece in pieces:
      logits = model.apply(params, jnp.asarray(piece[:-1, None]))[0][:, 0]
      p = 1 / (1 + np.exp(-np.asarray(logits, np.float64)))
      nats += list(-np.log(np.where(piece[1:], p, 1 - p)).sum(axis=1))
    found = music.make_evaluate(config, model, parts)(params, ('test',))
    self.assertAlmostEqual(
      found['test/nats_per_frame'], np.mean(nats), delta=1e-4
    )

  def test_a_sample_continues_the_piece_as_midi_and_as_a_figure(self):
    mido = pytest.importorskip('mido')
    code, out, err = self.main(
      *('--workdir=run', '--mode=sample', '--prompt_piece=3', '--length=20'),
      *('--prompt_steps=6', '--sample_seed=5', '--steps_per_beat=3'),
    )
    self.assertEqual((code, err), (0, 'run at step 40\n'))
    self.assertEqual(
      out.split(), ['run/samples/3_5.mid', 'run/samples/3_5.png']
    )
    self.assertStartsWith(
      pathlib.Path('run/samples/3_5.png').read_bytes(), b'\x89PNG'
    )
    file = mido.MidiFile('run/samples/3_5.mid')
    self.assertAlmostEqual(file.length, 26 / 3 / 100 * 60, places=3)
    real = piano_rolls.mat_file('music.mat')['test'].pieces[3]
    struck = [m.note for m in file.tracks[0] if m.type == 'note_on'][:3]
    self.assertEqual(struck, list(np.flatnonzero(real[0]) + piano_rolls.LOWEST))
    first = pathlib.Path('run/samples/3_5.mid').read_bytes()
    again = (
      *('--workdir=run', '--mode=sample', '--prompt_piece=3', '--length=20'),
      *('--prompt_steps=6', '--steps_per_beat=3'),
    )
    self.main(*again, '--sample_seed=5')
    self.main(*again, '--sample_seed=6')
    same, other = (
      pathlib.Path(f'run/samples/3_{k}.mid').read_bytes() for k in (5, 6)
    )
    self.assertEqual(same, first)
    self.assertNotEqual(other, first)

  def test_the_pieces_made_on_the_spot_are_the_default(self):
    parts = music.read_parts(music.Config(data_seed=3))
    for part, rolls in chords.chords(data_seed=3).items():
      self.assertEqual(parts[part].sha256, rolls.sha256)

  @parameterized.named_parameters(
    ('missing', '--mat_file=musik.mat', 'did you mean'),
    ('kind', '--mat_file=run/config.json', 'of version 5'),
    ('width', '--mat_file=narrow.mat', 'piece 4 of narrow.mat testdata'),
    ('names', '--mat_file=names.mat', "Unknown variable 'validdata'"),
    ('far', '--transpose=88', 'at most 87'),
    ('down', '--transpose=-1', 'at least 0'),
    ('no_steps', '--max_steps=0', 'at least 1'),
    ('dataset', '--dataset=chorales', 'expected one of chords'),
    ('cell', '--cell=conv_lstm', 'conv_lstm'),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    self.assert_refused(words, SMALL, argument)

  @parameterized.named_parameters(
    ('piece', '--prompt_piece=10', 'at most 9, the last of music.mat testdata'),
    ('steps', '--prompt_steps=31', 'the frames of piece 0'),
    ('none', '--prompt_steps=0', 'at least 1'),
    ('tempo', '--steps_per_beat=0', 'at least 1'),
    ('cold', '--temperature=-1', 'at least 0'),
  )
  def test_a_sample_that_cannot_be_is_one_sentence(self, argument, words):
    pytest.importorskip('mido')
    code, _, err = self.main('--workdir=run', '--mode=sample', argument)
    self.assertEqual(code, 1, err)
    self.assertIn(words, err)
    self.assertStartsWith(err.splitlines()[-1], 'error: ')

  def test_a_sample_without_the_package_names_the_extra(self):
    with mock.patch.dict(sys.modules, mido=None):
      code, out, err = self.main('--workdir=run', '--mode=sample')
    self.assertEqual((code, out), (1, ''))
    # Before the run is read.
    self.assertStartsWith(err, 'error: a MIDI file needs')
    self.assertIn('SEQJAX_EXTRAS=music', err)


if __name__ == '__main__':
  absltest.main()
