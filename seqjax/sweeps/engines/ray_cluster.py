"""Ray: trials on the nodes of a cluster.

Whoever reaches a port of Ray runs programs of his own with it. Without an
address it is one of this machine alone: it listens on loopback, and asks for
the token in ~/.ray.
"""

import collections
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

from seqjax import errors
from seqjax.sweeps import engines, worker
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import groups

# Seconds until an address that is silent is given up.
ANSWER_SECONDS = 10
# Seconds in which Ray connects, on a machine that has other things to do.
CONNECT_SECONDS = 60
# Seconds without a single place before the sweep ends: new nodes take minutes.
PATIENCE = 600
_QUIET = {
  'include_dashboard': False,
  'log_to_driver': False,
  'configure_logging': False,
}


class Ray:
  """Trials in actors of a Ray cluster: one a place, each with what it compiled.

  An actor has one thread to compute in, or one GPU where the cluster has some.
  What a node takes down with it ends as lost, and its places are made anew
  where there is room, or as soon as there is.

  Args:
    job: of the sweep; its directory is the same one on every node.
    address: host:port of the head node; none starts Ray on this machine alone.
    places: groups of trials at a time; 0 is as many as the cluster has.
  """

  def __init__(self, job: engines.Job, address: str = '', places: int = 0):
    self._job, self._address, self._places = job, address, places
    self._waiting = collections.deque()  # groups
    self._idle = []  # (actor, the program that it has compiled last)
    # What an actor was asked last, and of which group; () asks if it is there.
    self._asked = {}
    self._failures = 0  # of actors in a row, to start
    self._alive = time.monotonic()

  def __enter__(self):
    """Connects, and asks for the places.

    Raises:
      UserError: there is no Ray here or at the address, or it has no place.
    """
    self._ray = library(self._address)
    if self._address:
      _check(self._address)
      self._ray.init(self._address, **_QUIET)
    else:
      cores = self._places or len(os.sched_getaffinity(0))
      self._ray.init('local', num_cpus=cores, **_QUIET)
    has = self._ray.cluster_resources()
    on_cpu = os.environ.get('JAX_PLATFORMS') == 'cpu' or not has.get('GPU')
    self._places = self._places or int(has.get('CPU' if on_cpu else 'GPU', 0))
    if not self._places:
      self._ray.shutdown()
      raise errors.UserError(
        f'The cluster at {self._address} has no core to offer. Start a node '
        'with some: ray start --address=..., without --num-cpus=0.'
      )
    environment = {
      name: value
      for name, value in os.environ.items()
      if name == 'PYTHONPATH' or name.startswith(('JAX_', 'XLA_'))
    } | (_one_thread() if on_cpu else {})
    self._actor = self._ray.remote(_Place).options(
      num_cpus=1,
      num_gpus=0 if on_cpu else 1,
      runtime_env={'env_vars': environment},
    )
    for _ in range(self._places):
      self._make_place()
    return self

  def __exit__(self, *_):
    self._ray.shutdown()

  def free(self) -> int:
    under_way = [group for _, group in self._asked.values() if group]
    return max(0, self._places - len(self._waiting) - len(under_way))

  def submit(self, group: Sequence[trials.Trial]) -> None:
    self._waiting.append(tuple(group))
    self._give()

  def wait(self) -> groups.Ended:
    """As of `engines.Engine`.

    Raises:
      TryAgain: there has been no place for ten minutes, or places end as soon
        as they begin.
    """
    ended = []
    if self._asked:
      answered, _ = self._ray.wait(list(self._asked), timeout=1)
      for answer in answered:
        ended += self._read(answer)
    self._give()
    self._check_alive()
    return ended

  def _read(self, answer) -> groups.Ended:
    actor, group = self._asked.pop(answer)
    try:
      ended, why = self._ray.get(answer), 'its worker did not report it'
    except self._ray.exceptions.RayError as error:
      ended, why = [], _last_line(error)
      # It may hang and hold its core.
      self._ray.kill(actor)
      self._count_failure(group, why)
      self._make_place()
      # Others may have gone with it: are they there?
      while self._idle:
        self._ask(self._idle.pop()[0])
    else:
      self._failures = 0
      self._idle.append((actor, group[0].program if group else None))
    return groups.complete(group, ended, why)

  def _give(self) -> None:
    while self._waiting and self._idle:
      group = self._waiting.popleft()
      # One that has compiled the program, if it is idle.
      place = min(self._idle, key=lambda place: place[1] != group[0].program)
      self._idle.remove(place)
      actor, _ = place
      answer = actor.run.remote(worker.run, self._job, group)
      self._asked[answer] = actor, group

  def _make_place(self) -> None:
    self._ask(self._actor.remote(os.getcwd(), sys.path))

  def _ask(self, actor) -> None:
    self._asked[actor.is_there.remote()] = actor, ()

  def _count_failure(self, group, why) -> None:
    self._failures += not group
    # A node that goes may take all of them, once.
    if self._failures > 2 * self._places + 3:
      raise errors.TryAgain(
        f'The workers of Ray end as they begin: {why}. All nodes need the same '
        'Python with seqjax, and this folder.'
      )

  def _check_alive(self) -> None:
    if self._idle or any(group for _, group in self._asked.values()):
      self._alive = time.monotonic()
    elif time.monotonic() - self._alive > PATIENCE:
      raise errors.TryAgain(
        f'The cluster has had no place for {PATIENCE} s: its nodes are '
        'gone or busy. The same command goes on.'
      )


class _Place:
  """An actor: runs one group after another."""

  def __init__(self, folder: str, path: Sequence[str]):
    os.chdir(folder)
    # Ray puts the folder first, and it may hold modules of the same names.
    sys.path[:] = [*path, *sys.path]

  def is_there(self):
    return []

  def run(self, run, job, group):
    return groups.run(run, job, group)


def library(address: str):
  """The package ray, which not everybody needs.

  Args:
    address: as of `Ray`.

  Raises:
    UserError: it is missing.
  """
  # Read when it is imported.
  os.environ.setdefault('RAY_USAGE_STATS_ENABLED', '0')
  if not address:
    os.environ.setdefault('RAY_AUTH_MODE', 'token')
    # Says that nodes do not meet, by which Ray means: listen on loopback.
    os.environ.setdefault('RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER', '0')
  try:
    import ray
  except ImportError as error:
    raise errors.UserError(
      f"--engine=ray needs the package ray ({error}): pip install 'seqjax[ray]'"
      ', or begin with SEQJAX_EXTRAS=ray ./launch.sh.'
    ) from error
  return ray


def _check(address: str) -> None:
  """Refuses an address that is none of Ray.

  Ray itself would try for minutes, and then end the process.
  """
  host, _, port = address.rpartition(':')
  if not host or not port.isdecimal():
    raise errors.UserError(
      f'--address={address}: expected host:port, as `ray start --head` prints.'
    )
  try:
    socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
  except OSError as error:
    raise errors.UserError(
      f'--address={address} does not answer ({error}). Start Ray there with '
      f'`ray start --head --port={port} --include-dashboard=false`, or leave '
      '--address out.'
    ) from None
  try:
    subprocess.run(
      [sys.executable, '-c', 'import ray, sys; ray.init(sys.argv[1])', address],
      check=True,
      capture_output=True,
      text=True,
      timeout=CONNECT_SECONDS,
    )
  except subprocess.TimeoutExpired:
    raise errors.UserError(
      f'--address={address} answers, but not as Ray does. Expected the port of '
      '`ray start --head`, which is 6379 by default.'
    ) from None
  except subprocess.CalledProcessError as error:
    raise errors.UserError(
      f'--address={address}: Ray refused us ({_last_line(error.stderr)}). It '
      'needs the same version of Python and Ray here and there, and its token.'
    ) from None


def _last_line(text) -> str:
  return (str(text).strip().splitlines() or ['no reason given'])[-1].strip()


def _one_thread() -> dict[str, str]:
  """What keeps places of a node out of each other's way."""
  flags = os.environ.get('XLA_FLAGS', '')
  return {
    'XLA_FLAGS': f'{flags} --xla_cpu_multi_thread_eigen=false'.strip(),
    'OMP_NUM_THREADS': '1',
    'OPENBLAS_NUM_THREADS': '1',
  }
