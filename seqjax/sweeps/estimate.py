"""How long a sweep will take, from the first updates of its first trials."""

import pathlib
import time
from collections.abc import Callable, Iterable

from seqjax.sweeps import trial as trials
from seqjax.training import logs

# Updates of all trials together, and seconds, that an estimate rests on.
_UPDATES = 20
_SECONDS = 3


class Estimate:
  """Watches metrics.jsonl of the trials under way until it knows their speed.

  Args:
    directory: of the sweep.
    updates: of all trials that are still to be run.
    clock: seconds since any moment.
  """

  def __init__(
    self,
    directory: pathlib.Path,
    updates: int,
    clock: Callable[[], float] = time.monotonic,
  ):
    self._directory, self._updates, self._clock = directory, updates, clock
    self._first = {}  # name -> (seconds, step) when it was first seen training

  def look(self, under_way: Iterable[trials.Trial]) -> float | None:
    """The seconds of the whole, without evaluations; None while unknown."""
    now, speed, made = self._clock(), 0.0, 0
    for trial in under_way:
      step = self._step(trial.name)
      if step is None:
        continue
      began, first = self._first.setdefault(trial.name, (now, step))
      made += step - first
      if now > began:
        speed += (step - first) / (now - began)
    since = min((began for began, _ in self._first.values()), default=now)
    if made < _UPDATES or now - since < _SECONDS:
      return None
    return self._updates / speed

  def _step(self, name) -> int | None:
    """The last update of a trial; None before its first."""
    path = self._directory / name / 'metrics.jsonl'
    lines = logs.read_metrics(path) if path.exists() else []
    return lines[-1]['step'] or None if lines else None
