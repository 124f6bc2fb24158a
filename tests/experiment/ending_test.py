"""Tests for seqjax.experiment.ending; the exit codes are in main_test."""

import pathlib
import signal
import subprocess
import sys

from absl.testing import absltest, parameterized

import seqjax

_PROGRAM = """
import atexit, signal, time
from seqjax.experiment import ending
from seqjax.training import signals

def act():
  {act}

def late():
  signal.raise_signal({signum})
  time.sleep(60)

{when}
"""
# Between two commands of Python's own end, and while an error is explained.
_AT_EXIT = 'atexit.register(late); ending.end(act)'
_IN_WORDS = 'ending.end(act, late)'


class LateSignalTest(parameterized.TestCase):
  @parameterized.product(
    (
      {'act': 'signals.install()', 'when': _AT_EXIT},
      {'act': 'signals.install(); 1 / 0', 'when': _AT_EXIT},
      {'act': 'signals.install(); 1 / 0', 'when': _IN_WORDS},
      {'act': '1 / 0', 'when': _IN_WORDS},
    ),
    signum=(signal.SIGTERM, signal.SIGINT),
  )
  def test_a_signal_when_all_is_over_ends_the_process(self, act, when, signum):
    done = subprocess.run(
      [
        sys.executable,
        '-c',
        _PROGRAM.format(act=act, when=when, signum=int(signum)),
      ],
      cwd=pathlib.Path(seqjax.__file__).parents[1],
      stderr=subprocess.PIPE,
      text=True,
      timeout=60,
    )
    self.assertEqual(done.returncode, -signum, done.stderr)
    for words in ('Stopped', 'KeyboardInterrupt', 'atexit'):
      self.assertNotIn(words, done.stderr)


if __name__ == '__main__':
  absltest.main()
