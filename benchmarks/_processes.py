"""Two processes that train as one: does the run outlive either of them?

A pair on this machine, each process under its supervisor, is left alone.
Another is trained while one of the two, drawn anew each time, is killed at
random instants; then the result of one is removed, as if it had been killed
just before the end, and both are started once more. Whatever both processes
wrote, and the last state of both, must be those of the unbroken pair.

The longest stall is the greatest time between the lines of two steps. After a
kill it is the wait of the supervisor, which doubles each time up to a minute,
and a start of the program.
"""

import contextlib
import os
import pathlib
import random
import signal
import socket
import tempfile
import time

from benchmarks import _small_runs
from seqjax.training import processes

_NAME = 'char_lm'
_PATIENCE = 300  # seconds without a line after which a pair is given up
_KILLS = 10
_OF_ONE = 'processes', 'figures'  # Not what both have in common.


class Watch:
  """What is seen of a run by looking at its last line again and again.

  Attributes:
    step: of the last line.
    made: updates seen, those that were made again too.
    seen_at: when the last line was first seen, in seconds.
    longest_stall: greatest time between two lines, in seconds.

  Example:
    >>> watch = Watch(began=0.0)
    >>> for step, now in (1, 5.0), (1, 6.0), (4, 7.5), (3, 8.0), (4, 9.0):
    ...   watch.see(step, now)
    >>> watch.made, watch.longest_stall
    (5, 2.5)
  """

  def __init__(self, began: float):
    self.step = self.made = 0
    self.seen_at, self.longest_stall = began, 0.0

  def see(self, step: int, now: float) -> None:
    if step == self.step:
      return
    if self.made:  # Else it had yet to begin.
      self.longest_stall = max(self.longest_stall, now - self.seen_at)
    self.made += max(0, step - self.step)
    self.step, self.seen_at = step, now


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each pair, and what was wrong."""
  rng = random.Random(options.seed)
  rows, wrong = [], []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _small_runs.write_files(folder)
    whole, broken = (folder / x / _NAME for x in ('whole', 'broken'))
    cases = {
      'left alone': (whole, 0),
      'killed': (broken, 1 if options.short else _KILLS),
      'one killed at its end': (broken, 0),
    }
    for case, (workdir, kills) in cases.items():
      workdir.parent.mkdir(exist_ok=True)
      if (workdir / 'result.json').exists():
        (_folders(workdir)[rng.randrange(2)] / 'result.json').unlink()
      row, faults = _pair(workdir, kills, rng)
      faults += _differences(whole, workdir)
      rows.append({'pair': case, **row, 'wrong': len(faults)})
      wrong += [f'{case}: {fault}' for fault in faults]
      print(f'  {case}', flush=True)
  return rows, wrong


def _pair(workdir, kills, rng) -> tuple[dict, list[str]]:
  """Runs both processes to their end; the row, and what was wrong."""
  address = f'127.0.0.1:{_free_port()}'
  logs = [workdir.parent / f'stderr-{rank}' for rank in range(2)]
  wrong, killed = [], []
  with contextlib.ExitStack() as stack:
    pair = [
      _small_runs.start(
        _NAME,
        workdir,
        f'--coordinator={address}',
        '--num_processes=2',
        f'--process_id={rank}',
        restarts=2 * kills + 1,
        stderr=stack.enter_context(open(log, 'w')),
      )
      for rank, log in enumerate(logs)
    ]
    for process in pair:
      stack.callback(process.wait)
      stack.callback(process.kill)
    watch = Watch(time.monotonic())
    due = _due(watch, kills, rng)
    while any(process.poll() is None for process in pair):
      now = time.monotonic()
      watch.see(_small_runs.last_step(workdir), now)
      if now - watch.seen_at > _PATIENCE:
        wrong.append(f'no line in {_PATIENCE} s after step {watch.step}')
        break
      if len(killed) < kills and watch.made >= due:
        time.sleep(rng.uniform(0, 0.05))
        rank = rng.randrange(2)
        if _kill_child(pair[rank]):
          killed.append(rank)
          due = _due(watch, kills - len(killed), rng)
      time.sleep(0.005)
  said = [log.read_text() for log in logs]
  for rank, process in enumerate(pair):
    if process.returncode:
      wrong.append(f'{rank}: exit {process.returncode}: {said[rank][-300:]}')
  if len(killed) < kills:
    wrong.append(f'it ended after {len(killed)} of {kills} kills')
  return {
    'kills of 0': killed.count(0),
    'kills of 1': killed.count(1),
    'restarts': '+'.join(str(x.count(': restart ')) for x in said),
    'longest stall (s)': watch.longest_stall,
  }, wrong


def _due(watch, left, rng) -> float:
  """After how many updates to kill, such that all that are left may hit."""
  return watch.made + rng.uniform(
    1, (_small_runs.STEPS - watch.step) / (left + 1)
  )


def _kill_child(supervisor) -> bool:
  """Kills what is supervised; False where nothing is, just now."""
  pid = supervisor.pid
  try:
    path = pathlib.Path(f'/proc/{pid}/task/{pid}/children')
    (child,) = map(int, path.read_text().split())
    os.kill(child, signal.SIGKILL)
  except (FileNotFoundError, ProcessLookupError, ValueError):
    return False
  return True


def _folders(workdir) -> list[pathlib.Path]:
  """Where each process of a run writes."""
  return [processes.directory(workdir, rank) for rank in range(2)]


def _differences(whole, workdir) -> list[str]:
  """What is not as in the unbroken pair, or not the same in both processes."""
  wrong, found = [], []
  for rank, paths in enumerate(
    zip(_folders(whole), _folders(workdir), strict=True)
  ):
    expected, written = map(_small_runs.contents, paths)
    for name in _small_runs.differences(expected, written):
      wrong.append(f'{name} of process {rank} is not that of the unbroken pair')
    # A figure has the name of its folder in its title.
    found.append(
      {k: v for k, v in written.items() if k.split('/')[0] not in _OF_ONE}
    )
  for name in _small_runs.differences(*found):
    wrong.append(f'{name} is another in each process')
  steps = _small_runs.train_steps(workdir)
  if steps != list(range(1, _small_runs.STEPS + 1)):
    wrong.append(f'metrics.jsonl has {len(steps)} steps, or not in order')
  return wrong


def _free_port() -> int:
  with socket.socket() as free:
    free.bind(('127.0.0.1', 0))
    return free.getsockname()[1]
