import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from absl.testing import absltest, parameterized

import seqjax
from seqjax import errors, experiment

_PROGRAM = """
import dataclasses, time
from seqjax import errors, experiment
from seqjax.training import signals

@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
  steps: int = 3

def train(config, run):
  print('training', flush=True)
  for _ in range(config.steps):
    print('a line', flush=True)
    time.sleep(0.02)
    if (signum := signals.requested()) is not None:
      raise errors.Stopped(signum)

experiment.main('Waits.', 'wait', Config, {'train': train})
"""


class ProcessTest(parameterized.TestCase):
  """What only a process of its own can show."""

  def setUp(self):
    super().setUp()
    self.folder = self.enterContext(tempfile.TemporaryDirectory())

  def start(self, *argv, **options):
    root = pathlib.Path(seqjax.__file__).parents[1]
    return subprocess.Popen(
      [sys.executable, '-c', _PROGRAM, '--workdir=mine', *argv],
      cwd=self.folder,
      # Empty is unset: what is buffered fails later, and must be caught too.
      env={**os.environ, 'PYTHONPATH': str(root), 'PYTHONUNBUFFERED': ''},
      text=True,
      stderr=subprocess.PIPE,
      **{'stdout': subprocess.PIPE, **options},
    )

  @parameterized.parameters((signal.SIGTERM, 143), (signal.SIGINT, 130))
  def test_a_signal_stops_the_run_and_frees_its_directory(self, signum, code):
    run = experiment.RunDirectory(pathlib.Path(self.folder, 'mine'))
    with self.start('--steps=100000') as process:
      self.assertEqual(process.stdout.readline(), 'training\n')
      with self.assertRaisesRegex(errors.UserError, f'process {process.pid} '):
        with run.lock():
          pass
      process.send_signal(signum)
      _, err = process.communicate(timeout=60)
    self.assertEqual(process.returncode, code)
    self.assertIn('the same command goes on from here', err)
    self.assertNotIn('Traceback', err)
    with run.lock():
      self.assertIsNone(run.read_result())

  def test_a_closed_pipe_is_quiet(self):
    with self.start('--steps=100000') as process:
      process.stdout.readline()
      process.stdout.close()
      err = process.stderr.read()
    self.assertEqual((process.returncode, err), (141, ''))

  # The help page fails only when it is flushed, at the very end.
  @parameterized.parameters('--steps=3', '--help')
  def test_a_full_disk_behind_stdout_is_a_sentence(self, argument):
    if not os.path.exists('/dev/full'):
      self.skipTest('needs /dev/full')
    with open('/dev/full', 'w') as full:
      with self.start(argument, stdout=full) as process:
        err = process.stderr.read()
    self.assertEqual(process.returncode, 1)
    self.assertStartsWith(err, 'error: the disk is full.')
    self.assertEqual(err.count('\n'), 1)

  def test_a_finished_run_leaves_its_files(self):
    with self.start() as process:
      process.communicate(timeout=60)
    self.assertEqual(process.returncode, 0)
    folder = pathlib.Path(self.folder, 'mine')
    self.assertSameElements(
      os.listdir(folder), ['config.json', 'lock', 'result.json']
    )
    self.assertEqual(
      json.loads((folder / 'result.json').read_text())['step'], 3
    )


if __name__ == '__main__':
  absltest.main()
