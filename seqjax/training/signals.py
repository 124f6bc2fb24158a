"""Signals as a request: the loop ends its step and saves before it leaves."""

import contextlib
import os
import signal
from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
  """Remembers the first SIGTERM or SIGINT; at the second, leaves at once.

  A process has one, behind this module's `install` and `requested`:
  `experiment.main` installs it before it trains; the loop asks for it after
  every step, saves, and raises `errors.Stopped` with the number.
  """

  def __init__(self):
    self._signum = None

  def install(self) -> None:
    """Takes over both signals. Only the main thread may do this."""
    for signum in SIGNALS:
      signal.signal(signum, self._receive)

  def requested(self) -> int | None:
    """The number of the first signal, or None as long as none has come."""
    return self._signum

  def _receive(self, signum: int, frame: FrameType | None) -> None:
    del frame
    name = signal.Signals(signum).name
    if self._signum is not None:
      _say(f'{name} again: leaving without saving.')
      os._exit(128 + signum)  # No clean-up that could hang, as it just did.
    self._signum = signum
    _say(f'{name}: saving after this step; send it again to leave at once.')


_STOP = StopRequest()
install = _STOP.install
requested = _STOP.requested


def _say(line: str) -> None:
  # Not print: the signal may have come in the middle of another print, and
  # Python refuses to enter the same stream twice.
  with contextlib.suppress(OSError):  # A closed stderr must not end the run.
    os.write(2, f'\n{line}\n'.encode())
