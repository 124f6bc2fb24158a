"""Sequences end to end, small: two runs are trained and used by most tests."""

import os
import pathlib
import shutil
from unittest import mock

import experiment_case
import numpy as np
from absl.testing import absltest, parameterized

from experiments import dna
from seqjax.data.text import motifs
from seqjax.training import logs

SMALL = (
  '--train_file=sites.fa',
  '--cell=elman',
  '--hidden_size=8',
  '--batch_size=8',
  '--learning_rate=0.05',
  '--dropout_rate=0',
  '--max_compilations=1',
  '--eval_every=20',
  '--valid_fraction=0.2',
)
FOLDS = (
  *SMALL,
  '--steps=20',
  '--num_folds=2',
  '--bidirectional=false',
  '--embedding_size=0',
)


def sites(num_sequences, seed):
  """Sequences of 5 to 9 letters in FASTA: the label is whether one is a G."""
  random = np.random.RandomState(seed)
  records = []
  for index in range(num_sequences):
    letters = list(random.choice(list('ACT'), random.randint(5, 10)))
    if index % 2:
      letters[random.randint(len(letters))] = 'G'
    label = 'site' if index % 2 else 'other'
    records.append(f'>{index} {label}\n{"".join(letters)}\n')
  return ''.join(records)


class DNATest(experiment_case.ExperimentTestCase):
  """In a folder with sequences and two finished runs, `run` and `folds`."""

  module = dna

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('sites.fa').write_text(sites(60, 0))
    # The last ten are also in the other file.
    pathlib.Path('test.fa').write_text(sites(10, 1) + sites(10, 0))
    cls.trained = cls.main(
      *SMALL, '--test_file=test.fa', '--workdir=run', '--steps=40'
    )
    with mock.patch.object(dna, 'make_baselines', cls.stop_in_the_second()):
      cls.stopped = cls.main(*FOLDS, '--workdir=folds')
    cls.folded = cls.main('--workdir=folds')  # The settings are those it had.

  @staticmethod
  def stop_in_the_second():
    """Of two folds: Ctrl-C before it is trained."""
    return mock.Mock(side_effect=[{'majority': 0.5}, KeyboardInterrupt])

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    self.assertIn(
      'sites.fa: 48 to train, 12 to valid, 20 to test; labels other | site', out
    )
    for part in (
      '5 symbols',
      'majority 0.5000',
      '1-mers 1.0000',
      'of 20 right',
    ):
      self.assertIn(part, out)
    self.assertRegex(out, '[0-9] sequences to test also stand in the training')

  def test_it_learns(self):
    lines = logs.read_metrics('run/metrics.jsonl')
    valid = {
      x['step']: x['valid/nats_per_sequence']
      for x in lines
      if 'valid/nats_per_sequence' in x
    }
    self.assertEqual(list(valid), [0, 20, 40])
    self.assertLess(valid[40], valid[0] - 0.3)
    self.assertGreaterEqual(self.result('run')['metrics']['test/accuracy'], 0.9)

  def test_the_run_directory_is_complete(self):
    self.assertSameElements(
      os.listdir('run'),
      'best checkpoints config.json figures labels.json lock metrics.jsonl '
      'result.json timing.jsonl vocabulary.json'.split(),
    )
    self.assertSameElements(
      os.listdir('run/figures'), ['confusion.png', 'learning_curves.png']
    )

  def test_each_fold_is_held_out_once_and_the_result_is_their_mean(self):
    code, out, err = self.folded
    self.assertEqual((code, err), (0, ''))
    metrics = self.result('folds')['metrics']
    each = [metrics[f'folds/{k}/accuracy'] for k in range(2)]
    self.assertAlmostEqual(metrics['valid/accuracy'], np.mean(each))
    for k in range(2):
      self.assertIn(f'Fold {k} of 0 to 1.\nsites.fa: 30 to train, 30', out)
      last = logs.read_metrics(f'folds/folds/{k}/metrics.jsonl')[-1]
      self.assertAlmostEqual(last['valid/accuracy'], each[k])
    self.assertIn('the mean of 2 of 2 folds', out)

  def test_folds_go_on_as_if_they_had_never_stopped(self):
    self.assertEqual(self.stopped[0], 130)
    self.assertIn('Going on from step 20', self.folded[1])
    code, *_ = self.main(*FOLDS, '--fold=1', '--workdir=one')
    self.assertEqual(code, 0)
    log = pathlib.Path('folds', '1', 'metrics.jsonl')
    self.assertEqual(('one' / log).read_bytes(), ('folds' / log).read_bytes())
    of_one, of_all = (self.result(x)['metrics'] for x in ('one', 'folds'))
    self.assertEqual(of_one['valid/accuracy'], of_all['folds/1/accuracy'])

  def test_bad_numbers_are_looked_for_in_the_fold_that_had_them(self):
    folder = pathlib.Path('folds', 'folds', '1', 'bad_numbers')
    (folder / '1').mkdir(parents=True)
    (folder / '1' / 'report.json').touch()
    self.addCleanup(shutil.rmtree, folder)
    code, _, err = self.main('--workdir=folds', '--jax_debug_nans')
    self.assertEqual((code, err.count('\n')), (1, 1))
    self.assertIn(str(folder), err)

  @parameterized.parameters(('run', 1), ('run', 7), ('folds', 7))
  def test_evaluation_repeats_the_result_at_any_batch_size(self, run, size):
    code, out, _ = self.main(
      f'--workdir={run}', '--mode=evaluate', f'--eval_batch_size={size}'
    )
    self.assertEqual(code, 0)
    expected = [f'{k} {v:.4g}' for k, v in self.result(run)['metrics'].items()]
    self.assertEqual(out.splitlines()[1:], sorted(expected))

  def test_a_sequence_is_labelled(self):
    code, out, err = self.main(
      '--workdir=run', '--mode=predict', '--text=ac tGat'
    )
    self.assertEqual((code, err), (0, 'run at step 40\n'))
    header, row = (line.split('\t') for line in out.splitlines())
    self.assertEqual(header, ['label', 'other', 'site', 'sequence'])
    self.assertEqual((row[0], row[3]), ('site', '--text'))
    self.assertAlmostEqual(float(row[1]) + float(row[2]), 1, places=3)

  def test_a_file_is_labelled_by_all_folds_together(self):
    pathlib.Path('new.txt').write_text('ACTAC\nACTTA\n')
    code, out, err = self.main(
      '--workdir=folds', '--mode=predict', '--text_file=new.txt'
    )
    self.assertEqual((code, err.count('at step 20')), (0, 2))
    rows = [line.split('\t') for line in out.splitlines()[1:]]
    self.assertEqual(
      [row[-1] for row in rows], ['new.txt, line 1', 'new.txt, line 2']
    )

  def test_letters_never_seen_and_letters_cut_off_are_named(self):
    code, out, err = self.main(
      *('--workdir=run', '--mode=predict', '--text=' + 'ACNT' * 300)
    )
    self.assertEqual(code, 0)
    self.assertEqual(out.count('\n'), 2)  # Only the answer and its header.
    self.assertIn('Not in the training part, read as unknown: N\n', err)
    self.assertIn('longer than --max_length=1000 and loses its end', err)

  def test_the_data_made_on_the_spot_is_the_default(self):
    config = dna.Config(data_seed=3)
    read = dna.read_parts(config)
    self.assertEqual(list(read), ['train'])
    self.assertEqual(read['train'], motifs.gapped_motif(data_seed=3))

  @parameterized.named_parameters(
    ('missing', '--train_file=site.fa', 'site.fa does not exist'),
    ('letter', '--train_file=bad.fa', "bad.fa, line 2: the letter 'X'"),
    ('label_of_test', '--test_file=rare.fa', 'rare.fa, line 1: Unknown label'),
    ('test_of_folds', '--test_file=test.fa', 'without --num_folds'),
    ('one_fold', '--num_folds=1', 'at least two folds'),
    ('many_folds', '--num_folds=61', '61 folds'),
    ('pooling', '--pooling=sum', 'expected one of'),
    ('one_hot', '--embedding_size=0', 'do not go together'),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    pathlib.Path('rare.fa').write_text('>a rare\nACGT\n')
    pathlib.Path('bad.fa').write_text('>a site\nACXT\n')
    folds = () if argument.endswith('rare.fa') else ('--num_folds=3',)
    settings = (*SMALL, *folds, '--word_dropout_rate=0.1')
    self.assert_refused(words, settings, argument)

  def test_fewer_updates_than_a_fold_has_made_change_nothing(self):
    config = pathlib.Path('folds', 'config.json')
    before = config.read_bytes()
    result = pathlib.Path('folds', 'result.json')
    kept = result.read_bytes()
    result.unlink()  # As if killed before its last act.
    try:
      code, _, err = self.main('--workdir=folds', '--steps=3')
    finally:
      result.write_bytes(kept)
    self.assertEqual((code, config.read_bytes()), (1, before), err)

  @parameterized.parameters((), ('--text= ',), ('--text=A', '--text_file=x.fa'))
  def test_predict_needs_one_thing_to_label(self, *arguments):
    code, _, err = self.main('--workdir=run', '--mode=predict', *arguments)
    self.assertEqual(code, 1)
    self.assertIn('needs --text=ACGT or --text_file=FILE', err)


if __name__ == '__main__':
  absltest.main()
