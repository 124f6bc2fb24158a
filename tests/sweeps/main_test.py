"""Tests for seqjax.sweeps.__main__: sweeps by their command lines."""

import contextlib
import io
import pathlib
import signal
import sys
from unittest import mock

import folder_case
import small_char_lm
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.sweeps import __main__ as command_line
from seqjax.sweeps import engines, worker
from seqjax.training import signals

SMALL = ('char_lm', *small_char_lm.SMALL[1:], '--steps=2')
GRID = (*SMALL, '--grid=seed=0,1')


class InProcess:
  """The local engine, but that trials run in this process."""

  def __init__(self, job, places):
    self._job, self._ended = job, []
    self.places = places

  def __enter__(self):
    return self

  def __exit__(self, *_):
    pass

  def free(self):
    return 1 - len(self._ended)

  def submit(self, group):
    worker.run(self._job, group, lambda *pair: self._ended.append(pair))

  def wait(self):
    ended, self._ended = self._ended, []
    return ended


class MainTestCase(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.enterContext(contextlib.chdir(self.folder))
    self.enterContext(mock.patch.object(command_line.local, 'Local', InProcess))
    for signum in signals.SIGNALS:
      self.addCleanup(signal.signal, signum, signal.getsignal(signum))
    self.write('text.txt', small_char_lm.TEXT)

  def main(self, *argv):
    """Exit code, stdout and stderr of a command."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      try:
        command_line.main(argv)
      except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()

  def assert_refused(self, words, *argv):
    code, _, err = self.main(*argv)
    self.assertEqual(code, 1, err)
    self.assertStartsWith(err, 'error: ')
    self.assertIn(words, err)
    self.assertNotIn('Traceback', err)


class RunTest(MainTestCase):
  def test_a_sweep_ends_well_and_goes_no_further(self):
    code, out, err = self.main(*GRID, '--workdir=mine')
    self.assertEqual((code, err), (0, ''))
    self.assertStartsWith(
      out, '2 trials of char_lm: seed 2.\n1 compiled program in all.\nmine\n'
    )
    self.assertIn('\n2/2  ', out)
    lines = pathlib.Path('mine/sweep.jsonl').read_bytes()
    self.assertEqual(lines.count(b'\n'), 2)
    table = pathlib.Path('mine/table.txt').read_bytes()
    with mock.patch.object(worker, 'run') as run:
      code, again, _ = self.main(*GRID, '--workdir=mine')
    run.assert_not_called()
    self.assertEqual(code, 0)
    self.assertIn('mine: 2 trials have ended before\n', again)
    self.assertEqual(pathlib.Path('mine/sweep.jsonl').read_bytes(), lines)
    self.assertEqual(pathlib.Path('mine/table.txt').read_bytes(), table)

  def test_what_was_not_on_record_yet_is_the_same(self):
    """A driver that is killed before it takes down what a worker told it."""
    self.main(*GRID, '--workdir=mine')
    path = pathlib.Path('mine/sweep.jsonl')
    whole, result = (
      path.read_bytes(),
      pathlib.Path('mine/table.txt').read_text(),
    )
    path.write_bytes(whole[: whole.index(b'\n') + 9])
    code, out, err = self.main(*GRID, '--workdir=mine')
    self.assertEqual((code, err), (0, ''))
    self.assertIn('1 trial has ended before', out)
    self.assertEqual(pathlib.Path('mine/table.txt').read_text(), result)
    self.assertEqual(path.read_bytes().count(b'\n'), 2)

  def test_a_failure_is_exit_code_1_and_is_tried_again_when_asked(self):
    argv = (*SMALL[:1], *SMALL[2:], '--grid=text_file=text.txt,late.txt')
    argv = (*argv, '--workdir=mine')
    code, out, err = self.main(*argv)
    self.assertEqual(code, 1)
    self.assertStartsWith(err, 'error: 1 of 2 trials failed')
    self.assertIn('late.txt', err)
    self.assertIn('1 done, 1 failed', out)
    self.write('late.txt', small_char_lm.TEXT)
    self.assertEqual(self.main(*argv)[0], 1)  # It is on record.
    code, out, err = self.main(*argv, '--retry')
    self.assertEqual((code, err), (0, ''))
    self.assertIn('2 trials: 2 done', out)

  def test_settings_of_one_run_are_one_trial(self):
    argv = (*SMALL, '--sample=seed=integer(0,1)', '--trials=6')
    code, out, _ = self.main(*argv, '--workdir=mine')
    self.assertEqual(code, 0)
    self.assertIn('4 more would repeat one of them.', out)
    self.assertIn('\n2/2  ', out)
    lines = pathlib.Path('mine/sweep.jsonl').read_text()
    self.assertEqual(lines.count('\n'), 2)

  def test_a_dry_run_says_the_same_and_writes_nothing(self):
    code, out, _ = self.main(*GRID, '--workdir=mine', '--dry_run')
    self.assertEqual(code, 0)
    self.assertIn('--seed=1', out)
    self.assertFalse(pathlib.Path('mine').exists())

  def test_relative_files_are_those_of_the_folder_it_began_in(self):
    code, *_ = self.main(*GRID, '--workdir=猫 x')
    self.assertEqual(code, 0)
    self.assertTrue(pathlib.Path('猫 x/table.txt').exists())

  def test_help_says_what_there_is(self):
    for argv in ['--help'], ['char_lm', '--help']:
      code, out, _ = self.main(*argv)
      self.assertEqual(code, 0)
      self.assertIn('--grid', out)


class BadInputTest(MainTestCase, parameterized.TestCase):
  def test_ten_million_trials_are_asked_about(self):
    sample = '--sample=learning_rate=log(1e-4,1e-2)'
    with mock.patch.object(command_line.trials, 'make') as make:
      self.assert_refused(
        '10,000,000 trials. If that is what you mean, add --yes.',
        *('char_lm', sample, '--trials=10000000'),
      )
    make.assert_not_called()

  @parameterized.parameters(
    ("Did you mean 'char_lm'", 'charlm', '--grid=seed=0,1'),
    ("Did you mean 'seed'", 'char_lm', '--grid=sed=0,1'),
    ('--eta=1: expected', *GRID, '--search=halving', '--metric=a/b', '--eta=1'),
    ('--sweep_seed=-1', *GRID, '--sweep_seed=-1'),
  )
  def test_a_sentence(self, words, *argv):
    self.assert_refused(words, *argv)

  @parameterized.parameters('text.txt', 'text.txt/sweep')
  def test_a_file_in_place_of_the_directory(self, workdir):
    self.assert_refused('text.txt is a file', *GRID, f'--workdir={workdir}')

  def test_the_directory_of_a_run(self):
    pathlib.Path('run').mkdir()
    self.write('run/config.json', '{}')
    self.assert_refused('holds a run, not a sweep', *GRID, '--workdir=run')

  def test_a_sweep_of_another_space(self):
    self.main(*GRID, '--workdir=mine')
    self.assert_refused(
      'another space', *SMALL, '--grid=seed=1,2', '--workdir=mine'
    )

  def test_a_second_driver(self):
    with command_line.lock.exclusive(pathlib.Path('mine').absolute()):
      self.assert_refused('mine is in use by', *GRID, '--workdir=mine')

  def test_two_trials_of_one_run(self):
    """More steps are the same run: in one directory, and one after another."""
    self.assert_refused('--steps', *SMALL[:-1], '--grid=steps=2,4')

  def test_an_unknown_metric(self):
    self.assert_refused('valid/bits_per_char', *GRID, '--metric=valid/bits')

  @parameterized.parameters(
    ('ray', 'ray', ['--engine=ray']),
    ('submitit', 'slurm', ['--engine=slurm']),
    ('optuna', 'sweep', ['--search=optuna', '--metric=valid/x']),
  )
  def test_a_missing_package_is_named_with_its_extra(
    self, package, extra, argv
  ):
    for name in [x for x in sys.modules if x.split('.')[0] == package]:
      self.enterContext(mock.patch.dict(sys.modules, {name: None}))
    with mock.patch.dict(sys.modules, {package: None}):
      sample = '--sample=learning_rate=log(1e-4,1e-2)'
      self.assert_refused(f'seqjax[{extra}]', *SMALL, sample, *argv)


class StoppedTest(MainTestCase):
  def test_a_signal_is_said_and_the_same_command_goes_on(self):
    def stop(job, group, report):
      raise errors.Stopped(signal.SIGTERM)

    with mock.patch.object(worker, 'run', stop):
      code, _, err = self.main(*GRID, '--workdir=mine')
    self.assertEqual(code, 128 + signal.SIGTERM)
    self.assertNotIn('Traceback', err)
    code, out, _ = self.main(*GRID, '--workdir=mine')
    self.assertEqual(code, 0)
    self.assertIn('2 trials: 2 done', out)


class EngineTest(absltest.TestCase):
  def engine(self, *argv, accelerator=False):
    sweep = command_line.command.parse([*GRID, *argv], '')
    with (
      mock.patch.object(
        command_line.local, 'has_accelerator', lambda: accelerator
      ),
      mock.patch.object(command_line.local, 'Local') as made,
    ):
      _, together = command_line._engine(sweep)
    (job, workers) = made.call_args.args
    self.assertIsInstance(job, engines.Job)
    self.assertTrue(job.directory.is_absolute())
    return workers, together

  def test_trials_go_one_by_one_on_a_cpu(self):
    self.assertEqual(self.engine('--workers=3'), (3, 1))

  def test_they_go_together_on_an_accelerator_or_if_asked(self):
    for found in (
      self.engine(accelerator=True),
      self.engine('--form=vmap'),
      self.engine('--form=vmap', '--workers=2'),
    ):
      self.assertGreater(found[1], 1)
    found = self.engine('--form=sequential', accelerator=True)
    self.assertEqual(found[1], 1)


if __name__ == '__main__':
  absltest.main()
