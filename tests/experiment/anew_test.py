"""A run that was only evaluated takes other settings, and begins anew."""

import contextlib
import io
import json
import pathlib
import tempfile
from unittest import mock

import jax
import numpy as np
import small_run
from absl.testing import absltest
from small_char_lm import SMALL, TEXT

from experiments import char_lm
from seqjax import errors, experiment
from seqjax.experiment import beginning
from seqjax.training import checkpoint_format, initial


class AnewTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.enterContext(contextlib.chdir(folder))
    pathlib.Path('text.txt').write_text(TEXT)

  def main(self, *argv):
    """Exit code and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      with self.assertRaises(SystemExit) as caught:
        experiment.main('', 'char_lm', char_lm.Config, char_lm.MODES, argv)
    return caught.exception.code, err.getvalue()

  def test_it_ends_as_if_it_had_not_been_evaluated(self):
    cosine = '--schedule=cosine', '--steps=4'
    self.assertEqual(self.main(*SMALL, '--steps=0')[0], 0)
    self.assertEqual(self.main('--workdir=mine', *cosine), (0, ''))
    at_once = [x for x in SMALL if not x.startswith('--workdir')]
    self.assertEqual(self.main(*at_once, '--workdir=other', *cosine)[0], 0)
    for name in ('metrics.jsonl', 'result.json'):
      self.assertEqual(
        pathlib.Path('mine', name).read_bytes(),
        pathlib.Path('other', name).read_bytes(),
      )
    config = json.loads(pathlib.Path('mine/config.json').read_text())['config']
    self.assertEqual((config['schedule'], config['steps']), ('cosine', 4))

  def test_not_to_be_read(self):
    self.assertEqual(self.main(*SMALL, '--steps=0')[0], 0)
    code, err = self.main('--workdir=mine', '--mode=sample', '--cell=gru')
    self.assertEqual(code, 1)
    self.assertIn('other settings (cell', err)

  def test_not_with_updates(self):
    self.assertEqual(self.main(*SMALL, '--steps=2')[0], 0)
    code, err = self.main('--workdir=mine', '--schedule=cosine', '--steps=4')
    self.assertEqual(code, 1)
    self.assertIn('other settings (schedule', err)


class GivenWeightsTest(absltest.TestCase):
  def test_residual_layers_have_other_weights_of_the_same_shapes(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    arrays = {'w': np.ones(2, np.float32)}
    initial.write(folder, arrays, 'lstm', {})
    run = experiment.RunDirectory(folder)
    beginning.check(experiment.Config(), run)
    with self.assertRaisesRegex(errors.UserError, 'without --residual'):
      beginning.check(experiment.Config(residual=True), run)

  def test_a_vocabulary_in_another_order_is_refused(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    recurrent = experiment.recurrent(experiment.Config(hidden_size=2))
    begin = lambda key, batch: recurrent.init(key, np.ones((1, 1, 3), 'f'))
    leaves = checkpoint_format.named_leaves(begin(jax.random.key(0), None))
    arrays = {name: np.asarray(leaf) for name, leaf in leaves.items()}
    initial.write(folder, arrays, 'lstm', {}, ('a', 'b'))

    def check(symbols):
      run = experiment.RunDirectory(folder)
      task = mock.Mock(init=begin)
      config = experiment.Config()
      experiment.check(config, run, task, small_run.batch_of, symbols)

    with self.assertRaisesRegex(errors.UserError, 'in another order'):
      check(('b', 'a'))
    check(('a', 'b'))
    check(None)


if __name__ == '__main__':
  absltest.main()
