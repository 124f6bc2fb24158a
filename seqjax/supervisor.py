"""Starts an experiment again when it ends in a way that may pass.

  ./launch.sh --max_restarts=5 char_lm --steps=2000
  python -m seqjax.supervisor --max_restarts=5 -- experiments.char_lm ...

Started again is what exits with 75 (try again) or 70 (a bug, which a bad moment
may be behind), or is killed by a signal. Never what is done (0), wrong (1), has
given up (3) or was asked to stop (130, 141, 143). Between two starts are 1, 2,
4, ... seconds, at most 60; once a start has lived for ten minutes, 1 again.

SIGTERM and SIGINT are passed on, each once, and nothing is started after them.
The exit code is that of the last start; of one killed by a signal, 128 and the
signal's number, as in a shell.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import NoReturn

from seqjax import bond, errors
from seqjax.experiment import ending

# An experiment exits with these where the cause may pass.
MAY_PASS = (70, 75)
LONGEST_PAUSE = 60  # seconds
# A start that lived for so many seconds was no part of a series of failures.
SETTLED_SECONDS = 600

_PASSED_ON = (signal.SIGTERM, signal.SIGINT)


class Signals:
  """The signals of this process, one after another and none twice.

  Their handlers do nothing; Python writes the number of each into a pipe. So
  none comes at a moment where it is in the way, and none is missed.
  """

  def __init__(self):
    self._reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for signum in (*_PASSED_ON, signal.SIGCHLD):
      signal.signal(signum, lambda *_: None)

  def next(self, seconds: float | None = None) -> int | None:
    """The number of the next signal, or None if so many seconds pass."""
    ready, _, _ = select.select([self._reader], [], [], seconds)
    return os.read(self._reader, 1)[0] if ready else None

  def pause(self, seconds: float) -> int | None:
    """Waits so long, or for a signal to stop, and gives its number."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
      if (signum := self.next(left)) in _PASSED_ON:
        return signum
    return None


def main(argv: Sequence[str] | None = None) -> NoReturn:
  """Supervises what the command line names, and ends the process.

  Args:
    argv: the arguments, by default those of the process.
  """
  argv = sys.argv[1:] if argv is None else argv
  ending.end(lambda: sys.exit(supervise(*_parse(argv), Signals())))


def supervise(
  command: Sequence[str],
  max_restarts: int,
  signals: Signals,
  clock: Callable[[], float] = time.monotonic,
) -> int:
  """Runs the command, and again while that may help.

  Args:
    command: the path of a program, and its arguments.
    max_restarts: how often to start it again, at most.
    signals: those of this process.
    clock: seconds since any moment.

  Returns:
    The exit code.
  """
  seconds = 1
  for restarts in range(max_restarts + 1):
    began = clock()
    code, stopped = _run(command, signals)
    if stopped or not (code < 0 or code in MAY_PASS):
      break
    if restarts == max_restarts:
      _say(f'{_what(code)}, and no restart is left of {max_restarts}.')
      break
    if clock() - began >= SETTLED_SECONDS:
      seconds = 1
    _say(
      f'{_what(code)}: restart {restarts + 1} of {max_restarts} in {seconds} s.'
    )
    if (signum := signals.pause(seconds)) is not None:
      return 128 + signum
    seconds = min(2 * seconds, LONGEST_PAUSE)
  return code if code >= 0 else 128 - code


def _run(command, signals) -> tuple[int, bool]:
  """The exit code, of a signal the negative, and whether it was to stop."""
  # A session of its own: a Ctrl-C in the terminal would reach it twice, and
  # the second signal means to leave at once.
  child = subprocess.Popen(bond.command(command), start_new_session=True)
  stopped = False
  while child.poll() is None:
    signum = signals.next()
    if signum in _PASSED_ON:
      stopped = True
      child.send_signal(signum)
  return child.returncode, stopped


def _parse(argv) -> tuple[list[str], int]:
  """The command that starts the experiment, and how many restarts."""
  own, module = argv, []
  if '--' in argv:
    own, module = argv[: argv.index('--')], argv[argv.index('--') + 1 :]
  parser = ending.Parser('python -m seqjax.supervisor', __doc__)
  parser.add_argument('--max_restarts', type=int, required=True)
  max_restarts = parser.parse_args(own).max_restarts
  if max_restarts < 0 or not module:
    raise errors.UserError(
      'expected --max_restarts=N of at least 0, and the module of an '
      'experiment behind --.'
    )
  # As this process was started: a folder of the caller's is no package.
  safe = ['-P'] if sys.flags.safe_path else []
  return [sys.executable, *safe, '-m', *module], max_restarts


def _what(code: int) -> str:
  """What ended the experiment, in words.

  >>> _what(-9), _what(-40), _what(75)
  ('killed by SIGKILL', 'killed by signal 40', 'ended with exit code 75')
  """
  if code >= 0:
    return f'ended with exit code {code}'
  names = {int(signum): signum.name for signum in signal.Signals}
  return f'killed by {names.get(-code, f"signal {-code}")}'


def _say(line: str) -> None:
  with contextlib.suppress(OSError):  # A closed stderr must not end the run.
    print(f'supervisor: {line}', file=sys.stderr, flush=True)


if __name__ == '__main__':
  main()
