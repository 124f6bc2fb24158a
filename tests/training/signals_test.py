"""Tests for seqjax.training.signals."""

import pathlib
import signal
import subprocess
import sys
import time

from absl.testing import absltest, parameterized

import seqjax
from seqjax import errors
from seqjax.training import signals

_ROOT = pathlib.Path(seqjax.__file__).parents[1]
# Minutes in which Python hears nothing, as in a compilation.
_DEAF = 'hashlib.pbkdf2_hmac("sha256", b"", b"", 10**9)\n'


class StopRequestTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    for signum in signals.SIGNALS:
      self.addCleanup(signal.signal, signum, signal.getsignal(signum))
    self.stop = signals.StopRequest()
    self.stop.install()

  @parameterized.parameters(signal.SIGTERM, signal.SIGINT)
  def test_a_signal_raises_at_once(self, signum):
    with self.assertRaises(errors.Stopped) as caught:
      signal.raise_signal(signum)
    self.assertEqual(caught.exception.signum, signum)
    self.assertEqual(self.stop.requested(), signum)

  def test_no_handler_of_errors_takes_it_for_one(self):
    with self.assertRaises(errors.Stopped):
      try:
        signal.raise_signal(signal.SIGTERM)
      except Exception:
        self.fail('a signal is no error')

  def test_what_is_deferred_goes_on(self):
    with self.stop.deferred():
      self.assertIsNone(self.stop.requested())
      signal.raise_signal(signal.SIGTERM)
      self.assertEqual(self.stop.requested(), signal.SIGTERM)

  def test_a_part_of_it_may_be_interrupted(self):
    went_on = []
    with self.stop.deferred():
      with self.assertRaises(errors.Stopped):
        with self.stop.interruptible(leave=None):
          signal.raise_signal(signal.SIGTERM)
          went_on.append('within')
      went_on.append('after')
    self.assertEqual(went_on, ['after'])

  def test_a_signal_that_came_before_begins_no_such_part(self):
    went_on = []
    with self.stop.deferred():
      signal.raise_signal(signal.SIGTERM)
      with self.assertRaises(errors.Stopped):
        with self.stop.interruptible(leave=None):
          went_on.append('within')
    self.assertEmpty(went_on)

  def test_what_a_destructor_swallows_is_raised_after_it(self):
    class Dropped:
      def __del__(self):
        # Python prints what is raised here, and goes on.
        try:
          signal.raise_signal(signal.SIGTERM)
        except errors.Stopped:
          swallowed.append(1)

    swallowed = []
    with self.stop.deferred(), self.assertRaises(errors.Stopped):
      with self.stop.interruptible(leave=None):
        Dropped()
    self.assertEqual(swallowed, [1])


class ProcessTest(parameterized.TestCase):
  """What ends a process."""

  def run_program(self, program, *signums):
    """Sends signals, one for each line that the program prints."""
    process = subprocess.Popen(
      [sys.executable, '-u', '-c', program],
      cwd=_ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for signum in signums:
      process.stdout.readline()
      time.sleep(0.5)  # Until it is in what follows.
      process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err

  @parameterized.parameters(('SIGTERM', 143), ('SIGINT', 130))
  def test_a_second_signal_leaves_at_once(self, name, code):
    program = (
      'import signal\n'
      'from seqjax.training import signals\n'
      'signals.install()\n'
      'with signals.deferred():\n'
      '  signal.raise_signal(signal.SIGTERM)\n'
      '  print(signals.requested())\n'
      f'  signal.raise_signal(signal.{name})\n'
      '  print("still here")\n'
    )
    found, out, err = self.run_program(program)
    self.assertEqual(found, code)
    self.assertEqual(out, '15\n')
    self.assertIn('SIGTERM: saving after this step', err)
    self.assertIn(f'{name} again: leaving without saving.', err)

  @parameterized.parameters((signal.SIGTERM, 143), (signal.SIGINT, 130))
  def test_a_compilation_with_nothing_to_lose_is_left(self, signum, code):
    program = (
      'import hashlib\n'
      'from seqjax.training import signals\n'
      'signals.install()\n'
      'with signals.deferred():\n'
      '  with signals.interruptible(leave=lambda: print("durable")):\n'
      '    print("ready")\n'
      f'    {_DEAF}'
    )
    found, out, err = self.run_program(program, signum)
    self.assertEqual((found, out), (code, 'durable\n'))
    self.assertIn('the same command goes on from here', err)

  def test_so_is_one_in_which_a_destructor_drops_the_signal(self):
    program = (
      'import hashlib, time\n'
      'from seqjax.training import signals\n'
      'class Dropped:\n'
      '  def __del__(self):\n'
      '    print("ready")\n'
      '    time.sleep(60)\n'
      'signals.install()\n'
      'with signals.deferred(), signals.interruptible(leave=lambda: None):\n'
      '  Dropped()\n'
      f'  {_DEAF}'
    )
    found, _, err = self.run_program(program, signal.SIGTERM)
    self.assertEqual(found, 143)
    self.assertIn('Exception ignored', err)

  def test_so_is_what_comes_before_the_loop(self):
    program = (
      'import hashlib\n'
      'from seqjax.training import signals\n'
      'signals.install()\n'
      'print("ready")\n'
      f'{_DEAF}'
    )
    self.assertEqual(self.run_program(program, signal.SIGTERM)[0], 143)

  def test_what_cannot_be_made_durable_is_said(self):
    program = (
      'import hashlib\n'
      'from seqjax.training import signals\n'
      'def leave(): raise OSError("the disk is full")\n'
      'signals.install()\n'
      'with signals.deferred(), signals.interruptible(leave=leave):\n'
      '  print("ready")\n'
      f'  {_DEAF}'
    )
    found, _, err = self.run_program(program, signal.SIGTERM)
    self.assertEqual(found, 143)
    self.assertIn('the disk is full', err)

  def test_where_something_would_be_lost_python_is_waited_for(self):
    program = (
      'import hashlib\n'
      'from seqjax import errors\n'
      'from seqjax.training import signals\n'
      'signals.install()\n'
      'with signals.deferred():\n'
      '  try:\n'
      '    with signals.interruptible(leave=None):\n'
      '      print("ready")\n'
      # About twice as long as the patience of the thread, or longer.
      '      hashlib.pbkdf2_hmac("sha256", b"", b"", 3 * 10**6)\n'
      '  except errors.Stopped:\n'
      '    print("saved")\n'
    )
    found, out, _ = self.run_program(program, signal.SIGTERM)
    self.assertEqual((found, out), (0, 'saved\n'))

  def test_a_second_signal_leaves_a_compilation_too(self):
    program = (
      'import hashlib\n'
      'from seqjax.training import signals\n'
      'signals.install()\n'
      'with signals.deferred():\n'
      '  print("ready")\n'
      '  print("ready")\n'
      f'  {_DEAF}'
    )
    found, _, err = self.run_program(program, signal.SIGTERM, signal.SIGINT)
    self.assertEqual(found, 130)
    self.assertIn('SIGINT again: leaving without saving.', err)


if __name__ == '__main__':
  absltest.main()
