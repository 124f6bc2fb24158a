"""Letters to sounds end to end, small: one run is used by most tests."""

import io
import itertools
import os
import pathlib
import signal
import subprocess
import sys
from unittest import mock

import jax
from absl.testing import absltest, parameterized
from experiment_case import ExperimentTestCase

from experiments import pronunciation
from seqjax.data.text import cmudict
from seqjax.training import logs

SMALL = (
  *('--train_file=train.dict', '--cell=gru', '--hidden_size=24'),
  *('--embedding_size=8', '--batch_size=16', '--learning_rate=0.02'),
  *('--max_compilations=1', '--test_fraction=0.2'),
  *('--eval_every=50', '--max_written=8'),
)


def dictionary():
  """Up to three syllables: c is K, but S before e; and some say no h."""
  syllables = [''.join(x) for x in itertools.product('bcdh', 'ae')]
  lines = []
  for n in (1, 2, 3):
    for word in map(''.join, itertools.product(syllables, repeat=n)):
      sounds = ' '.join(word.replace('ce', 'SE').replace('c', 'K').upper())
      lines.append(f'{word} {sounds}0')
      if 'h' in word:
        lines.append(f'{word}(2) {sounds.replace("H ", "")}1 # by some')
  return '\n'.join(lines) + '\n'


class PronunciationTest(ExperimentTestCase):
  """In a folder with data and a finished run, `run`."""

  module = pronunciation

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('train.dict').write_text(dictionary())
    cls.trained = cls.main(*SMALL, '--workdir=run', '--steps=100')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      'train.dict: digits of stress that are not read: 910.',
      'train, train.dict: 444 words, ',
      'valid, train.dict: 23 words, ',
      'test, train.dict: 117 words, ',
      'phone_error_rate  word_error_rate',
      '\nlikeliest sound of each letter  ',
      '\nword that is spelt most alike  ',
      '\nnetwork  ',
      '7 letters, 8 sounds. Batches: ',
      'sounds/s',
      'test word error rate 0.',
      'beats the likeliest sound of each letter',
    ):
      self.assertIn(part, out)

  def test_it_learns_what_the_letter_does_not_say(self):
    lines = logs.read_metrics(pathlib.Path('run', 'metrics.jsonl'))
    valid = {
      x['step']: x['valid/word_error_rate']
      for x in lines
      if 'valid/word_error_rate' in x
    }
    self.assertEqual(list(valid), [0, 50, 100])
    self.assertGreater(valid[0], 0.9)
    found = self.result()['metrics']
    self.assertSameElements(
      found,
      [
        f'{part}/{name}_error_rate'
        for part in ('valid', 'test')
        for name in ('phone', 'word')
      ],
    )
    self.assertLess(found['test/word_error_rate'], 0.1)
    self.assertLess(found['test/phone_error_rate'], 0.03)

  def test_the_run_directory_is_complete(self):
    names = (
      'best checkpoints config.json figures letters.json lock metrics.jsonl '
      'result.json sounds.json timing.jsonl'
    )
    self.assertSameElements(os.listdir('run'), names.split())
    self.assertIn('attention.png', os.listdir('run/figures'))

  def test_words_are_held_out_with_all_their_variants(self):
    config = pronunciation.Config(train_file='train.dict')
    parts = pronunciation.read_parts(config)
    self.assertEqual(list(parts), ['train', 'valid', 'test'])
    ways = {
      word: variants
      for part in parts.values()
      for word, variants in zip(part.words, part.variants, strict=True)
    }
    self.assertEqual(sum(len(part.words) for part in parts.values()), 584)
    whole = cmudict.read('train.dict')
    self.assertEqual(ways, dict(zip(whole.words, whole.variants, strict=True)))

  def test_files_that_are_given_are_the_parts(self):
    pathlib.Path('test.dict').write_text('ba B A\nzoo Z U\nzoo(2) Z U1\n')
    code, out, err = self.main(
      *SMALL, '--test_file=test.dict', '--steps=0', '--workdir=files'
    )
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      'test.dict: left out 1 that differ in nothing but stress.',
      'train, train.dict: 555 words, ',
      'valid, train.dict: 29 words, ',
      'test, test.dict: 2 words, 2 ways to say them; words with letters that '
      'were never learnt: 1; sounds that there is nothing to learn from, each '
      'a mistake: U, Z; words that are learnt from as well: 1.',
    ):
      self.assertIn(part, out)

  def evaluate(self, *argv):
    code, out, err = self.main('--workdir=run', '--mode=evaluate', *argv)
    self.assertEqual((code, err), (0, 'run at step 100\n'))
    measured_with, *found = out.splitlines()
    for argument in argv:
      self.assertIn(argument, measured_with)
    return found

  def test_the_size_of_a_batch_changes_no_number(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      found = self.evaluate(f'--eval_batch_size={size}')
      self.assertEqual(found, sorted(expected))

  def test_a_beam_finds_what_greed_finds_where_the_model_is_sure(self):
    rates = [float(x.split()[1]) for x in self.evaluate('--beam_size=4')]
    self.assertLess(max(rates), 0.1)

  def predict(self, *argv):
    code, out, err = self.main('--workdir=run', '--mode=predict', *argv)
    self.assertEqual(code, 0, err)
    self.assertStartsWith(err, 'run at step 100\n')
    return [row.split('\t') for row in out.splitlines()], err

  def test_words_are_said(self):
    rows, err = self.predict('--text=caba  DECEDA ')
    self.assertEqual(
      [row[:2] for row in rows],
      [['caba', 'K A B A'], ['deceda', 'D E S E D A']],
    )
    self.assertTrue(all(0.5 < float(row[2]) <= 1 for row in rows))
    self.assertEqual(err.count('\n'), 1)

  def test_words_are_said_as_they_are_typed(self):
    with mock.patch.object(sys, 'stdin', io.StringIO('caba DECEDA\n\nzoo')):
      rows, err = self.predict()
    self.assertEqual([row[0] for row in rows], ['caba', 'deceda', 'zoo'])
    self.assertEqual(rows[:2], self.predict('--text=caba deceda')[0])
    self.assertIn('never learnt: 1\n', err)
    with mock.patch.object(sys, 'stdin', io.StringIO('')):
      self.assertEqual(self.predict(), ([], 'run at step 100\n'))

  def test_a_word_that_does_not_end_is_counted(self):
    rows, err = self.predict('--text=ba dabaca', '--max_written=3')
    self.assertEqual([row[1] for row in rows], ['B A', 'D A B'])
    self.assertIn('\ncut at --max_written=3: 1\n', err)

  def test_words_of_a_file_are_said_in_several_ways(self):
    pathlib.Path('words.txt').write_text('caba\n\nhabe bece\n')
    rows, _ = self.predict(
      '--text_file=words.txt', '--beam_size=4', '--n_best=2'
    )
    words, ways, p = zip(*rows, strict=True)
    self.assertEqual(words, ('caba', 'caba', 'habe', 'habe', 'bece', 'bece'))
    self.assertEqual({ways[2], ways[3]}, {'H A B E', 'A B E'})
    for better, worse in zip(p[::2], p[1::2], strict=True):
      self.assertGreaterEqual(float(better), float(worse))

  def test_what_is_not_read_is_said(self):
    rows, err = self.predict(f'--text=cab zoo {"ab" * 31}')
    self.assertLen(rows, 3)
    self.assertIn('words with letters that were never learnt: 1\n', err)
    self.assertIn('longer than --max_length=60, not learnt from', err)

  @parameterized.named_parameters(
    ('missing', '--train_file=trian.dict', 'train.dict?'),
    ('broken', '--train_file=broken.dict', 'line 2: expected a word and its'),
    ('table', '--train_file=table.csv', 'sounds such as AH or AH0'),
    ('no_train', '--train_file= --test_file=one.dict', 'with --train_file'),
    ('one', '--train_file=one.dict', 'cannot hold out'),
    ('long', '--max_length=1', '--max_length=1: expected at least the lett'),
    ('attention', '--attention=genreal', "did you mean 'general'"),
    ('fraction', '--test_fraction=0', 'above 0'),
  )
  def test_the_users_mistake_is_one_sentence(self, arguments, words):
    pathlib.Path('broken.dict').write_text('a A\nb\n')
    pathlib.Path('table.csv').write_text('1, 2, 3\n4, 5, 6\n')
    pathlib.Path('one.dict').write_text('a A\n')
    self.assert_refused(words, SMALL, *arguments.split())

  @parameterized.parameters(
    ('--text=x --text_file=train.dict', 'of the two, and not both'),
    ('--text_file=none.txt', 'none.txt does not exist'),
    ('--text=x --n_best=2', '--n_best=2: expected at most --beam_size=1'),
  )
  def test_a_question_that_has_no_answer_is_refused(self, arguments, words):
    code, _, err = self.main(
      '--workdir=run', '--mode=predict', *arguments.split()
    )
    self.assertEqual(code, 1)
    self.assertIn(words, err)

  def test_a_text_without_words_is_a_sentence(self):
    code, _, err = self.main('--workdir=run', '--mode=predict', '--text= ')
    self.assertEqual(
      (code, err), (1, 'error: expected words to say, got none.\n')
    )

  def test_other_data_is_no_data_of_this_run(self):
    path = pathlib.Path('train.dict')
    text = path.read_text()
    try:
      path.write_text(text + 'bach B A K\n')
      code, _, err = self.main('--workdir=run', '--mode=evaluate')
    finally:
      path.write_text(text)
    self.assertEqual(code, 1)
    self.assertIn('trained on other data', err)

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    command = [sys.executable, '-m', 'experiments.pronunciation', *SMALL]
    command += ['--workdir=killed', '--steps=100', '--checkpoint_every=20']
    root = str(pathlib.Path(pronunciation.__file__).parents[1])
    # The programs of this process, to the bit.
    careless = jax.config.read('jax_disable_most_optimizations')
    environment = os.environ | {
      'PYTHONPATH': root,
      'JAX_DISABLE_MOST_OPTIMIZATIONS': str(int(careless)),
    }
    process = subprocess.Popen(
      command, env=environment, stdout=subprocess.PIPE, text=True
    )
    with process:
      for line in process.stdout:
        if 'step     50 ' in line:
          process.send_signal(signal.SIGKILL)
    self.assertEqual(process.returncode, -signal.SIGKILL)
    code, out, err = self.main(*command[3:])
    self.assertEqual((code, 'Going on from step' in out), (0, True), err)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('killed', name).read_bytes(),
        pathlib.Path('run', name).read_bytes(),
        name,
      )


if __name__ == '__main__':
  absltest.main()
