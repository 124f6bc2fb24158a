"""Translation end to end, small: one run is used by most tests."""

import io
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest, parameterized
from experiment_case import ExperimentTestCase

from experiments import translation
from seqjax.training import logs

SMALL = (
  *(
    '--train_file=train.tsv',
    '--test_file=test.a',
    '--test_target_file=test.b',
  ),
  *('--valid_fraction=0.1', '--hidden_size=24', '--embedding_size=12'),
  *('--batch_size=16', '--learning_rate=0.02', '--max_compilations=1'),
  *('--max_length=7', '--max_written=9', '--steps=120', '--eval_every=60'),
)
SAID = {
  **{'red': 'rojo', 'old': 'viejo', 'sad': 'triste', 'big': 'grande'},
  **{'new': 'nuevo', 'wet': 'mojado'},
}
NAMED = {'cat': 'gato', 'dog': 'perro', 'fox': 'zorro', 'pig': 'cerdo'}
LONG = 'A red red red red red red cat.\tUn gato\n'


def sentences():
  """`A red old cat!` and `¡Un gato rojo viejo!`: what is named comes first."""
  pairs = [
    (
      f'A {a} {b} {noun}{end}',
      f'{begin}Un {NAMED[noun]} {SAID[a]} {SAID[b]}{end}',
    )
    for (begin, end) in (('', '.'), ('¡', '!'))
    for noun in NAMED
    for a, b in itertools.permutations(SAID, 2)
  ]
  pairs = [pairs[i] for i in np.random.RandomState(0).permutation(len(pairs))]
  return pairs[:48], pairs[48:]


class TranslationTest(ExperimentTestCase):
  """In a folder with data and a finished run, `run`."""

  module = translation

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    test, rest = sentences()
    rows = [f'{a}\t{b}\tCC-BY\n' for a, b in [*rest, test[0]]]
    pathlib.Path('train.tsv').write_text(''.join([*rows, LONG, '\tx\n']))
    for side, name in enumerate(('test.a', 'test.b')):
      lines = [pair[side] for pair in test]
      pathlib.Path(name).write_text('\n'.join(lines) + '\n')
    cls.trained = cls.main(*SMALL, '--workdir=run')
    cls.run_path = pathlib.Path('run')

  def translate(self, *argv, stdin=None):
    with mock.patch.object(sys, 'stdin', io.StringIO(stdin)):
      code, out, err = self.main('--workdir=run', '--mode=translate', *argv)
    self.assertEqual(code, 0, err)
    self.assertStartsWith(err, 'run at step 120\n')
    return out, err

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    for part in (
      'train, train.tsv: 175 pairs, 175 different sources; lines with further',
      'left out: 193; pairs with an empty text, left out: 1.',
      'valid, train.tsv, held out: 19 pairs',
      'test, test.a and test.b: 48 pairs, 48 different sources; pairs that are '
      'learnt from as well: 1.',
      'train.tsv: pairs with more than --max_length=7 units on a side, left '
      'out: 1 of 175.',
      '14 words are read, 16 words written. Batches: ',
      'translation of the nearest',
      'tokens/s',
      '\nwritten: ',
      'nrefs:1|case:mixed|eff:no|tok:13a',
      'beats the translation of the nearest',
      'so few texts, 48, say little',
    ):
      self.assertIn(part, out)
    self.assertEqual(out.count('likeliest word for each word'), 1)

  def test_it_learns_the_order_of_the_other_language(self):
    lines = logs.read_metrics(self.run_path / 'metrics.jsonl')
    name = 'valid/nats_per_token'
    valid = {x['step']: x[name] for x in lines if name in x}
    self.assertEqual(list(valid), [0, 60, 120])
    self.assertGreater(valid[0], 2)
    self.assertLess(valid[120], 0.2)
    metrics = self.result()['metrics']
    self.assertAlmostEqual(metrics[name], valid[120], places=5)
    self.assertGreater(metrics['test/exact'], 0.9)
    self.assertBetween(metrics['test/bleu'], 90, 100.0001)
    self.assertGreater(metrics['test/chrf'], 90)

  def test_the_run_directory_is_complete(self):
    names = (
      'best checkpoints config.json figures lock metrics.jsonl result.json '
      'source target timing.jsonl'
    )
    self.assertSameElements(os.listdir(self.run_path), names.split())
    self.assertSameElements(
      os.listdir(self.run_path / 'figures'),
      ['attention.png', 'learning_curves.png'],
    )

  def test_the_size_of_a_batch_changes_no_number(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, 'run at step 120\n'))
      self.assertEqual(out.splitlines()[-len(expected) :], sorted(expected))

  def test_a_beam_gives_scores_of_its_own(self):
    code, out, err = self.main(
      '--workdir=run', '--mode=evaluate', '--beam_size=4'
    )
    self.assertEqual(code, 0, err)
    (exact,) = (x for x in out.splitlines() if x.startswith('test/exact'))
    self.assertGreater(float(exact.split()[1]), 0.9)

  def test_a_text_is_translated_as_it_is_written(self):
    out, _ = self.translate('--text=A  sad new dog!')
    self.assertEqual(out, '¡Un perro triste nuevo!\n')

  def test_a_file_and_standard_input_are_translated_line_by_line(self):
    lines = 'A big wet pig.\n\nA big red pig!\n'
    expected = 'Un cerdo grande mojado.\n\n¡Un cerdo grande rojo!\n'
    pathlib.Path('asked.txt').write_text(lines)
    for argv, stdin in ((('--text_file=asked.txt',), None), ((), lines)):
      out, _ = self.translate(*argv, stdin=stdin)
      self.assertEqual(out, expected)
    out, _ = self.translate('--text_file=asked.txt', '--output=new/said.txt')
    self.assertEqual(pathlib.Path(out.strip()).read_text(), expected)

  def test_the_best_few_come_with_their_scores(self):
    out, _ = self.translate(
      '--text=A big wet pig.', '--n_best=3', '--beam_size=3'
    )
    rows = [row.split('\t') for row in out.splitlines()]
    self.assertLen(rows, 3)
    sources, written, scores = zip(*rows, strict=True)
    scores = [float(score) for score in scores]
    self.assertEqual(scores, sorted(scores, reverse=True))
    self.assertEqual(set(sources), {'A big wet pig.'})
    self.assertLen(set(written), 3)
    self.assertEqual(written[0], 'Un cerdo grande mojado.')

  def test_what_is_too_long_or_unknown_is_said(self):
    _, err = self.translate(f'--text=A {"red " * 9}cat!')
    self.assertIn('longer than --max_length=7 and loses its end', err)
    # An unknown word is read, and never written.
    out, err = self.translate('--text=A wet xylophone cat.')
    self.assertNotIn('\ufffd', out)
    self.assertIn('words that were never learnt: 1 of 1', err)

  def test_the_sides_are_swapped(self):
    code, out, err = self.main(
      *(x for x in SMALL if x[2:7] not in ('steps', 'max_l')),
      *('--reverse', '--steps=2', '--workdir=reverse', '--unit=characters'),
      *('--target_unit=words', '--max_length=60', '--attention=none'),
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn('characters are read, 14 words written', out)
    self.assertFalse(pathlib.Path('reverse/figures/attention.png').exists())
    test = translation.read_parts(
      translation.Config(train_file='train.tsv', reverse=True)
    )['test']
    self.assertStartsWith(test.sources[0].lstrip('¡'), 'Un ')

  @parameterized.named_parameters(
    ('missing', '--train_file=trian.tsv', 'train.tsv?'),
    (
      'lengths',
      '--train_file=test.a --train_target_file=train.tsv',
      '48 lines',
    ),
    ('columns', '--test_target_file=', 'line 1: expected a text, a tab'),
    ('no_train', '--train_file=', 'go with --train_file'),
    ('no_file', '--valid_target_file=test.b', 'goes with --valid_file'),
    ('long', '--max_length=1', 'raise it'),
    ('rare', '--min_count=99999', 'occur at least 99999 times'),
    ('attention', '--attention=genral', "did you mean 'general'"),
    ('dot', '--attention=dot', 'or --bidirectional=false'),
    ('fraction', '--valid_fraction=0.001', 'cannot hold out'),
  )
  def test_the_users_mistake_is_one_sentence(self, arguments, words):
    self.assert_refused(words, SMALL, *arguments.split())

  def test_a_set_that_is_not_prepared_is_a_sentence(self):
    settings = [x for x in SMALL if '_file' not in x]
    self.assert_refused(
      'run tfds build wmt', settings, '--dataset=wmt', '--data_dir=.'
    )

  @parameterized.parameters(
    ('--text=x --text_file=test.a', 'one of the two'),
    ('--text=x --n_best=2', '--beam_size=1'),
    ('--text_file=none.txt', 'none.txt does not exist'),
    ('--text=x --output=test.a/x', 'cannot write'),
  )
  def test_a_wrong_question_is_one_sentence(self, arguments, words):
    code, _, err = self.main(
      '--workdir=run', '--mode=translate', *arguments.split()
    )
    self.assertEqual(code, 1)
    self.assertIn(words, err)
    self.assertStartsWith(err, 'error: ')  # Before anything was read.

  def test_what_was_never_learnt_is_counted_over_all_lines(self):
    _, err = self.translate(stdin='A new xylophone.\nA cat.\nA wet emu.\n')
    self.assertEqual(err.count('never learnt'), 1)
    self.assertIn('words that were never learnt: 2 of 3.', err)

  def test_a_run_that_goes_on_says_what_it_was_measured_with(self):
    settings = [x for x in SMALL if 'steps' not in x]
    code, out, _ = self.main(
      *settings,
      *('--steps=2', '--beam_size=3', '--schedule=constant', '--workdir=beam'),
    )
    self.assertEqual(code, 0)
    self.assertIn('measured with --eval_batch_size=64 --beam_size=3 ', out)
    config = json.loads(pathlib.Path('beam/config.json').read_text())['config']
    self.assertNotIn('beam_size', config)
    self.assertEqual(self.result('beam')['measured_with']['beam_size'], 3)
    code, out, _ = self.main('--workdir=beam', '--steps=3')
    self.assertEqual(code, 0)
    self.assertIn('measured with --eval_batch_size=64 --beam_size=1 ', out)
    self.assertEqual(self.result('beam')['measured_with']['beam_size'], 1)

  def test_other_data_is_no_data_of_this_run(self):
    path = pathlib.Path('test.b')
    text = path.read_text()
    try:
      path.write_text(text.replace('Un', 'El'))
      code, _, err = self.main('--workdir=run', '--mode=evaluate')
    finally:
      path.write_text(text)
    self.assertEqual(code, 1)
    self.assertIn('trained on other data', err)

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    command = [sys.executable, '-m', 'experiments.translation', *SMALL]
    command += ['--workdir=killed', '--checkpoint_every=5']
    root = str(pathlib.Path(translation.__file__).parents[1])
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
        if 'step     60 ' in line:
          process.send_signal(signal.SIGKILL)
    self.assertEqual(process.returncode, -signal.SIGKILL)
    code, _, err = self.main(*command[3:])
    self.assertEqual(code, 0, err)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('killed', name).read_bytes(),
        pathlib.Path('run', name).read_bytes(),
        name,
      )


if __name__ == '__main__':
  absltest.main()
