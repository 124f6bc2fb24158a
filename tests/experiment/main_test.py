import contextlib
import dataclasses
import errno
import io
import os
import pathlib
import signal
import tempfile
from unittest import mock

import jax
import small_run
from absl import logging
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.training import processes, signals


@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
  steps: int = 30
  prompt: str = experiment.field('The ', 'a beginning', kind='runtime')
  beam: int = experiment.field(1, 'texts at once', kind='measuring')


class MainTestCase(parameterized.TestCase):
  """Calls `main` in this process and undoes what it does to the process."""

  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.enterContext(contextlib.chdir(folder))
    self.enterContext(
      mock.patch.dict(os.environ, JAX_COMPILATION_CACHE_DIR='unused')
    )
    self.addCleanup(logging.set_verbosity, logging.get_verbosity())
    for signum in signals.SIGNALS:
      self.addCleanup(signal.signal, signum, signal.getsignal(signum))
    self.calls = []

  def train(self, config, run):
    self.calls.append(config)
    return {'valid/nats': 1.5}

  def sample(self, config, run):
    self.calls.append(config)

  def main(self, *argv, **modes):
    """Exit code, stdout and stderr."""
    modes = {'train': self.train, 'sample': self.sample, **modes}
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      with self.assertRaises(SystemExit) as caught:
        experiment.main('Copies.', 'copy', Config, modes, argv)
    return caught.exception.code, out.getvalue(), err.getvalue()


class TrainTest(MainTestCase):
  def test_a_run_ends_with_its_result(self):
    code, out, err = self.main('--workdir=mine', '--seed=3')
    self.assertEqual((code, err), (0, ''))
    self.assertEqual(
      out, 'done at step 30: valid/nats 1.5 (mine)\nmeasured with --beam=1\n'
    )
    self.assertEqual(self.calls[0].seed, 3)
    self.assertEqual(
      experiment.RunDirectory('mine').read_result(),
      {
        'status': 'done',
        'step': 30,
        'metrics': {'valid/nats': 1.5},
        'measured_with': {'beam': 1},
      },
    )

  def test_numbers_come_with_what_they_were_measured_with(self):
    self.main('--workdir=mine', '--beam=3')
    _, out, _ = self.main('--workdir=mine', '--beam=2')
    self.assertIn('valid/nats 1.5 (mine)\nmeasured with --beam=3\n', out)
    _, out, _ = self.main(
      *('--workdir=mine', '--mode=sample', '--beam=2'), sample=self.train
    )
    self.assertEqual(out, 'measured with --beam=2\nvalid/nats 1.5\n')
    self.assertEqual(self.main('--workdir=mine', '--mode=sample')[1], '')

  def test_config_and_lock_are_there_before_the_first_step(self):
    def train(config, run):
      run.record_data('ab' * 32)
      self.assertEqual(run.read()['config']['seed'], 3)
      with self.assertRaises(errors.UserError):
        with run.lock():
          pass

    self.assertEqual(self.main('--seed=3', train=train)[0], 0)

  def test_the_same_command_after_the_end_prints_the_result(self):
    self.main()
    code, out, _ = self.main()
    self.assertEqual(code, 0)
    self.assertLen(self.calls, 1)
    self.assertIn('already done at step 30: valid/nats 1.5', out)
    self.assertIn('--seed', out)
    self.assertIn('--workdir', out)
    self.assertIn('more --steps', out)

  def test_it_goes_on_where_another_process_has_no_result_yet(self):
    self.main()
    with mock.patch.object(processes, 'agree', lambda done: [done, False]):
      code, out, _ = self.main()
    self.assertEqual(code, 0)
    self.assertLen(self.calls, 2)
    self.assertNotIn('already', out)

  def test_more_steps_go_on(self):
    def train(config, run):
      run.begin()
      # It stays until nothing is left that might be refused.
      self.assertEqual(run.read_result()['step'], 30)
      run.remove_result()
      return {'valid/nats': 1.25}

    self.main()
    code, out, _ = self.main('--steps=40', train=train)
    self.assertEqual(code, 0)
    self.assertIn('done at step 40: valid/nats 1.25', out)
    # And are remembered.
    self.assertIn('already done at step 40', self.main()[1])

  def test_a_schedule_that_reads_the_steps_offers_no_more_of_them(self):
    self.main('--schedule=cosine')
    code, out, _ = self.main('--schedule=cosine')
    self.assertEqual(code, 0)
    self.assertNotIn('--steps', out)

  def test_an_unfinished_run_goes_on(self):
    def train(config, run):
      run.begin()
      (run.path / 'metrics.jsonl').touch()
      raise errors.Stopped(signal.SIGTERM)

    code, *_ = self.main('--workdir=mine', '--hidden_size=3', train=train)
    self.assertEqual(code, 143)
    self.assertEqual(self.main('--workdir=mine')[0], 0)
    self.assertEqual(self.calls[0].hidden_size, 3)

  def test_a_signal_before_the_first_step_is_heard(self):
    def train(config, run):
      signal.raise_signal(signal.SIGTERM)  # While it reads its data.
      self.fail('not heard')

    with small_run.stop_request():
      self.assertEqual(self.main(train=train)[0], 143)

  def test_another_configuration_is_refused(self):
    self.main('--workdir=mine')
    code, _, err = self.main('--workdir=mine', '--learning_rate=0.5')
    self.assertEqual(code, 1)
    self.assertIn('learning_rate: the run has 0.002, the command says 0.5', err)
    self.assertLen(self.calls, 1)


class OtherModesTest(MainTestCase):
  def test_a_run_needs_no_flag_but_its_directory(self):
    self.main('--workdir=mine', '--hidden_size=3')
    code, _, err = self.main('--workdir=mine', '--mode=sample', '--prompt=x')
    self.assertEqual((code, err), (0, ''))
    self.assertEqual(self.calls[1].hidden_size, 3)
    self.assertEqual(self.calls[1].prompt, 'x')

  def test_they_neither_lock_nor_write(self):
    self.main('--workdir=mine')
    before = {p: p.read_bytes() for p in pathlib.Path('mine').iterdir()}
    with experiment.RunDirectory('mine').lock():
      self.assertEqual(self.main('--workdir=mine', '--mode=sample')[0], 0)
    after = {p: p.read_bytes() for p in pathlib.Path('mine').iterdir()}
    self.assertEqual(before, after)

  def test_metrics_are_printed(self):
    self.main('--workdir=mine')
    _, out, _ = self.main(
      '--workdir=mine',
      '--mode=evaluate',
      evaluate=lambda config, run: {'b': 2.0, 'a': float('nan')},
    )
    self.assertEqual(out, 'measured with --beam=1\na nan\nb 2\n')

  @parameterized.parameters(
    (['--checkpoint=best'], 'goes on from its latest'),
    (['--mode=sample', '--jax_debug_nans'], 'Leave out --mode=sample'),
    (['--mode=sample', '--num_processes=2'], 'expected one process'),
    (['--jax_debug_nans', '--num_processes=2'], 'expected one process'),
  )
  def test_what_a_mode_would_ignore_is_refused(self, flags, words):
    code, _, err = self.main('--workdir=mine', *flags)
    self.assertEqual(code, 1)
    self.assertIn(words, err)
    self.assertFalse(os.path.exists('mine'))

  def test_without_a_run_there_is_a_sentence_and_no_directory(self):
    code, _, err = self.main('--mode=sample')
    self.assertEqual(code, 1)
    self.assertIn('error: --mode=sample: there is no run in runs/copy/', err)
    self.assertEmpty(os.listdir())


class ExitCodeTest(MainTestCase):
  def test_help_lists_the_groups_and_exits_0(self):
    for argument in ('--help', '-h', '--helpfull'):
      code, out, err = self.main('--sede=3', argument)
      self.assertEqual((code, err), (0, ''))
      self.assertStartsWith(out, 'Copies.\n\nusage: ./launch.sh copy ')
      for group in ('data:', 'model:', 'training:', 'run:'):
        self.assertIn(f'\n{group}\n', out)

  @parameterized.parameters(
    '--sede=3', 'stray', '--hidden_size=0', '--cell=ltsm', '--mode=x'
  )
  def test_the_users_mistake_is_one_sentence(self, argument):
    code, out, err = self.main(argument)
    self.assertEqual((code, out), (1, ''))
    self.assertStartsWith(err, 'error: ')
    self.assertEqual(err.count('\n'), 1)
    self.assertEmpty(os.listdir())

  @parameterized.parameters(
    (errors.UserError('No text.'), 1, 'error: No text.'),
    (errors.GaveUp('No number.'), 3, 'gave up: No number.'),
    (errors.TryAgain('No network.'), 75, 'try again: No network.'),
    (errors.Stopped(15), 143, 'stopped by SIGTERM; the same command goes on'),
    (errors.Stopped(2), 130, 'stopped by SIGINT; the same command goes on'),
    (OSError(errno.ENOSPC, 'no', 'a/b'), 1, 'error: a/b: the disk is full.'),
    (OSError(errno.ENOSPC, 'no'), 1, 'error: the disk is full.'),
    (OSError(errno.EROFS, 'no', 'a/b'), 1, 'error: a/b: the file system is re'),
    (
      PermissionError(errno.EACCES, 'no', 'x'),
      1,
      'error: x: permission denied',
    ),
  )
  def test_what_ends_a_run_has_a_code_and_a_sentence(self, error, code, words):
    found, _, err = self.main(train=mock.Mock(side_effect=error))
    self.assertEqual(found, code)
    self.assertStartsWith(err, words)
    self.assertEqual(err.count('\n'), 1)
    # Nothing was begun, and nothing is left behind.
    self.assertEmpty(os.listdir('runs/copy'))

  def test_a_refused_command_leaves_a_finished_run_as_it_was(self):
    self.main('--workdir=mine')
    before = {p: p.read_bytes() for p in pathlib.Path('mine').glob('*.json')}
    refuse = mock.Mock(side_effect=errors.UserError('Other data.'))
    self.assertEqual(
      self.main('--workdir=mine', '--steps=40', train=refuse)[0], 1
    )
    after = {p: p.read_bytes() for p in pathlib.Path('mine').glob('*.json')}
    self.assertLen(before, 2)
    self.assertEqual(before, after)

  def test_fewer_steps_than_were_made_are_refused(self):
    def train(config, run):
      run.begin()
      (run.path / 'metrics.jsonl').write_text('{"step": 7}\n')
      raise errors.Stopped(signal.SIGTERM)

    self.main('--workdir=mine', train=train)
    code, _, err = self.main('--workdir=mine', '--steps=6')
    self.assertEqual(code, 1)
    self.assertIn('has made 7 updates already', err)
    self.assertEqual(self.main('--workdir=mine', '--steps=7')[0], 0)

  @parameterized.parameters(
    RuntimeError('boom'),
    OSError(errno.ENOENT, 'boom'),
    # From a socket, since stdout is in order.
    BrokenPipeError('boom'),
  )
  def test_a_bug_keeps_its_traceback(self, error):
    def read_on(config, run):
      raise error

    code, _, err = self.main('--workdir=mine', train=read_on)
    self.assertEqual(code, 70)
    self.assertIn('in read_on', err)
    self.assertIn('mine/crash.txt', err)
    self.assertIn('boom', pathlib.Path('mine/crash.txt').read_text())

  def test_control_c_outside_training_is_130(self):
    self.main()
    code, _, err = self.main(
      '--mode=sample', sample=mock.Mock(side_effect=KeyboardInterrupt)
    )
    self.assertEqual((code, err), (130, ''))


class CompileCacheTest(MainTestCase):
  def cache(self, **environ):
    environ = {'XDG_CACHE_HOME': os.path.abspath('cache'), **environ}
    with mock.patch.dict(os.environ, environ):
      if 'JAX_COMPILATION_CACHE_DIR' not in environ:
        del os.environ['JAX_COMPILATION_CACHE_DIR']
      with mock.patch.object(jax.config, 'update') as update:
        self.assertEqual(self.main()[0], 0)
    return dict(call.args for call in update.call_args_list)

  def test_it_is_private_and_in_the_users_cache(self):
    settings = self.cache()
    path = pathlib.Path('cache/seqjax/xla')
    self.assertEqual(
      settings['jax_compilation_cache_dir'], str(path.absolute())
    )
    self.assertEqual(path.stat().st_mode & 0o777, 0o700)
    self.assertTrue(all(hasattr(jax.config, name) for name in settings))

  def test_the_users_choice_is_left_alone(self):
    self.assertEmpty(self.cache(JAX_COMPILATION_CACHE_DIR='mine'))

  def test_a_place_that_cannot_be_written_means_no_cache(self):
    self.assertEmpty(self.cache(XDG_CACHE_HOME='/proc/none'))

  def test_a_place_that_others_write_to_is_not_trusted(self):
    pathlib.Path('cache/seqjax/xla').mkdir(parents=True)
    os.chmod('cache/seqjax/xla', 0o777)
    self.assertEmpty(self.cache())

  def test_nor_is_one_that_others_may_put_another_in_place_of(self):
    pathlib.Path('cache/seqjax/xla').mkdir(parents=True, mode=0o700)
    os.chmod('cache/seqjax', 0o777)
    self.assertEmpty(self.cache())


if __name__ == '__main__':
  absltest.main()
