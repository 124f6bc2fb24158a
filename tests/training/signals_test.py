import pathlib
import signal
import subprocess
import sys

from absl.testing import absltest, parameterized

import seqjax
from seqjax.training import signals

_ROOT = pathlib.Path(seqjax.__file__).parents[1]


class StopRequestTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    for signum in signals.SIGNALS:
      self.addCleanup(signal.signal, signum, signal.getsignal(signum))

  @parameterized.parameters(signal.SIGTERM, signal.SIGINT)
  def test_a_signal_is_remembered_and_raises_nothing(self, signum):
    stop = signals.StopRequest()
    stop.install()
    self.assertIsNone(stop.requested())
    signal.raise_signal(signum)
    self.assertEqual(stop.requested(), signum)

  @parameterized.parameters(('SIGTERM', 143), ('SIGINT', 130))
  def test_a_second_signal_leaves_at_once(self, name, code):
    program = (
      'import signal\n'
      'from seqjax.training import signals\n'
      'signals.install()\n'
      'signal.raise_signal(signal.SIGTERM)\n'
      'print(signals.requested())\n'
      f'signal.raise_signal(signal.{name})\n'
      'print("still here")\n'
    )
    ended = subprocess.run(
      [sys.executable, '-u', '-c', program],
      cwd=_ROOT,
      capture_output=True,
      text=True,
      timeout=60,
    )
    self.assertEqual(ended.returncode, code)
    self.assertEqual(ended.stdout, '15\n')
    self.assertIn('SIGTERM: saving after this step', ended.stderr)
    self.assertIn(f'{name} again: leaving without saving.', ended.stderr)


if __name__ == '__main__':
  absltest.main()
