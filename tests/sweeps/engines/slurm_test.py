import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
from unittest import mock

import pytest
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import slurm, slurm_job

DONE = trials.Outcome('done', {}, 1.0)
TRIALS = [trials.Trial(name, {}, 'p', 5) for name in 'ab']
HERE = pathlib.Path(__file__).parent

# Commands of a cluster: jobs are lines of the file `queue`, and begin never.
COMMANDS = {
  'srun': 'exit 1',
  'sbatch': """
    [ -f refuses ] && { echo 'sbatch: error: invalid partition' >&2; exit 1; }
    cp "$1" submitted.sh
    number=$(($(cat number) + 1))
    echo $number > number
    echo $number >> queue
    echo Submitted batch job $number
  """,
  'squeue': """
    [ -f silent ] && { echo 'Unable to contact the controller' >&2; exit 1; }
    cat queue
  """,
  'scancel': """
    echo $1 >> cancelled
    sed -i "/^$1\\$/d" queue
  """,
}


def needs_submitit(test):
  there = importlib.util.find_spec('submitit')
  return absltest.skipUnless(there, 'needs the extra slurm')(test)


class ParseTest(parameterized.TestCase):
  @parameterized.parameters(
    ('', {}),
    ('time=60', {'time': 60}),
    ('partition=a,gres=gpu:2', {'partition': 'a', 'gres': 'gpu:2'}),
    ('mem=8GB,exclusive=true', {'mem': '8GB', 'exclusive': True}),
    ('nodelist=n1,n2,nodes=1', {'nodelist': 'n1,n2', 'nodes': 1}),
    ('setup=. a/activate,time=5', {'setup': ['. a/activate'], 'time': 5}),
  )
  def test_options(self, text, options):
    self.assertEqual(slurm.parse(text), options)

  @parameterized.parameters('gpu', 'time=', 'gpu,time=5')
  def test_what_is_no_option(self, text):
    with self.assertRaisesRegex(errors.UserError, 'expected name=value'):
      slurm.parse(text)


class MissingTest(absltest.TestCase):
  def test_without_submitit_a_sentence_names_the_extra(self):
    with (
      mock.patch.dict(sys.modules, submitit=None),
      self.assertRaisesRegex(errors.UserError, r"install 'seqjax\[slurm\]'"),
    ):
      slurm_job.library()


@needs_submitit
class SlurmTest(absltest.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    for name, text in COMMANDS.items():
      path = self.folder / 'bin' / name
      path.parent.mkdir(exist_ok=True)
      path.write_text(f'#!/bin/sh\ncd {self.folder}\n{text}\n')
      path.chmod(0o755)
    self.write('number', '6\n')
    self.write('queue', '')
    path = f'{self.folder}/bin:{os.environ["PATH"]}'
    self.enterContext(mock.patch.dict(os.environ, PATH=path))
    self.enterContext(mock.patch('time.sleep'))

  def write(self, name, text):
    (self.folder / name).write_text(text)

  def read(self, name):
    return (self.folder / name).read_text()

  def make(self, options=''):
    return slurm.Slurm(engines.Job('char_lm', self.folder), 2, options)

  def test_a_job_is_asked_for_as_said(self):
    with self.make('partition=low,time=90') as engine:
      engine.submit(TRIALS)
      self.assertEqual(engine.free(), 1)
    lines = self.read('submitted.sh').splitlines()
    for line in (
      '--partition=low',
      '--time=90',
      '--requeue',
      '--signal=USR2@90',
      f'--job-name={engine._name}',
    ):
      self.assertIn(f'#SBATCH {line}', lines)

  def test_results_come_back_once(self):
    submitit = slurm_job.library()
    with self.make() as engine:
      engine.submit(TRIALS)
      self.assertEqual(engine.wait(), [])
      [job] = engine._under_way
      result = 'success', [(trial, DONE) for trial in TRIALS]
      submitit.core.utils.cloudpickle_dump(result, job.paths.result_pickle)
      self.assertEqual(engine.wait(), [(trial, DONE) for trial in TRIALS])
      self.assertEqual(engine.wait(), [])
      self.assertEqual(engine.free(), 2)

  def test_a_job_that_is_gone_is_lost_once(self):
    with self.make() as engine:
      engine.submit(TRIALS)
      self.write('queue', '')
      ended = engine.wait()
      self.assertEqual([trial for trial, _ in ended], TRIALS)
      for _, outcome in ended:
        self.assertEqual(outcome.status, 'lost')
        self.assertRegex(outcome.error, 'job 7 ended without a result; see .*7')
      self.assertEqual(engine.wait(), [])

  def test_a_job_that_failed_is_lost(self):
    submitit = slurm_job.library()
    with self.make() as engine:
      engine.submit(TRIALS)
      [job] = engine._under_way
      result = 'error', 'Traceback'
      submitit.core.utils.cloudpickle_dump(result, job.paths.result_pickle)
      (_, outcome), _ = engine.wait()
    self.assertEqual(outcome.status, 'lost')
    self.assertIn('job 7 failed', outcome.error)

  def test_what_is_under_way_is_cancelled_at_the_end(self):
    with self.make() as engine:
      engine.submit(TRIALS)
    self.assertEqual(self.read('cancelled'), '7\n')

  def test_what_an_earlier_start_left_is_cancelled_first(self):
    self.write('queue', '3\n5\n')
    with self.make():
      self.assertEqual(self.read('cancelled'), '3\n5\n')

  def test_what_does_not_end_is_a_sentence(self):
    self.write('queue', '3 \n')
    self.enterContext(mock.patch.object(slurm, 'GRACE', 0))
    with self.assertRaisesRegex(errors.UserError, r'still runs \(3\)'):
      self.make().__enter__()

  def test_another_sweep_has_another_name(self):
    names = {
      slurm.Slurm(engines.Job('char_lm', self.folder / folder))._name
      for folder in 'aab'
    }
    self.assertLen(names, 2)

  def test_slurm_that_refuses_is_a_sentence(self):
    with self.make() as engine:
      self.write('refuses', '')
      with self.assertRaisesRegex(errors.UserError, 'refused .*invalid part'):
        engine.submit(TRIALS)

  def test_slurm_that_is_silent_is_a_sentence(self):
    with self.make() as engine:
      engine.submit(TRIALS)
      self.write('silent', '')
      with self.assertRaisesRegex(errors.TryAgain, 'Unable to contact'):
        engine.wait()
      (self.folder / 'silent').unlink()

  def test_unknown_options_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'partition'"):
      self.make('partitoin=low')
    with self.assertRaisesRegex(errors.UserError, 'Unknown option'):
      self.make('executor=local,partition=low')
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'local'"):
      self.make('executor=locale')

  def test_a_time_is_in_minutes(self):
    for minutes in ('1:00:00', '0', 'true'):
      with self.assertRaisesRegex(errors.UserError, 'expected minutes'):
        self.make(f'time={minutes}')

  def test_without_slurm_a_sentence_says_so(self):
    (self.folder / 'bin' / 'srun').unlink()
    which = lambda name: None
    with (
      mock.patch('shutil.which', which),
      self.assertRaisesRegex(errors.UserError, 'there is no SLURM here'),
    ):
      self.make()


@pytest.mark.slow
@needs_submitit
class LocalTest(parameterized.TestCase):
  @parameterized.parameters('preempted', 'lost', 'left')
  def test_each_trial_counts_once(self, mode):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    ended = subprocess.run(
      [sys.executable, '-P', HERE / 'slurm_jobs.py', mode, folder],
      env=os.environ | {'JAX_PLATFORMS': 'cpu'},
      text=True,
      stdout=subprocess.PIPE,
      timeout=500,
    )
    self.assertEqual(ended.returncode, 0)
    self.assertEqual(ended.stdout.splitlines()[-1], f'{mode}: as it should be')


if __name__ == '__main__':
  absltest.main()
