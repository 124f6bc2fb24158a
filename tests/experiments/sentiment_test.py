"""Whole texts end to end, small: one run is trained and used by most tests."""

import os
import pathlib
import signal
from unittest import mock

import experiment_case
import numpy as np
from absl.testing import absltest, parameterized

from experiments import sentiment
from seqjax.training import signals

SMALL = (
  *('--train_file=train.tsv', '--test_file=test.csv', '--cell=gru'),
  '--bidirectional=false',
  *('--hidden_size=8', '--embedding_size=8', '--batch_size=16'),
  *('--learning_rate=0.02', '--eval_every=15', '--pooling=attention'),
  *('--max_compilations=2', '--max_length=9', '--dropout_rate=0'),
)
RESULT = [
  f'{part}/{name}'
  for part in ('test', 'valid')
  for name in ('accuracy', 'f1_macro', 'nats_per_sequence')
]


def rows(num, seed):
  """Texts of 1 to 12 words: good if 'not' comes before 'bad'."""
  rng = np.random.RandomState(seed)
  for i in range(num):
    filler = ['la'] * rng.randint(0, 9)
    words = ['not', 'bad'] if i % 2 else ['bad', 'not']
    place = rng.randint(len(filler) + 1)
    yield ('pos', 'neg')[i % 2], [*filler[:place], *words, *filler[place:]]


class SentimentTest(experiment_case.ExperimentTestCase):
  """In a folder with tables and a finished run, `run`."""

  module = sentiment

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    for name, num, mark in (('train.tsv', 160, '\t'), ('test.csv', 60, ',')):
      lines = [f'label{mark}text']
      lines += [f'{y}{mark}{" ".join(x)}' for y, x in rows(num, num)]
      pathlib.Path(name).write_text('\n'.join(lines) + '\n')
    cls.trained = cls.main(*SMALL, '--workdir=run', '--steps=45')

  def test_it_ends_well_and_says_what_it_reads(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      '144 to train, 16 to valid, 60 to test; labels neg | pos',
      'test accuracy: majority 0.5000, bag of words 0.5',
      'Batches: 144 sequences of 2 to 9 steps',
      '(2 programs): density',
      'longer than --max_length=9 and lose their start',
      'done at step 45',
    ):
      self.assertIn(part, out)
    # Every shape was foreseen.
    self.assertNotIn('Compiling program', out)

  def test_it_learns_what_a_bag_of_words_cannot(self):
    metrics = self.result()['metrics']
    self.assertSameElements(metrics, RESULT)
    self.assertGreater(metrics['test/accuracy'], 0.9)

  def test_the_run_directory_is_complete(self):
    names = (
      'best checkpoints config.json figures labels.json lock metrics.jsonl '
      'result.json timing.jsonl tokenizer.json vocabulary.json'
    )
    self.assertSameElements(os.listdir('run'), names.split())
    self.assertSameElements(
      os.listdir('run/figures'), ['confusion.png', 'learning_curves.png']
    )

  def test_it_goes_on_within_an_epoch_as_if_it_had_never_stopped(self):
    # An epoch has 10 batches: step 22 is in the middle of the third.
    stop = mock.Mock(side_effect=[None] * 22 + [signal.SIGTERM] * 9)
    with mock.patch.object(signals, 'requested', stop):
      code, out, _ = self.main(*SMALL, '--workdir=twice', '--steps=45')
    self.assertEqual((code, 'Saved at step 22' in out), (143, True), out)
    code, out, _ = self.main(*SMALL, '--workdir=twice', '--steps=45')
    self.assertEqual((code, 'Going on from step 22' in out), (0, True), out)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('twice', name).read_bytes(),
        pathlib.Path('run', name).read_bytes(),
        name,
      )

  def test_evaluation_prints_the_same_at_every_batch_size(self):
    metrics = self.result()['metrics']
    for size in (1, 7, 64):
      code, out, _ = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual(code, 0)
      expected = {f'{name} {metrics[name]:.4g}' for name in RESULT}
      expected.add(f'measured with --eval_batch_size={size}')
      self.assertContainsSubset(expected, out.splitlines())

  def predict(self, *argv):
    code, out, err = self.main('--workdir=run', '--mode=predict', *argv)
    self.assertEqual((code, err), (0, 'run at step 45\n'))
    return [line.split('\t') for line in out.splitlines()]

  def test_a_prediction_has_probabilities_and_the_words_that_counted(self):
    header, row = self.predict('--text=La la NOT bad la!')
    self.assertEqual(header, ['label', 'neg', 'pos', 'words that counted'])
    self.assertEqual(row[0], 'neg')
    probabilities = np.array(row[1:3], float)
    self.assertAlmostEqual(probabilities.sum(), 1, delta=1e-3)
    self.assertGreater(probabilities[0], 0.5)
    words = [word.split(' ')[0] for word in row[3].split(', ')]
    self.assertSameElements(words, ['la', 'not', 'bad', '!'])

  def test_each_line_of_a_file_has_an_answer(self):
    pathlib.Path('asked.txt').write_text('bad not\n\nnot bad\nunheard of\n')
    code, out, err = self.main(
      '--workdir=run', '--mode=predict', '--text_file=asked.txt'
    )
    self.assertEqual(code, 0)
    # Only answers go to stdout.
    self.assertIn('Empty texts: 1 of 4.', err)
    rows = [line.split('\t') for line in out.splitlines()]
    self.assertEqual([len(row) for row in rows], [4] * 5)
    self.assertEqual([row[0] for row in rows[1:4:2]], ['pos', 'neg'])

  def test_a_folder_for_each_label(self):
    for label, words in rows(40, 1):
      folder = pathlib.Path('tree', label)
      folder.mkdir(parents=True, exist_ok=True)
      name = f'{len(os.listdir(folder))}.txt'
      (folder / name).write_text(' '.join(words))
    pathlib.Path('tree', 'README').write_text('no text')
    code, out, err = self.main(
      *(x for x in SMALL if '_file' not in x),
      *('--workdir=folders', '--train_file=tree', '--steps=1'),
    )
    self.assertEqual((code, err), (0, ''))
    self.assertIn('36 to train, 4 to valid; labels neg | pos', out)
    self.assertIn('README', out)

  @parameterized.named_parameters(
    ('missing', '--train_file=tran.tsv', 'train.tsv?'),
    ('column', '--text_column=txt', "Did you mean 'text'"),
    ('label_only_in_test', '--test_file=odd.csv', 'odd.csv, line 3'),
    ('no_label', '--train_file=blank.tsv', 'blank.tsv, line 2'),
    ('rare', '--min_count=9999', 'at least 9999 times'),
    ('pooling', '--pooling=lats', "did you mean 'last'"),
    ('cell', '--cell=gruu', "did you mean 'gru'"),
    ('share', '--valid_fraction=0.001', 'hold out'),
    (
      'data_set',
      '--train_file= --test_file= --dataset=imdb_review --data_dir=.',
      'no imdb_review in',
    ),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    pathlib.Path('odd.csv').write_text('label,text\npos,a\npso,b\n')
    pathlib.Path('blank.tsv').write_text('label\ttext\n\tbad\n')
    self.assert_refused(words, SMALL, *argument.split())

  @parameterized.parameters((), ('--text=a', '--text_file=test.csv'))
  def test_a_prediction_needs_one_thing_to_read(self, *argv):
    code, _, err = self.main('--workdir=run', '--mode=predict', *argv)
    self.assertEqual(code, 1)
    self.assertIn('--text="..." or --text_file=FILE', err)


if __name__ == '__main__':
  absltest.main()
