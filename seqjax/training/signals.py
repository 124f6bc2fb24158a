"""Signals: what may be left is left at once, what must be saved is saved.

Python hears a signal between two instructions of its own, so not while XLA
compiles. A thread hears it then, and ends a process that has nothing to lose.
"""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

from seqjax import errors

SIGNALS = (signal.SIGTERM, signal.SIGINT)
# How long, in seconds, Python may take to hear a signal before the thread acts.
PATIENCE = 0.3


class StopRequest:
  """Remembers the first SIGTERM or SIGINT; at the second, leaves at once.

  A process has one, behind the functions of this module. `experiment.main`
  installs it before it trains. From then on the first signal raises
  `errors.Stopped` wherever Python is, but for what is `deferred`: the loop
  asks there after every step, saves, and raises.
  """

  def __init__(self):
    self._signum = None
    self._raises = True
    self._leave = _nothing
    self._part = None  # which `interruptible` this is, if any
    self._raised_in = None
    # Held by the thread while it ends the process: nothing then goes on.
    self._leaving = threading.RLock()
    self._heard = threading.Event()

  def install(self) -> None:
    """Takes over both signals. Only the main thread may do this."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    # Python writes a signal's number here even while its own code cannot run.
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    for signum in SIGNALS:
      signal.signal(signum, self._receive)
    threading.Thread(
      target=self._watch, args=(reader, writer), name='signals', daemon=True
    ).start()

  def requested(self) -> int | None:
    """The number of the first signal, or None as long as none has come."""
    return self._signum

  @contextlib.contextmanager
  def deferred(self) -> Iterator[None]:
    """Within, a signal is only remembered: what is under way must be saved."""
    with self._as(raises=False, leave=None):
      yield

  @contextlib.contextmanager
  def interruptible(self, leave: Callable[[], None] | None) -> Iterator[None]:
    """Within `deferred`, a signal may come in the middle of this.

    Args:
      leave: makes durable what is being saved. It is called from a thread where
        Python does not hear the signal, and the process ends after it. None: in
        this case too, something would be lost.

    Raises:
      Stopped: a signal came, before or within.
    """
    with self._as(raises=True, leave=leave, part=object()):
      self._check()
      yield
      self._check()  # Python drops what is raised in a destructor.

  @contextlib.contextmanager
  def _as(self, raises, leave, part=None):
    before = self._raises, self._leave, self._part
    with self._leaving:
      self._raises, self._leave, self._part = raises, leave, part
    try:
      yield
    finally:
      with self._leaving:
        self._raises, self._leave, self._part = before

  def _check(self) -> None:
    if self._signum is not None:
      raise errors.Stopped(self._signum)

  def _receive(self, signum: int, frame: FrameType | None) -> None:
    del frame
    if self._signum is not None:
      _leave_without_saving(signum)
    self._signum = signum
    self._heard.set()
    if self._raises:
      self._raised_in = self._part
      raise errors.Stopped(signum)
    name = signal.Signals(signum).name
    _say(f'{name}: saving after this step; send it again to leave at once.')

  def _watch(self, reader: socket.socket, writer: socket.socket) -> None:
    """Runs in the thread: is there when Python is not."""
    del writer  # Closed with the thread, not before.
    came = 0
    while True:
      (signum,) = reader.recv(1)
      # Others may have come to hear it since.
      if signum not in SIGNALS or signal.getsignal(signum) != self._receive:
        continue
      came += 1
      if came > 1:
        _leave_without_saving(signum)
      heard = self._heard.wait(PATIENCE)
      if heard and self._raised_in is not None:
        time.sleep(PATIENCE)  # For what is raised to get there.
      with self._leaving:
        # Dropped by a destructor, it has not left the part that it came in.
        dropped = self._part is not None and self._part is self._raised_in
        if self._leave is None or heard and not dropped:
          continue  # Python ends it; there may be something to save.
        try:
          self._leave()
        except Exception as error:
          _say(str(error))
        _say(errors.Stopped(signum).sentence())
        os._exit(128 + signum)


def _nothing() -> None:
  """What there is to save where nothing is."""


_STOP = StopRequest()
install = _STOP.install
requested = _STOP.requested
deferred = _STOP.deferred
interruptible = _STOP.interruptible


def _leave_without_saving(signum: int) -> None:
  _say(f'{signal.Signals(signum).name} again: leaving without saving.')
  os._exit(128 + signum)  # No clean-up that could hang, as it just did.


def _say(line: str) -> None:
  # Not print: the signal may have come in the middle of another print, and
  # Python refuses to enter the same stream twice.
  with contextlib.suppress(OSError):  # A closed stderr must not end the run.
    os.write(2, f'\n{line}\n'.encode())
