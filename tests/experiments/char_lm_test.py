"""The main job end to end, small: one run is trained and used by most tests."""

import contextlib
import hashlib
import os
import pathlib
from unittest import mock

import experiment_case
import pytest
from absl.testing import absltest, parameterized

from experiments import char_lm
from seqjax.data import downloads, registered
from seqjax.training import logs

TEXT = 'the cat sat on the mat, and the dog ate the log.\n' * 60
SMALL = (
  '--text_file=text.txt',
  '--cell=elman',
  '--hidden_size=16',
  '--embedding_size=6',
  '--batch_size=5',
  '--update_every=8',
  '--learning_rate=0.02',
  '--eval_every=20',
  '--length=50',
)


class CharLMTest(experiment_case.ExperimentTestCase):
  """In a folder with a text and a finished run, `run`."""

  module = char_lm

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('text.txt').write_text(TEXT)
    cls.trained = cls.main(
      *SMALL, '--workdir=run', '--steps=40', '--prompt=the '
    )
    cls.run_path = pathlib.Path('run')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    num_valid = round(0.1 * len(TEXT))
    self.assertIn(f'{len(TEXT) - num_valid:,} characters to learn from', out)
    self.assertIn(f'{num_valid:,} held out', out)
    for part in ('1-gram', '4-gram', 'chars/s', 'done at step 40'):
      self.assertIn(part, out)

  def test_it_learns(self):
    lines = logs.read_metrics(self.run_path / 'metrics.jsonl')
    valid = {
      x['step']: x['valid/bits_per_char']
      for x in lines
      if 'valid/bits_per_char' in x
    }
    self.assertEqual(list(valid), [0, 20, 40])
    self.assertLess(valid[20], valid[0] - 0.5)
    self.assertLess(valid[40], valid[20] - 0.2)
    # Begins near a guess among all symbols, log2 of their number.
    self.assertBetween(valid[0], 3.5, 5.5)

  def test_the_run_directory_is_complete(self):
    names = (
      'best checkpoints config.json figures lock metrics.jsonl result.json '
      'samples timing.jsonl vocabulary.json'
    )
    self.assertSameElements(os.listdir(self.run_path), names.split())
    self.assertSameElements(
      os.listdir(self.run_path / 'samples'),
      ['0000000.txt', '0000020.txt', '0000040.txt'],
    )
    figure = self.run_path / 'figures' / 'learning_curves.png'
    self.assertStartsWith(figure.read_bytes(), b'\x89PNG')

  def test_the_result_is_the_last_evaluation(self):
    last = logs.read_metrics(self.run_path / 'metrics.jsonl')[-1]
    result = self.result()
    self.assertEqual((result['status'], result['step']), ('done', 40))
    self.assertSameElements(
      result['metrics'], ['valid/bits_per_char', 'valid/nats_per_char']
    )
    for name, value in result['metrics'].items():
      self.assertAlmostEqual(value, last[name], places=5)

  def test_it_goes_on_as_if_it_had_never_stopped(self):
    for steps in (20, 40):
      code, out, _ = self.main(
        *SMALL, '--workdir=twice', f'--steps={steps}', '--prompt=the '
      )
      self.assertEqual(code, 0)
    self.assertIn('Going on from step 20', out)
    for name in ('metrics.jsonl', 'result.json', 'samples/0000040.txt'):
      self.assertEqual(
        pathlib.Path('twice', name).read_bytes(),
        (self.run_path / name).read_bytes(),
        name,
      )

  def test_every_option_has_its_way(self):
    options = (
      *('--workdir=options', '--steps=2', '--hidden_sizes=6,5', '--residual'),
      *('--dropout_rate=0.3', '--variational', '--initial_carry=learned'),
      *('--initializer=uniform', '--bptt_steps=16', '--optimizer=momentum'),
      *('--schedule=cosine', '--clip_norm=0', '--min_count=61'),
      *('--data_seed=3', '--temperature=0'),
    )
    code, out, err = self.main(*SMALL, *options)
    self.assertEqual((code, err), (0, ''), out)
    self.assertIsInstance(
      self.result('options')['metrics']['valid/bits_per_char'], float
    )

  @pytest.mark.slow
  def test_every_regularizer_has_its_way(self):
    rates = (
      *('input_dropout_rate', 'state_dropout_rate', 'candidate_dropout_rate'),
      *('zoneout_h_rate', 'zoneout_c_rate', 'weight_dropout_rate'),
      *('weight_noise', 'activation_penalty', 'temporal_penalty'),
    )
    code, out, err = self.main(
      *(x for x in SMALL if not x.startswith('--cell')),
      *('--workdir=regularized', '--steps=2', '--cell=lstm'),
      *('--candidate_per_step', *(f'--{name}=0.1' for name in rates)),
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertIsInstance(
      self.result('regularized')['metrics']['valid/bits_per_char'], float
    )

  @parameterized.parameters((0, None), (4, 4), (16, 16))
  def test_gradients_are_cut_where_the_flags_say(self, bptt_steps, k2):
    config = char_lm.Config(update_every=8, bptt_steps=bptt_steps)
    with mock.patch.object(char_lm.training, 'truncate') as truncate:
      task = char_lm.make_task(config, char_lm.make_model(config, 9))
    self.assertEqual(truncate.call_args.args[1:], (8, k2))
    self.assertIs(task.loss, truncate.return_value)

  def sample(self, *argv):
    code, out, err = self.main('--workdir=run', '--mode=sample', *argv)
    self.assertEqual((code, err), (0, 'run at step 40\n'))
    return out.removesuffix('\n')

  def test_a_sample_is_the_prompt_and_length_more_characters(self):
    text = self.sample('--prompt=the dog', '--length=70')
    self.assertStartsWith(text, 'the dog')
    self.assertLen(text, len('the dog') + 70)
    self.assertContainsSubset(text, TEXT)
    self.assertEqual(text, self.sample('--prompt=the dog', '--length=70'))

  def test_the_seed_and_the_temperature_of_a_sample_matter(self):
    texts = {
      self.sample(f'--sample_seed={seed}', f'--temperature={temperature}')
      for seed, temperature in ((0, 1), (5, 1), (0, 2))
    }
    self.assertLen(texts, 3)

  def test_of_the_likeliest_alone_a_sample_is_greedy(self):
    greedy = self.sample('--temperature=0')
    for flag in ('--top_k=1', '--top_p=1e-6'):
      self.assertEqual(self.sample(flag, '--temperature=1'), greedy)

  def test_training_wrote_the_same_sample(self):
    written = (self.run_path / 'samples' / '0000040.txt').read_text()
    again = self.sample('--length=50', '--prompt=the ')
    self.assertEqual(written, f'{again}\n')

  def test_characters_outside_the_vocabulary_are_named(self):
    text = self.sample('--prompt=a Ω', '--length=9')
    self.assertStartsWith(
      text, 'Not in the vocabulary, read as unknown: Ω\na Ω'
    )

  def test_without_a_prompt_only_new_text_is_shown(self):
    self.assertLen(self.sample('--prompt=', '--length=30'), 30)

  def test_evaluation_repeats_the_numbers_of_the_result(self):
    code, out, err = self.main('--workdir=run', '--mode=evaluate')
    self.assertEqual((code, err), (0, 'run at step 40\n'))
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    self.assertEqual(out.splitlines(), sorted(expected))

  def test_another_text_is_no_text_of_this_run(self):
    try:
      pathlib.Path('text.txt').write_text(TEXT.replace('cat', 'cow'))
      code, _, err = self.main('--workdir=run', '--mode=evaluate')
    finally:
      pathlib.Path('text.txt').write_text(TEXT)
    self.assertEqual(code, 1)
    self.assertIn('trained on other data', err)

  def test_a_data_set_is_read_from_its_folder_wherever_the_command_stands(self):
    play = pathlib.Path('sets/downloads/manual/input.txt')
    play.parent.mkdir(parents=True)
    play.write_text(TEXT)
    file = downloads.Registered(
      'http://nowhere.invalid/input.txt',
      len(TEXT),
      hashlib.sha256(TEXT.encode()).hexdigest(),
    )
    self.enter_context(mock.patch.dict(registered.TEXTS, tiny_shakespeare=file))
    code, _, err = self.main(
      *SMALL[1:],
      *('--dataset=tiny_shakespeare', '--data_dir=sets'),
      *('--workdir=play', '--steps=1'),
    )
    self.assertEqual((code, err), (0, ''))
    with contextlib.chdir('sets'):
      code, out, _ = self.main('--workdir=../play', '--mode=evaluate')
    self.assertEqual(code, 0)
    metrics = self.result('play')['metrics']
    self.assertIn(f'{metrics["valid/bits_per_char"]:.4g}', out)

  @parameterized.named_parameters(
    ('missing', '--text_file=tex.txt', 'text.txt?'),
    ('short_text', '--text_file=short.txt', 'shorter than one window'),
    ('short_window', '--update_every=2000', 'shorter than one window'),
    ('large_batch', '--batch_size=9999', 'is larger than the text'),
    ('odd_bptt', '--bptt_steps=3', 'divide the other'),
    ('rare', '--min_count=9999', 'occur at least 9999 times'),
    ('no_share', '--valid_fraction=1', '--valid_fraction'),
    ('cell', '--cell=ltsm', "did you mean 'lstm'"),
    ('zoneout', '--zoneout_c_rate=0.1', 'h and c alone'),
    ('cold', '--temperature=-1', '--temperature'),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    pathlib.Path('short.txt').write_text('abcdefghij' * 3)
    self.assert_refused(words, SMALL, argument)


if __name__ == '__main__':
  absltest.main()
