"""Signals at random instants: does the run end where it should have?

Of every experiment one run is left alone. Another gets SIGKILLs and SIGTERMs at
random moments of its start, its steps, its evaluations and its saves, and after
each the same command again, until it has had all of them and may finish. Every
file that both wrote, and the SHA-256 of every array of the last state, must be
the same; no update may be logged twice or be missing. A SIGKILL costs at most
the updates between two saves, and those made while the second was written,
which in runs as small as these are as many; a SIGTERM costs none, and ends the
process with 143.
"""

import collections
import pathlib
import random
import re
import signal
import statistics
import subprocess
import tempfile
import time
from typing import NamedTuple

from benchmarks import _small_runs

# A signal hits the start of a program this often, else its steps and all after.
_IN_START = 0.25
_PATIENCE = 120  # seconds that a process may take to end
_GOES_ON = re.compile(r'^Going on from step ([\d,]+)\.$', re.MULTILINE)


class Hit(NamedTuple):
  """A signal that met a live process.

  Attributes:
    signum: which.
    phase: what it met: start, data, compile, step, evaluation, save or end.
    step: the last update that was logged when the process was gone.
    seconds: from the signal to the end of the process.
  """

  signum: int
  phase: str
  step: int
  seconds: float


class Loss(NamedTuple):
  """What a signal cost.

  Attributes:
    signum: which.
    steps: updates that were made again.
    in_save: how many of them were made while a save was written, which was
      lost with the process.
  """

  signum: int
  steps: int
  in_save: int


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each experiment, and what was wrong."""
  rng = random.Random(options.seed)
  names = list(_small_runs.EXPERIMENTS)[: 1 if options.short else None]
  rows, wrong, phases = [], [], collections.defaultdict(collections.Counter)
  terms = []
  with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    _small_runs.write_files(folder)
    for number, name in enumerate(names):
      due = [signal.SIGKILL] * _share(options.kills, number, len(names))
      due += [signal.SIGTERM] * _share(options.terms, number, len(names))
      rng.shuffle(due)
      row, hits, faults = _experiment(folder, name, due, rng)
      print(f'  {name}: {len(hits)} signals', flush=True)
      rows.append(row)
      wrong += [f'{name}: {fault}' for fault in faults]
      for hit in hits:
        phases[signal.Signals(hit.signum).name][hit.phase] += 1
      terms += [hit for hit in hits if hit.signum == signal.SIGTERM]
  for which, counts in sorted(phases.items()):
    counted = ', '.join(f'{phase} {n}' for phase, n in counts.most_common())
    print(f'{which} met: {counted}')
  if terms:
    slowest = max(terms, key=lambda hit: hit.seconds)
    median = statistics.median(hit.seconds for hit in terms)
    print(
      f'Seconds from SIGTERM to the exit: median {median:.2f}, greatest '
      f'{slowest.seconds:.2f} ({slowest.phase})'
    )
  return rows, wrong


def _share(total: int, number: int, of: int) -> int:
  """So many of the total fall to one of several.

  >>> [_share(5, number, 3) for number in range(3)]
  [2, 2, 1]
  """
  return total // of + (number < total % of)


def _experiment(folder, name, due, rng):
  """The row of an experiment, its hits, and what was wrong."""
  whole = folder / 'a' / name
  whole.parent.mkdir(exist_ok=True)
  starting = _small_runs.whole(name, whole)
  expected = _small_runs.contents(whole)
  wrong = _check_steps(whole)
  hits, losses, runs = [], [], 0
  while len(hits) < len(due):
    runs += 1
    # Folders of their own and one name, so that all write the same bytes.
    workdir = folder / f'b{runs}-{name}' / name
    workdir.parent.mkdir()
    wrong += _break(name, workdir, starting, due, hits, losses, rng)
    wrong += _check_steps(workdir)
    found = _small_runs.contents(workdir)
    for path in _small_runs.differences(expected, found):
      wrong.append(f'{path} is not that of the unbroken run')
  lost = [loss for loss in losses if loss.signum == signal.SIGKILL]
  row = {
    'experiment': name,
    'kills': sum(hit.signum == signal.SIGKILL for hit in hits),
    'terms': sum(hit.signum == signal.SIGTERM for hit in hits),
    'runs': runs,
    'files': len(expected),
    'save_every': _small_runs.CHECKPOINT_EVERY,
    'lost_median': statistics.median([x.steps for x in lost] or [0]),
    'lost_most': max([x.steps for x in lost], default=0),
    'in_save_most': max([x.in_save for x in lost], default=0),
    'lost_by_term': max(
      [x.steps for x in losses if x.signum == signal.SIGTERM], default=0
    ),
    'wrong': len(wrong),
  }
  return row, hits, wrong


def _break(name, workdir, starting, due, hits, losses, rng) -> list[str]:
  """Runs until it is done, with signals while there are some due."""
  wrong, pending = [], None
  log = workdir.parent / 'stdout'
  while True:
    hit, code = None, 0
    with (
      open(log, 'w') as out,
      _small_runs.start(
        name, workdir, stdout=out, stderr=subprocess.STDOUT
      ) as process,
    ):
      if len(hits) < len(due):
        _wait(workdir, process, starting, len(due) - len(hits), rng)
        hit = _send(due[len(hits)], process, workdir, log)
    said, code = log.read_text(), process.returncode
    resumed = _resumed(said)
    # A start that was hit before it went on lost nothing, and told nothing.
    if pending is not None and resumed is not None:
      loss = _loss(pending, resumed)
      losses.append(loss)
      wrong += _check_loss(pending, resumed, loss)
      pending = None
    if hit is None:
      return wrong + [f'exit {code}: {said[-300:]}'] * (code != 0)
    hits.append(hit)
    pending = pending or hit
    ends = {-signal.SIGKILL} if hit.signum == signal.SIGKILL else {143}
    # Before the program has heard of signals, or when all is done.
    if hit.phase in ('start', 'end'):
      ends |= {-hit.signum}
    if code not in ends:
      wrong.append(f'{hit.phase}: exit {code}: {said[-300:]}')


def _wait(workdir, process, starting, left, rng) -> None:
  """Until a random moment, such that all that are left may still hit."""
  if rng.random() < _IN_START:
    time.sleep(rng.uniform(0, 1.2 * starting))
    return
  last = _small_runs.last_step(workdir)
  far = (_small_runs.STEPS - last) / (left + 1)
  _small_runs.wait_for(workdir, last + rng.uniform(0, 2 * far), process)
  time.sleep(rng.choice((0, rng.uniform(0, 0.05))))


def _send(signum, process, workdir, log) -> Hit | None:
  """Sends a signal; None where the process had nothing left to stop."""
  phase = _phase(workdir, log.read_text())
  seconds = _small_runs.stop(process, signum, _PATIENCE)
  if process.wait() == 0:
    return None
  return Hit(signum, phase, _small_runs.last_step(workdir), seconds)


def _resumed(said: str) -> int | None:
  """The step that a start went on from; None where it did not come to it.

  >>> said = 'Going on from step 1,020.', 'step      0  valid/', 'Baselines: 3'
  >>> [_resumed(line) for line in said]
  [1020, 0, None]
  """
  if found := _GOES_ON.search(said):
    return int(found[1].replace(',', ''))
  if re.search(r'^already done', said, re.MULTILINE):
    return _small_runs.STEPS
  return 0 if re.search(r'^step +0 ', said, re.MULTILINE) else None


def _phase(workdir, said) -> str:
  """What a process does, as well as its lines and files tell."""
  if not said:
    return 'start'
  resumed = _resumed(said)
  if resumed is None:
    return 'data'
  if list(workdir.glob('checkpoints/*tmp*')):
    return 'save'
  step = _small_runs.last_step(workdir)
  if step == _small_runs.STEPS:
    return 'end'
  if step == resumed:
    return 'compile'
  return 'step' if step % _small_runs.EVAL_EVERY else 'evaluation'


def _loss(hit: Hit, resumed: int) -> Loss:
  # The save of the very step may wait for the one before, which is written.
  every = _small_runs.CHECKPOINT_EVERY
  newest_due = (hit.step - 1) // every * every
  in_save = hit.step - newest_due if resumed < newest_due else 0
  return Loss(hit.signum, hit.step - resumed, in_save)


def _check_loss(hit: Hit, resumed: int, loss: Loss) -> list[str]:
  name = signal.Signals(hit.signum).name
  limit = _small_runs.CHECKPOINT_EVERY + loss.in_save
  if hit.signum == signal.SIGTERM:
    limit = 0
  if 0 <= loss.steps <= limit:
    return []
  return [
    f'{name} ({hit.phase}) after step {hit.step}: went on from step {resumed}'
  ]


def _check_steps(workdir) -> list[str]:
  steps = _small_runs.train_steps(workdir)
  if steps == list(range(1, _small_runs.STEPS + 1)):
    return []
  twice = len(steps) - len(set(steps))
  missing = len(set(range(1, _small_runs.STEPS + 1)) - set(steps))
  return [f'{twice} steps twice and {missing} missing in metrics.jsonl']
