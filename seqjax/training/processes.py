"""Several processes that train as one: how they meet, agree, and part.

A process whose peer is gone ends with exit code 75, try again, within 15
seconds: at once where it computes with the peer, or else when heartbeats stay
away. In the second case, and if process 0 is gone, JAX itself ends the process,
by an abort.
"""

import contextlib
import ctypes
import errno
import json
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from seqjax import errors

# A peer that is silent for so many seconds is lost; JAX says so two later.
HEARTBEAT_SECONDS = 10
# To meet: longer than the longest pause of a supervisor, and a start.
MEETING_SECONDS = 120
# What names the errors of JAX that a lost process causes, in lower case.
_SIGNS = 'gloo', 'nccl', 'coordination', 'rpc server'
_LOST = 'another process of this run is not there. The same command goes on.'
# Bytes of what one process says to the others.
_SIZE = 256


def join(coordinator: str, num_processes: int, process_id: int) -> None:
  """Waits for the other processes; before the first use of a device.

  With one process there is nothing to do.

  Args:
    coordinator: 'host:port' where process 0 listens, and on no other address.
      Who can reach it is believed: it belongs into a private network.
    num_processes: how many there are.
    process_id: which one this is, from 0.

  Raises:
    UserError: the three do not fit together, or process 0 has no such address.
    TryAgain: somebody else listens there. (Where the others do not come, JAX
      aborts: exit code 75.)
  """
  if num_processes == 1 and not coordinator and not process_id:
    return
  host, _, port = coordinator.rpartition(':')
  if (
    not host
    or not port.isdecimal()
    or not 0 < int(port) < 2**16
    or process_id >= num_processes
  ):
    raise errors.UserError(
      f'--coordinator={coordinator} --num_processes={num_processes} '
      f'--process_id={process_id}: expected the host:port of process 0, with '
      'a port from 1 to 65535, and an id below the number of processes.'
    )
  if process_id == 0:
    _check_address(coordinator, host, int(port))
  print(
    f'Process {process_id} of {num_processes} waits for the others at '
    f'{coordinator}, {MEETING_SECONDS} seconds at most.',
    flush=True,
  )
  ctypes.CDLL(None).signal(signal.SIGABRT, _abort)
  with noticing(), _unheard_by_python():
    jax.distributed.initialize(
      coordinator,
      num_processes,
      process_id,
      initialization_timeout=MEETING_SECONDS,
      heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
      coordinator_bind_address=coordinator,
    )


def _check_address(coordinator, host, port):
  """Listens there for a moment: where JAX cannot, it says so by a crash."""
  try:
    found = socket.getaddrinfo(host.strip('[]'), port, type=socket.SOCK_STREAM)
    # IPv4 first: `localhost` may name an IPv6 address that nobody has.
    family, *_, address = min(found)
    with socket.socket(family) as listener:
      listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
      listener.bind(address)
  # UnicodeError: a name that is none, such as one with two dots in a row.
  except (OSError, UnicodeError) as error:
    reason = getattr(error, 'strerror', error)
    if getattr(error, 'errno', None) == errno.EADDRINUSE:
      raise errors.TryAgain(
        f'--coordinator={coordinator}: {reason}.'
      ) from error
    raise errors.UserError(
      f'--coordinator={coordinator}: process 0 cannot listen there ({reason}). '
      'Name an address of its own machine and a free port.'
    ) from error


@contextlib.contextmanager
def _unheard_by_python():
  """Within, Ctrl-C ends the process: Python would hear it only afterwards."""
  before = signal.signal(signal.SIGINT, signal.SIG_DFL)
  try:
    yield
  finally:
    signal.signal(signal.SIGINT, before)


@ctypes.CFUNCTYPE(None, ctypes.c_int)
def _abort(signum):
  """Handles SIGABRT in the thread that aborts; Python's own would be late."""
  del signum
  os.write(2, f'try again: {_LOST}\n'.encode())
  os._exit(75)


def directory(path: pathlib.Path, process_id: int) -> pathlib.Path:
  """Where a process writes: into the run's directory, or a run in it.

  So no two write to one file, and none needs the disk of another.

  >>> directory(pathlib.Path('mine'), 1).as_posix()
  'mine/processes/1'
  """
  return path / 'processes' / str(process_id) if process_id else path


def agree(value: Any) -> list[Any]:
  """What every process says, in their order; each must ask at once.

  Args:
    value: of this process: what JSON can hold, in at most 256 bytes.

  Raises:
    TryAgain: a process was lost.

  >>> agree({'stop': None})
  [{'stop': None}]
  """
  if jax.process_count() == 1:
    return [value]
  from jax.experimental import multihost_utils

  said = json.dumps(value).encode().ljust(_SIZE)
  if len(said) > _SIZE:
    raise ValueError(f'expected at most {_SIZE} bytes, got {len(said)}.')
  with noticing():
    found = multihost_utils.process_allgather(np.frombuffer(said, np.uint8))
  return [json.loads(row.tobytes()) for row in found]


def check_alike(**settings: Any) -> None:
  """Sees that all train the same; each must ask at once.

  Args:
    **settings: of this process, as of `agree`.

  Raises:
    UserError: another process has another value.

  >>> check_alike(steps=100)
  """
  first, *others = agree(settings)
  for process_id, other in enumerate(others, start=1):
    for name, value in first.items():
      if other[name] != value:
        raise errors.UserError(
          f'The processes do not train the same: {name} is {value} in process '
          f'0, and {other[name]} in process {process_id}. Start each with the '
          'same flags, but for --process_id, and the same data.'
        )


def restore(
  checkpoints, template: Any, made: int = 0
) -> tuple[int, Any] | None:
  """The newest step that every process has; what is newer is then removed.

  Args:
    checkpoints: `checkpoints.Checkpoints` of this process.
    template: as it takes it.
    made: the last update in the log of this process.

  Returns:
    As `Checkpoints.restore`. None, too, where a process was killed in its first
    save: its log has the only step that the others have saved.

  Raises:
    UserError: the processes have no step in common. Nothing is removed.
  """
  restored = checkpoints.restore(template)
  if jax.process_count() == 1:
    return restored
  while True:
    said = agree({'steps': checkpoints.steps(), 'made': made})
    steps = [x['steps'] for x in said]
    step = max(set.intersection(*map(set, steps)), default=None)
    any_has = set().union(*steps)
    in_first_save = len(any_has) < 2 and all(
      x['made'] >= max(any_has, default=0) for x in said
    )
    if step is None and not in_first_save:
      raise errors.UserError(
        'The processes have no checkpoint in common: '
        + '; '.join(
          f'process {k} has {", ".join(map(str, x)) or "none"}'
          for k, x in enumerate(steps)
        )
        + '. Copy `checkpoints` of one process to the others, or choose '
        'another --workdir.'
      )
    if step is None:
      checkpoints.discard_after(-1)
      return None
    if restored[0] != step:
      restored = checkpoints.restore(template, newest=step)
    # A step that was damaged has been set aside, and is none of any more.
    if set(agree(restored and restored[0])) == {step}:
      checkpoints.discard_after(step)
      return restored


@contextlib.contextmanager
def noticing() -> Iterator[None]:
  """Within, what a lost process does to this one is `TryAgain`."""
  try:
    yield
  except (RuntimeError, ValueError) as error:
    if any(sign in str(error).lower() for sign in _SIGNS):
      raise errors.TryAgain(_LOST) from error
    raise


@contextlib.contextmanager
def parting() -> Iterator[None]:
  """Within, a process that fails does not wait for the others, as JAX would."""
  try:
    yield
  except SystemExit as end:
    if end.code and jax.distributed.is_initialized():
      sys.stdout.flush()
      os._exit(end.code)
    raise
