"""Parameters that a run takes over from another."""

import contextlib
import json
import os
import pathlib
import shutil

import experiment_case
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from small_char_lm import SMALL, TEXT

from experiments import char_lm, sentiment
from seqjax import errors, experiment
from seqjax.experiment import beginning
from seqjax.training import checkpoint_format, initial, restoring

EMBEDDING = 'params/embedding/embedding'
BIAS = 'params/scores/bias'
W_H = 'params/recurrent/layer_0/w_h'
SMALLEST = SMALL[1:]  # Less --workdir.


class MergeTest(parameterized.TestCase):
  def merge(self, there, here, name='w', **options):
    (fit,) = beginning.merge({name: there}, {name: here}, **options).values()
    return fit

  def test_what_fits_is_taken_bit_for_bit(self):
    there, here = np.array([[1.5, -0.0]]), np.array([[0.0, 2.0]])
    fit = self.merge(there, here)
    self.assertEqual(fit.fate, 'taken')
    self.assertEqual(fit.array.tobytes(), there.tobytes())

  def test_another_shape_is_drawn_and_says_both(self):
    fit = self.merge(np.zeros((2, 3)), np.ones((3, 2)))
    np.testing.assert_array_equal(fit.array, np.ones((3, 2)))
    self.assertEqual(fit.fate, 'drawn')
    self.assertEqual(fit.why, 'float64[3,2] here, float64[2,3] there')

  def test_nothing_is_cast(self):
    for dtype in (np.float64, jnp.bfloat16, np.int32):
      fit = self.merge(np.zeros(2, dtype), np.ones(2, np.float32))
      self.assertEqual((fit.fate, fit.array.dtype), ('drawn', np.float32))
      self.assertIn(f'{np.dtype(dtype).name}[2] there', fit.why)

  def test_what_one_has_alone_is_said(self):
    found = beginning.merge({'a': np.ones(1)}, {'b': np.ones(1)})
    self.assertEqual(
      {name: (fit.fate, fit.why) for name, fit in found.items()},
      {'a': ('left', 'missing here'), 'b': ('drawn', 'missing there')},
    )

  @parameterized.parameters('layer_0', 'layer_11_forward', 'layer_1_backward')
  def test_layers_of_another_cell_mean_something_else(self, layer):
    for name, fate in ((f'r/{layer}/w_h', 'drawn'), ('scores/bias', 'taken')):
      fit = self.merge(np.ones(1), np.zeros(1), name, same_cell=False)
      self.assertEqual(fit.fate, fate)

  def test_rows_of_the_symbols_that_both_know_are_moved(self):
    there, here = 10.0 + np.arange(6).reshape(3, 2), np.zeros((4, 2))
    symbols = ('?', 'a', 'b'), ('?', 'b', 'c', 'a')
    fit = self.merge(there, here, EMBEDDING, symbols=symbols)
    np.testing.assert_array_equal(
      fit.array, [there[0], there[2], [0, 0], there[1]]
    )
    self.assertEqual(fit.fate, 'taken')
    self.assertIn('3 of 4 symbols', fit.why)
    np.testing.assert_array_equal(here, 0)

  def test_columns_of_the_scores_too(self):
    there, here = 10.0 + np.arange(6).reshape(2, 3), np.zeros((2, 3))
    symbols = ('?', 'a', 'b'), ('?', 'b', 'c')
    name = 'params/scores/kernel'
    fit = self.merge(there, here, name, symbols=symbols)
    np.testing.assert_array_equal(fit.array, [[10, 12, 0], [13, 15, 0]])

  @parameterized.parameters(BIAS, 'params/embedding/embedding')
  def test_a_table_of_another_size_than_the_vocabulary_is_not(self, name):
    # As the labels of a classifier, of which there happen to be as many.
    symbols = ('?', 'a', 'b'), ('?', 'b', 'c')
    fit = self.merge(np.ones((2, 2)), np.zeros((2, 2)), name, symbols=symbols)
    self.assertEqual((fit.fate, fit.array.sum()), ('drawn', 0))
    self.assertIn('other symbols', fit.why)

  def test_tables_of_other_vocabularies_are_taken_with_the_same_data(self):
    names = 'params/character_embedding/embedding', 'params/decoder/scores/bias'
    for name in names:
      for other, fate in (('a', 'taken'), ('b', 'drawn')):
        symbols = ('?', 'a'), ('?', other)
        fit = self.merge(np.ones(2), np.zeros(2), name, symbols=symbols)
        self.assertEqual(fit.fate, fate)


class TakeOverTest(experiment_case.ExperimentTestCase):
  """From a finished run `other` of a character model."""

  module = char_lm

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('text.txt').write_text(TEXT)
    lines = ['label\ttext'] + [
      f'{"ab"[i % 2]}\tthe cat {"sat" if i % 2 else "ate"} the log'
      for i in range(24)
    ]
    pathlib.Path('labelled.tsv').write_text('\n'.join(lines))
    cls.trained = cls.main(*SMALLEST, '--workdir=other', '--steps=40')

  def setUp(self):
    super().setUp()
    self.assertEqual(self.trained[0], 0, self.trained)

  def test_a_deeper_model_goes_on_from_it(self):
    arguments = '--workdir=deep', '--init_from=other', '--num_layers=2'
    code, out, err = self.main(*SMALLEST, *arguments, '--steps=4')
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn('other at step 40: 6 parameters taken over, 3 drawn', out)
    self.assertIn(f'  taken  {W_H}\n', out)
    name = 'params/recurrent/layer_1/w_h'
    self.assertIn(f'  drawn  {name}: missing there\n', out)
    self.assertIn('Begins from initial.safetensors', out)
    _, theirs = restoring.newest_params('other')
    given = initial.read('deep')
    for x, array in theirs.items():
      self.assertEqual(given.arrays[x].tobytes(), array.tobytes(), x)
    # What the seed draws, and not zeros.
    self.assertGreater(
      np.abs(given.arrays['params/recurrent/layer_1/w_h']).max(), 0
    )
    record = experiment.RunDirectory('deep').read()
    self.assertEqual(record['initial_sha256'], given.sha256)
    self.assertEqual(record['config']['init_from'], os.path.abspath('other'))

    # A later change of the other run changes nothing, and no resume needs it.
    before = (pathlib.Path('deep/metrics.jsonl').read_bytes(), given.sha256)
    os.rename('other', 'away')
    try:
      code, out, err = self.main('--workdir=deep', '--steps=6')
    finally:
      os.rename('away', 'other')
    self.assertEqual((code, err), (0, ''), out)
    self.assertIn('Going on from step 4.', out)
    after = pathlib.Path('deep/metrics.jsonl').read_bytes()
    self.assertStartsWith(after, before[0])
    self.assertEqual(initial.sha256('deep'), before[1])

    code, _, err = self.main('--workdir=deep', '--init_from=text.txt')
    self.assertEqual(code, 1)
    self.assertIn('other settings (init_from: the run has', err)
    code, _, err = self.main('--workdir=other', '--init_from=deep')
    self.assertEqual(code, 1)
    self.assertIn('(init_from: the run has none', err)

  def test_without_an_update_it_is_the_other_model(self):
    self.main(*SMALLEST, '--workdir=same', '--init_from=other', '--steps=0')
    self.assertEqual(
      self.result('same')['metrics'], self.result('other')['metrics']
    )

  def test_a_text_of_other_symbols_keeps_those_that_both_have(self):
    pathlib.Path('new.txt').write_text(TEXT.replace('dog', 'fly'))
    arguments = '--workdir=fly', '--init_from=other', '--steps=0'
    code, out, err = self.main(*SMALLEST[1:], *arguments, '--text_file=new.txt')
    self.assertEqual((code, err), (0, ''), out)
    self.assertRegex(
      out, rf'{EMBEDDING}: \d+ of \d+ symbols here, known there too'
    )
    _, theirs = restoring.newest_params('other')
    ours = initial.read('fly').arrays
    symbols = [
      json.loads(pathlib.Path(run, 'vocabulary.json').read_text())
      for run in ('other', 'fly')
    ]
    self.assertNotEqual(*symbols)
    for symbol in 'cat':
      there, here = (x.index(symbol) for x in symbols)
      for name in (EMBEDDING, BIAS):
        np.testing.assert_array_equal(theirs[name][there], ours[name][here])

  def test_a_classifier_of_characters_reads_by_it(self):
    self.enterContext(_module(self, sentiment))
    code, out, err = self.main(
      *('--train_file=labelled.tsv', '--unit=characters', '--min_count=1'),
      *('--workdir=labels', '--init_from=other', '--nobidirectional'),
      *('--cell=elman', '--hidden_size=4', '--embedding_size=3', '--steps=1'),
    )
    self.assertEqual((code, err), (0, ''), out)
    self.assertRegex(out, rf'  taken  {EMBEDDING}: \d+ of \d+ symbols')
    self.assertIn(f'  taken  {W_H}\n', out)
    self.assertRegex(out, f'  drawn  {BIAS}: .* here, .* there')
    _, theirs = restoring.newest_params('other')
    ours = initial.read('labels').arrays
    np.testing.assert_array_equal(theirs[W_H], ours[W_H])

  def test_a_command_that_was_killed_as_it_began_may_be_repeated(self):
    arguments = *SMALLEST, '--workdir=killed', '--init_from=other'
    self.main(*arguments, '--steps=2')
    shutil.rmtree('killed/checkpoints')
    for name in ('metrics.jsonl', 'result.json'):
      pathlib.Path('killed', name).unlink()
    code, _, err = self.main(*arguments, '--steps=2')
    self.assertEqual((code, err), (0, ''))
    self.assertEqual(experiment.RunDirectory('killed').steps_made(), 2)
    # And what is another command does not begin with what it left.
    shutil.rmtree('killed/checkpoints')
    for name in ('metrics.jsonl', 'result.json'):
      pathlib.Path('killed', name).unlink()
    code, out, err = self.main(*SMALLEST, '--workdir=killed', '--steps=1')
    self.assertEqual((code, err), (0, ''))
    self.assertNotIn('Begins from', out)
    self.assertFalse(pathlib.Path('killed', initial.NAME).exists())

  def test_a_residual_run_goes_on(self):
    arguments = '--workdir=residual', '--init_from=other', '--num_layers=2'
    self.main(*SMALLEST, *arguments, '--residual', '--steps=1')
    code, _, err = self.main('--workdir=residual', '--steps=2')
    self.assertEqual((code, err), (0, ''))

  def test_another_cell_of_the_same_shapes_keeps_its_own_layers(self):
    arguments = '--workdir=relu', '--init_from=other', '--steps=0'
    flags = [x for x in SMALLEST if 'cell' not in x]
    options = '--cell=elman', '--cell_options=activation=relu'
    code, out, _ = self.main(*flags, *arguments, *options)
    self.assertEqual(code, 0)
    self.assertIn(f'  drawn  {W_H}: of another cell there', out)

  def test_given_weights_and_another_run_are_one_too_many(self):
    shutil.rmtree('both', ignore_errors=True)
    os.mkdir('both')
    _, theirs = restoring.newest_params('other')
    initial.write('both', theirs, 'elman', {})
    before = initial.sha256('both')
    code, _, err = self.main(*SMALLEST, '--workdir=both', '--init_from=other')
    self.assertEqual(code, 1)
    self.assertIn('Remove it, or leave out --init_from', err)
    self.assertEqual(initial.sha256('both'), before)

  def test_this_run_itself_is_refused(self):
    code, _, err = self.main(*SMALLEST, '--workdir=new', '--init_from=./new')
    self.assertEqual(code, 1)
    self.assertIn('is this run itself', err)

  def test_a_run_that_is_not_there_or_has_no_checkpoint_is_refused(self):
    self.assert_refused('there is no run', SMALLEST, '--init_from=nowhere')
    self.assert_refused('there is no run', SMALLEST, '--init_from=text.txt')
    shutil.copytree('other', 'early')
    shutil.rmtree('early/checkpoints')
    self.assert_refused('no checkpoint yet', SMALLEST, '--init_from=early')

  def test_nothing_in_common_is_refused(self):
    self.enterContext(_module(self, sentiment))
    # Of another width and another number of labels, in two directions.
    self.assert_refused(
      'none fits this network',
      ['--train_file=labelled.tsv', '--init_from=other', '--min_count=1'],
    )

  def test_numbers_that_are_not_finite_are_refused(self):
    shutil.copytree('other', 'nan')
    shutil.rmtree('nan/checkpoints')
    # As an older version saved it.
    checkpoint_format.write(
      pathlib.Path('nan/checkpoints').absolute(),
      3,
      {'params/params/w': np.array([1.0, np.nan])},
      fingerprint='x',
      keep=2,
    )
    self.assert_refused('not finite', SMALLEST, '--init_from=nan')

  def test_folds_begin_with_weights_of_their_own(self):
    from seqjax.experiment import cross_validation

    with self.assertRaisesRegex(errors.UserError, 'goes without --num_folds'):
      cross_validation.Config(num_folds=2, init_from='other')


@contextlib.contextmanager
def _module(case, module):
  before, type(case).module = case.module, module
  try:
    yield
  finally:
    type(case).module = before


if __name__ == '__main__':
  absltest.main()
