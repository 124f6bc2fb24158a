"""A child process that does not outlive its parent."""

import os
import sys
from collections.abc import Sequence

# Linux kills the child when the parent is gone, however it went: an orphan
# would keep the lock of a run. The bond (PR_SET_PDEATHSIG is 1) outlives the
# exec; a parent that died before it was made is no longer the parent. A program
# of its own, because code between fork and exec is not safe where there are
# threads, and NumPy brings some.
_BOUND = """
import ctypes, os, signal, sys
parent, *command = sys.argv[1:]
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
if os.getppid() == int(parent):
  os.execv(command[0], command)
"""


def command(argv: Sequence[str]) -> list[str]:
  """What starts a program so that it ends with this process.

  The parent is the thread that starts it: start it from one that lives as long
  as the process. Other systems than Linux have no such bond.

  Args:
    argv: the path of a program, and its arguments.
  """
  if sys.platform != 'linux':
    return list(argv)
  return [sys.executable, '-ISc', _BOUND, str(os.getpid()), *argv]
