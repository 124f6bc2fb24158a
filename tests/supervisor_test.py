"""The supervisor, over small programs that end as an experiment may."""

import contextlib
import io
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from absl.testing import absltest, parameterized

import seqjax
from seqjax import supervisor

# Ends with the first of the numbers in a file, and leaves the rest there; a
# negative one is the signal that kills it.
_ENDS = """
import os, pathlib, sys
path = pathlib.Path(sys.argv[1])
code, *rest = path.read_text().split()
path.write_text(' '.join(rest))
if int(code) < 0:
  os.kill(os.getpid(), -int(code))
sys.exit(int(code))
"""
# Says each signal that it gets, and ends with the code that the last one names.
_LISTENS = """
import os, signal, sys
left = sys.argv[1:]
def receive(signum, frame):
  print(signum, flush=True)
  if (code := left.pop(0)) != '-':
    sys.exit(int(code))
for signum in (signal.SIGTERM, signal.SIGINT):
  signal.signal(signum, receive)
print(os.getpid(), flush=True)
while True:
  signal.pause()
"""


class Silent:
  """Stands for the signals of a process that gets none, and does not wait."""

  def __init__(self):
    self.pauses = []

  def next(self):
    time.sleep(0.005)

  def pause(self, seconds):
    self.pauses.append(seconds)


class RestartTest(parameterized.TestCase):
  def supervise(self, codes, max_restarts, **options):
    """The exit code, the pauses, the codes not come to, and what was said."""
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'codes')
    path.write_text(' '.join(map(str, codes)))
    signals, said = Silent(), io.StringIO()
    command = [sys.executable, '-ISc', _ENDS, str(path)]
    with contextlib.redirect_stderr(said):
      code = supervisor.supervise(command, max_restarts, signals, **options)
    left = list(map(int, path.read_text().split()))
    return code, signals.pauses, left, said.getvalue().splitlines()

  def test_what_may_pass_is_started_again(self):
    code, pauses, left, said = self.supervise([75, 70, -9, -11, 0], 9)
    self.assertEqual((code, pauses, left), (0, [1, 2, 4, 8], []))
    self.assertEqual(
      said,
      [
        'supervisor: ended with exit code 75: restart 1 of 9 in 1 s.',
        'supervisor: ended with exit code 70: restart 2 of 9 in 2 s.',
        'supervisor: killed by SIGKILL: restart 3 of 9 in 4 s.',
        'supervisor: killed by SIGSEGV: restart 4 of 9 in 8 s.',
      ],
    )

  @parameterized.parameters(0, 1, 3, 130, 141, 143)
  def test_what_is_settled_is_not(self, code):
    self.assertEqual(self.supervise([code, 0], 9), (code, [], [0], []))

  @parameterized.parameters((70, 70), (-9, 137))
  def test_the_last_restart_gives_the_exit_code(self, last, code):
    got, pauses, left, said = self.supervise([75, 75, last, 0], 2)
    self.assertEqual((got, pauses, left), (code, [1, 2], [0]))
    self.assertEndsWith(said[-1], ', and no restart is left of 2.')

  def test_no_restart_is_one_start(self):
    self.assertEqual(self.supervise([75, 0], 0)[:3], (75, [], [0]))

  def test_pauses_end_at_a_minute(self):
    _, pauses, _, _ = self.supervise([75] * 9, 8)
    self.assertEqual(pauses, [1, 2, 4, 8, 16, 32, 60, 60])

  def test_pauses_begin_anew_after_a_start_that_lived(self):
    times = iter([0, 599, 600, 1199, 2000, 2600, 3000, 3001])
    _, pauses, _, _ = self.supervise([75] * 4, 4, clock=lambda: next(times, 0))
    # The third lived for 600 seconds.
    self.assertEqual(pauses[:4], [1, 2, 1, 2])


class SignalTest(parameterized.TestCase):
  def start(self, program, *arguments, max_restarts=3):
    """A supervisor in a process group of its own, as in a terminal."""
    folder = self.enterContext(tempfile.TemporaryDirectory())
    pathlib.Path(folder, 'child.py').write_text(program)
    root = pathlib.Path(seqjax.__file__).parents[1]
    command = ['-m', 'seqjax.supervisor', f'--max_restarts={max_restarts}']
    process = subprocess.Popen(
      [sys.executable, '-P', *command, '--', 'child', *arguments],
      env={**os.environ, 'PYTHONPATH': f'{root}:{folder}'},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
      start_new_session=True,
    )
    self.enterContext(process)
    self.addCleanup(process.kill)  # Before the context waits for its end.
    return process

  @parameterized.parameters((signal.SIGTERM, '143'), (signal.SIGINT, '75'))
  def test_a_signal_is_passed_on_once_and_nothing_started_after(
    self, signum, code
  ):
    process = self.start(_LISTENS, code)
    child = int(process.stdout.readline())
    # Ctrl-C in a terminal goes to all of a group.
    self.assertNotEqual(os.getpgid(child), os.getpgid(process.pid))
    process.send_signal(signum)
    out, err = process.communicate(timeout=20)
    self.assertEqual((out, err), (f'{signum}\n', ''))
    self.assertEqual(process.returncode, int(code))

  def test_a_second_signal_is_passed_on_too(self):
    process = self.start(_LISTENS, '-', '130')
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    self.assertEqual(process.stdout.readline(), '2\n')
    process.send_signal(signal.SIGTERM)
    self.assertEqual(process.communicate(timeout=20), ('15\n', ''))
    self.assertEqual(process.returncode, 130)

  def test_a_signal_ends_the_pause(self):
    process = self.start('import sys\nsys.exit(75)')
    self.assertIn('restart 1 of 3 in 1 s', process.stderr.readline())
    process.send_signal(signal.SIGTERM)
    self.assertEqual(process.communicate(timeout=20), ('', ''))
    self.assertEqual(process.returncode, 143)

  def test_a_killed_supervisor_takes_the_experiment_with_it(self):
    if sys.platform != 'linux':
      self.skipTest('needs Linux')
    process = self.start(_LISTENS, '0')
    child = int(process.stdout.readline())
    os.kill(child, 0)
    process.kill()
    process.communicate(timeout=20)  # Ends when nobody holds the pipes.
    with self.assertRaises(ProcessLookupError):
      for _ in range(100):
        os.kill(child, 0)
        time.sleep(0.05)


class CommandTest(parameterized.TestCase):
  @parameterized.parameters(
    ('--max_restarts=x', '--', 'child'),
    ('--max_restarts=-1', '--', 'child'),
    ('--max_restarts=2', '--'),
    ('--max_restarts=2',),
    ('--', 'child'),
    ('--max_restarts=2', 'child'),
  )
  def test_a_wrong_command_is_a_sentence(self, *argv):
    said = io.StringIO()
    with contextlib.redirect_stderr(said), self.assertRaises(SystemExit) as end:
      supervisor.main(argv)
    self.assertEqual(end.exception.code, 1)
    self.assertRegex(said.getvalue(), r'^error: .*\n$')


if __name__ == '__main__':
  absltest.main()
