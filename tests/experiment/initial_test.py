"""A run that begins from given weights: whose it is, and what it refuses."""

import contextlib
import dataclasses
import hashlib
import io
import json
import os
import pathlib
import signal
import tempfile
from unittest import mock

import jax
import numpy as np
import small_run
from absl import logging
from absl.testing import absltest, parameterized
from safetensors import numpy as safetensors
from small_char_lm import SMALL, TEXT

from experiments import char_lm
from seqjax import data, errors, experiment
from seqjax.experiment import beginning, naming
from seqjax.experiment import config as configs
from seqjax.training import checkpoint_format, signals


class InitialTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.enterContext(contextlib.chdir(folder))
    self.path = pathlib.Path('mine')
    self.file = self.path / 'initial.safetensors'

  def give(self, arrays=None, cell='elman', **options):
    """Puts weights into the directory, and gives their hash."""
    self.path.mkdir(exist_ok=True)
    metadata = {'cell': cell, 'cell_options': json.dumps(options)}
    arrays = {'w': np.ones(2, np.float32)} if arrays is None else arrays
    safetensors.save_file(arrays, self.file, metadata)
    return hashlib.sha256(self.file.read_bytes()).hexdigest()


class RunDirectoryTest(InitialTestCase):
  def resolve(self, **typed):
    typed = {'workdir': 'mine', 'cell': 'elman', **typed}
    return experiment.resolve(experiment.Config, typed, 'copy')

  def begin(self, steps=3):
    """A run that has made so many steps."""
    config, run = self.resolve()
    with run.lock():
      beginning.check(config, run)
      run.prepare(config, 'copy')
      run.record_data('ab' * 32)
      (run.path / 'metrics.jsonl').write_text(f'{{"step": {steps}}}\n')
    return run

  def test_a_directory_may_hold_it_and_nothing_else(self):
    self.give()
    (self.path / '.initial.safetensors.0123abcd.tmp').write_text('')
    self.resolve()
    (self.path / 'initial.npz').write_text('')
    with self.assertRaisesRegex(errors.UserError, 'holds initial.npz and no'):
      self.resolve()

  def test_a_run_without_it_is_what_it_was(self):
    run = self.begin()
    self.assertIsNone(run.read()['initial_sha256'])
    config, _ = self.resolve()
    identity = json.loads(json.dumps(configs.settings(config, 'identity')))
    before = naming.digest(['copy', identity, 'ab' * 32])
    self.assertEqual(run.fingerprint(config), before)
    # As a version wrote it that knew of no such weights.
    record = json.loads((self.path / 'config.json').read_text())
    del record['initial_sha256']
    (self.path / 'config.json').write_text(json.dumps(record))
    self.assertIsNone(run.read()['initial_sha256'])
    self.assertEqual(run.fingerprint(config), before)
    beginning.check(config, run)

  def test_its_hash_is_noted_and_part_of_the_run(self):
    prints = set()
    for number in (1, 2, None):
      self.path = pathlib.Path(f'run_{number}')
      self.file = self.path / 'initial.safetensors'
      sha256 = number and self.give({'w': np.full(2, number, np.float32)})
      config, run = self.resolve(workdir=str(self.path))
      with run.lock():
        run.prepare(config, 'copy')
        run.record_data('ab' * 32)
      self.assertEqual(run.read()['initial_sha256'], sha256)
      prints.add(run.fingerprint(dataclasses.replace(config, workdir='')))
    self.assertLen(prints, 3)

  def test_another_or_none_later_is_refused(self):
    first = self.give()
    run = self.begin()
    config, _ = self.resolve()
    beginning.check(config, run)
    before = run.read()
    second = self.give({'w': np.zeros(2, np.float32)})
    now = f'sha256 {first[:12]}.*sha256 {second[:12]}.* now. Put back'
    with self.assertRaisesRegex(errors.UserError, now):
      beginning.check(config, run)
    self.file.unlink()
    with self.assertRaisesRegex(
      errors.UserError, f'sha256 {first[:12]}.*holds no initial.safetensors now'
    ):
      beginning.check(config, run)
    self.assertEqual(run.read(), before)

  def test_it_comes_too_late_where_updates_were_made(self):
    run = self.begin()
    self.give()
    config, _ = self.resolve()
    with self.assertRaisesRegex(
      errors.UserError, 'began with no initial.safetensors, and holds'
    ):
      beginning.check(config, run)

  def test_it_comes_too_late_where_a_result_says_so(self):
    run = self.begin()
    (self.path / 'metrics.jsonl').unlink()
    run.write_result(3, {}, {})
    self.give()
    self.assertTrue(run.begun())

  def test_a_run_that_made_no_update_begins_anew(self):
    run = self.begin(steps=0)
    run.write_result(0, {}, {})
    (self.path / 'checkpoints' / '0').mkdir(parents=True)
    sha256 = self.give()
    self.assertFalse(run.begun())
    # Nothing is lost before it is known that the new run can begin.
    config, run = self.resolve(hidden_size=5)
    beginning.check(config, run)
    run.prepare(config, 'copy')
    self.assertTrue((self.path / 'checkpoints' / '0').exists())
    run.record_data('cd' * 32)
    record = run.read()
    self.assertEqual(record['initial_sha256'], sha256)
    self.assertEqual(record['data_sha256'], 'cd' * 32)
    self.assertEqual(record['config']['hidden_size'], 5)
    self.assertFalse((self.path / 'checkpoints' / '0').exists())
    self.assertIsNone(run.read_result())
    self.assertFalse((self.path / 'metrics.jsonl').exists())

  def test_a_run_that_made_no_update_cannot_lose_it(self):
    self.give()
    run = self.begin(steps=0)
    self.file.unlink()
    self.assertTrue(run.begun())
    with self.assertRaisesRegex(errors.UserError, 'holds no initial'):
      beginning.check(self.resolve()[0], run)

  def test_a_run_from_the_same_file_keeps_its_checkpoint(self):
    self.give()
    self.begin(steps=0)
    (self.path / 'checkpoints' / '0').mkdir(parents=True)
    config, run = self.resolve()
    run.prepare(config, 'copy')
    run.record_data('ab' * 32)
    self.assertTrue((self.path / 'checkpoints' / '0').exists())

  def test_another_cell_is_refused(self):
    self.give(cell='elman_relu')
    config, run = self.resolve()
    with self.assertRaisesRegex(
      errors.UserError, '--cell=elman_relu, and the command says --cell=elman'
    ):
      beginning.check(config, run)


class CharLMTest(InitialTestCase):
  """The main job, from weights to a sample."""

  def setUp(self):
    super().setUp()
    self.enterContext(
      mock.patch.dict(os.environ, JAX_COMPILATION_CACHE_DIR='unused')
    )
    self.addCleanup(logging.set_verbosity, logging.get_verbosity())
    for signum in signals.SIGNALS:
      self.addCleanup(signal.signal, signum, signal.getsignal(signum))
    pathlib.Path('text.txt').write_text(TEXT)

  def main(self, *argv):
    """Exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      with self.assertRaises(SystemExit) as caught:
        experiment.main('', 'char_lm', char_lm.Config, char_lm.MODES, argv)
    return caught.exception.code, out.getvalue(), err.getvalue()

  def weights(self, hidden_size=4):
    """Of a network that gives every character the same probability."""
    train_text, _ = data.split(TEXT, 0.1)
    config = char_lm.Config(
      cell='elman', hidden_size=hidden_size, embedding_size=3
    )
    vocabulary = data.character_vocabulary(train_text)
    model = char_lm.make_model(config, len(vocabulary))
    tokens = np.zeros((1, 1), np.int32)
    params = model.init(jax.random.key(9), tokens)
    arrays = jax.device_get(checkpoint_format.named_leaves(params))
    arrays['params/scores/kernel'] = 0 * arrays['params/scores/kernel']
    arrays['params/scores/bias'] = 0 * arrays['params/scores/bias']
    return arrays, np.log2(len(vocabulary))

  def test_they_are_evaluated_sampled_from_and_trained_on(self):
    arrays, bits = self.weights()
    sha256 = self.give(arrays)
    code, out, err = self.main(*SMALL, '--steps=0')
    self.assertEqual((code, err), (0, ''))
    self.assertIn(
      f'Begins from initial.safetensors (sha256 {sha256[:12]}).\n', out
    )
    result = experiment.RunDirectory('mine').read_result()
    self.assertEqual(result['step'], 0)
    found = result['metrics']['valid/bits_per_char']
    self.assertAlmostEqual(found, bits, places=5)
    figure = self.path / 'figures' / 'learning_curves.png'
    self.assertStartsWith(figure.read_bytes(), b'\x89PNG')

    sample = ('--workdir=mine', '--mode=sample', '--prompt=the', '--length=9')
    code, out, err = self.main(*sample)
    self.assertEqual((code, err), (0, 'mine at step 0\n'))
    self.assertLen(out.removesuffix('\n'), len('the') + 9)

    code, out, _ = self.main('--workdir=mine', '--steps=2')
    self.assertEqual(code, 0)
    self.assertNotIn('Begins', out)
    trained = experiment.RunDirectory('mine').read_result()['metrics']
    self.assertLess(trained['valid/bits_per_char'], bits)

    # As if it had not been evaluated first.
    metrics = (self.path / 'metrics.jsonl').read_bytes()
    os.rename('mine', 'first')
    self.give(arrays)
    self.assertEqual(self.main(*SMALL, '--steps=2')[0], 0)
    self.assertEqual((self.path / 'metrics.jsonl').read_bytes(), metrics)

    # A finished run says so only while it is the run that it was.
    self.assertIn('already done', self.main('--workdir=mine')[1])
    self.file.unlink()
    code, out, err = self.main('--workdir=mine', '--steps=3')
    self.assertEqual((code, out), (1, ''))
    self.assertStartsWith(err, 'error: mine began with initial.safetensors')
    # To be read, it does not need what it began from.
    self.assertEqual(self.main('--workdir=mine', '--mode=evaluate')[0], 0)

  def test_weights_for_a_run_that_was_only_evaluated(self):
    self.assertEqual(self.main(*SMALL, '--steps=0')[0], 0)
    arrays, bits = self.weights()
    self.give(arrays)
    code, _, err = self.main('--workdir=mine', '--mode=sample')
    self.assertEqual(code, 1)
    self.assertIn('Train it first', err)
    code, out, err = self.main(*SMALL, '--steps=0')
    self.assertEqual((code, err), (0, ''))
    self.assertIn('Begins from', out)
    result = experiment.RunDirectory('mine').read_result()
    found = result['metrics']['valid/bits_per_char']
    self.assertAlmostEqual(found, bits, places=5)

  def test_flags_of_another_network_are_refused_and_may_be_put_right(self):
    arrays, _ = self.weights(hidden_size=6)
    self.give(arrays)
    code, _, err = self.main(*SMALL, '--steps=0')
    self.assertEqual(code, 1)
    self.assertIn('is float32[6,6], expected float32[4,4]', err)
    self.assertIn('--hidden_size', err)
    flags = [x for x in SMALL if not x.startswith('--hidden')]
    self.assertEqual(self.main(*flags, '--hidden_size=6', '--steps=0')[0], 0)


class CheckTest(InitialTestCase):
  def test_it_refuses_before_the_run_begins(self):
    recurrent = experiment.recurrent(experiment.Config(hidden_size=2))
    xs = np.ones((1, 1, 3), np.float32)
    task = mock.Mock(init=lambda key, batch: recurrent.init(key, xs))
    config, run = experiment.Config(), experiment.RunDirectory('mine')
    experiment.check(config, run, task, small_run.batch_of)
    self.give()
    with self.assertRaisesRegex(errors.UserError, 'layer_0/w_x is missing'):
      experiment.check(config, run, task, small_run.batch_of)


if __name__ == '__main__':
  absltest.main()
