"""Trials on this machine, by worker processes that live through the sweep."""

import contextlib
import dataclasses
import importlib.metadata
import importlib.util
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from seqjax import bond
from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials

# How long, in seconds, workers may take to save what is under way.
_GRACE = 60
# What workers say that belongs to no trial, in the directory of the sweep.
STDERR = 'workers.txt'


class Local:
  """Worker processes, each on a core of its own.

  Args:
    job: what all trials have in common.
    workers: how many; 0 means one per core, or one for all accelerators.
  """

  def __init__(self, job: engines.Job, workers: int = 0):
    self._job = job
    self._said = queue.SimpleQueue()
    self._workers = []  # They begin when there is something to do.
    self._on_cpu = not has_accelerator()
    self._places = workers or (len(_cores()) if self._on_cpu else 1)

  def __enter__(self):
    return self

  def __exit__(self, *error):
    if busy := sum(bool(worker.group) for worker in self._workers):
      print(
        f'Stopping; what is under way is saved by {busy} of the workers.',
        file=sys.stderr,
      )
    for worker in self._workers:
      worker.stop()
    end = time.monotonic() + _GRACE
    for worker in self._workers:
      try:
        worker.process.wait(max(end - time.monotonic(), 0))
      except subprocess.TimeoutExpired:
        worker.process.kill()
        worker.process.wait()
      worker.close()

  def free(self) -> int:
    busy = sum(bool(worker.group) for worker in self._workers)
    return self._places - busy

  def submit(self, group: Sequence[trials.Trial]) -> None:
    free = [worker for worker in self._workers if not worker.group]
    # One that has compiled the program, if it is free.
    same = [w for w in free if w.program == group[0].program]
    if not same and len(self._workers) < self._places:
      same = [_Worker(self._job, self._said, self._free_core())]
      self._workers += same
    (same or free)[0].submit(group)

  def wait(self) -> list[tuple[trials.Trial, trials.Outcome]]:
    try:
      worker, message = self._said.get(timeout=1)
    except queue.Empty:
      return []
    if message is None:
      code = worker.process.wait()
      words = f'its worker ended ({code}); {STDERR} may say more'
      lost = trials.Outcome('lost', {}, 0.0, words)
      worker.close()
      self._workers.remove(worker)
      return [(trial, lost) for trial in worker.group.values()]
    trial = worker.group.pop(tuple(message['key']))
    return [(trial, trials.Outcome(**message['outcome']))]

  def _free_core(self) -> int | None:
    """One that no worker has; None where all are taken, or computed on."""
    taken = {worker.core for worker in self._workers}
    left = [core for core in _cores() if core not in taken]
    return left[0] if self._on_cpu and left else None


class _Worker:
  """A process that runs groups of trials.

  Attributes:
    process: of `seqjax.sweeps.worker`.
    group: the trials that it has not ended yet, by key.
    program: what it has compiled last.
    core: that it stays on; two workers that are free to move take longer.
  """

  def __init__(self, job: engines.Job, said: queue.SimpleQueue, core=None):
    self.core = core
    content = dataclasses.asdict(job) | {'directory': str(job.directory)}
    # As this process was started: a folder of the caller's is no package.
    safe = ['-P'] if sys.flags.safe_path else []
    module = ['-m', 'seqjax.sweeps.worker', json.dumps(content)]
    if core is not None and sys.platform == 'linux':
      module.append(str(core))
    with open(job.directory / STDERR, 'a') as stderr:
      self.process = subprocess.Popen(
        bond.command([sys.executable, *safe, *module]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        start_new_session=True,  # A Ctrl-C reaches it through this process.
      )
    self.group = {}
    self.program = None
    threading.Thread(target=self._listen, args=[said], daemon=True).start()

  def submit(self, group: Sequence[trials.Trial]) -> None:
    self.group = {trial.key: trial for trial in group}
    self.program = group[0].program
    line = json.dumps([dataclasses.asdict(trial) for trial in group])
    with contextlib.suppress(BrokenPipeError):  # The thread hears that it died.
      self.process.stdin.write(line + '\n')
      self.process.stdin.flush()

  def stop(self) -> None:
    """Lets it end, what is under way saved."""
    if self.group:
      self.process.terminate()
    with contextlib.suppress(BrokenPipeError):
      self.process.stdin.close()

  def close(self) -> None:
    """Closes the pipes of a process that has ended."""
    for pipe in (self.process.stdin, self.process.stdout):
      with contextlib.suppress(BrokenPipeError):
        pipe.close()

  def _listen(self, said):
    for line in self.process.stdout:
      if line.endswith('\n'):  # Else a kill has cut it.
        said.put((self, json.loads(line)))
    said.put((self, None))


def has_accelerator() -> bool:
  """Whether JAX computes on anything but the CPU here.

  A process of its own is asked, because the first use of an accelerator takes
  its memory; none, where no plugin is installed that could serve one.
  """
  if os.environ.get('JAX_PLATFORMS') == 'cpu':
    return False
  if not (
    importlib.metadata.entry_points(group='jax_plugins')
    or any(map(importlib.util.find_spec, ('jax_plugins', 'libtpu')))
  ):
    return False
  ask = 'import jax; print(jax.default_backend())'
  command = [sys.executable, '-c', ask]
  asked = subprocess.run(command, stdout=subprocess.PIPE, text=True)
  return asked.returncode == 0 and asked.stdout.split()[-1] != 'cpu'


def _cores() -> Sequence[int]:
  if hasattr(os, 'sched_getaffinity'):
    return sorted(os.sched_getaffinity(0))
  return range(os.cpu_count() or 1)
