"""sweep.jsonl: which trials have ended, and how. Each has one line.

A line is durable before anything follows from it, so that a trial counts once
however often the sweep is killed. sweep.json beside it says of which space.
"""

import json
import math
import pathlib
import shlex
from collections.abc import Mapping
from typing import Any

from seqjax import errors, files
from seqjax.experiment import fields, json_file
from seqjax.sweeps import trial as trials
from seqjax.training import logs

NAME = 'sweep.jsonl'
# What a line has beside the metrics, whose names have a '/'.
_OWN = 'trial', 'status', 'seconds', 'error', 'flags'


class Record:
  """The outcomes of a sweep, as far as it has come; a context manager.

  Args:
    directory: of the sweep, which exists and is locked.
    space: names the sweep: JSON of all that decides which trials there are.
    retry: forget the trials that failed, so that they are run again.

  Raises:
    UserError: the directory holds another sweep, of trials that are not in
      this space, or a file is damaged.
  """

  def __init__(
    self,
    directory: pathlib.Path,
    space: Mapping[str, Any],
    *,
    retry: bool = False,
  ):
    _check(directory, space)
    path = directory / NAME
    lines = logs.read_metrics(path) if path.exists() else []
    if retry and any(x.get('status') == 'failed' for x in lines):
      lines = [x for x in lines if x.get('status') != 'failed']
      rows = [{k: logs.encode(x) for k, x in line.items()} for line in lines]
      files.atomic_write(path, ''.join(f'{json.dumps(x)}\n' for x in rows))
    self._outcomes, self._flags = {}, {}
    for number, line in enumerate(lines, start=1):
      try:
        key, flags, outcome = _parse(line)
      except (KeyError, TypeError) as error:
        raise errors.UserError(
          f'{path}, line {number}: expected a trial that has ended ({error}). '
          'Remove that line; its trial is run again.'
        ) from None
      if key in self._outcomes:
        raise errors.UserError(
          f'{path}, line {number}: {key[0]} is there twice. Remove one.'
        )
      self._outcomes[key], self._flags[key] = outcome, flags
    self._log = logs.TimingLog(path)

  def __enter__(self):
    return self

  def __exit__(self, *error):
    self._log.close()

  def __len__(self) -> int:
    return len(self._outcomes)

  def settings(self) -> list[str]:
    """What was tried so far, in the order in which it ended, as flags."""
    return list(self._flags.values())

  def get(self, trial: trials.Trial) -> trials.Outcome | None:
    """How a trial has ended; None if it has not."""
    return self._outcomes.get(trial.key)

  def add(self, trial: trials.Trial, outcome: trials.Outcome) -> None:
    """Takes down how a trial ended, durably.

    Raises:
      ValueError: it has ended before.
    """
    if trial.key in self._outcomes:
      raise ValueError(f'{trial.name}: ended before.')
    self._log.write(
      trial.steps,
      {
        'trial': trial.name,
        'status': outcome.status,
        'seconds': round(outcome.seconds, 3),
        'error': outcome.error,
        'flags': flags(trial.settings),
        **outcome.metrics,
      },
    )
    self._log.sync()
    self._outcomes[trial.key] = outcome


def flags(settings: Mapping[str, Any]) -> str:
  """Settings as a person types them.

  >>> flags({'seed': 1, 'hidden_sizes': (64, 32)})
  '--seed=1 --hidden_sizes=64,32'
  """
  return shlex.join(f'--{k}={fields.shown(x)}' for k, x in settings.items())


def _parse(line) -> tuple[tuple[str, int], str, trials.Outcome]:
  """The key, the flags and the outcome of a line."""
  own = {name: line[name] for name in _OWN}
  for name, x in own.items():
    if not isinstance(x, int | float if name == 'seconds' else str):
      raise TypeError(f'{name} is {x!r}')
  if own['status'] not in trials.STATUSES or not math.isfinite(own['seconds']):
    raise KeyError('a status and seconds')
  metrics = {k: x for k, x in line.items() if k not in (*_OWN, 'step')}
  outcome = trials.Outcome(own['status'], metrics, own['seconds'], own['error'])
  return (own['trial'], line['step']), own['flags'], outcome


def _check(directory, space) -> None:
  path = directory / 'sweep.json'
  found = json_file.read(path)
  if found is None:
    if (directory / 'config.json').exists():
      raise errors.UserError(
        f'{directory} holds a run, not a sweep. Choose another --workdir.'
      )
    json_file.write(path, space)
    return
  if found == space:
    return
  if _is_wider(space, found):
    json_file.write(path, space)
    return
  there, here = _flat(found), _flat(space)
  changed = [
    f'{name}: {there.get(name, "none")} there, {here.get(name, "none")} here'
    for name in {**there, **here}
    if there.get(name) != here.get(name)
  ]
  if changed:
    raise errors.UserError(
      f'{directory} holds a sweep over another space ({"; ".join(changed)}). '
      'Repeat its command, or choose another --workdir. Only longer lists and '
      'more --trials go on with it.'
    )


def _flat(space) -> dict[str, Any]:
  """A grid by its name: what a person would type."""
  grids = space.get('grid', {})
  grids = {f'--grid={name}': ','.join(map(str, x)) for name, x in grids.items()}
  return {k: x for k, x in space.items() if k != 'grid'} | grids


def _is_wider(space, found) -> bool:
  """Whether every trial of the space found is one of this space."""
  grids = [x.get('grid', {}) for x in (space, found)]
  if space['search'] != 'all' or list(grids[0]) != list(grids[1]):
    return False
  there = all(set(grids[1][name]) <= set(grids[0][name]) for name in grids[0])
  more = space.get('trials', 1) >= found.get('trials', 1)
  others = [
    {k: v for k, v in x.items() if k not in ('grid', 'trials')}
    for x in (space, found)
  ]
  return there and more and others[0] == others[1]
