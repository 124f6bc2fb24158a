"""Successive halving: all trials a little way, the best of them further."""

import dataclasses
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from seqjax import errors
from seqjax.sweeps import scores
from seqjax.sweeps import trial as trials

ETA = 3  # Of so many trials one goes on, and so many times as far.


@dataclasses.dataclass(frozen=True)
class Cost:
  """What halving takes, at most: trials that go bad leave places empty.

  Attributes:
    trials: how many train to each rung, the first rung first.
    updates: of all of them; none is trained twice.
  """

  trials: tuple[int, ...]
  updates: int


def rungs(steps: int, eta: int = ETA, least: int = 100) -> tuple[int, ...]:
  """Updates at which trials are compared: [.., steps/9, steps/3, steps].

  Args:
    steps: updates of a trial that reaches the end.
    eta: how many times as far each rung is; at least 2.
    least: updates below which no rung lies, but for `steps`.

  Raises:
    UserError: `eta` is less than 2.

  >>> rungs(1000), rungs(90), rungs(90, least=30)
  ((111, 333, 1000), (90,), (30, 90))
  """
  _check(eta)
  found = [steps]
  while found[0] // eta >= max(least, 1):
    found.insert(0, found[0] // eta)
  return tuple(found)


def cost(count: int, rungs: Sequence[int], eta: int = ETA) -> Cost:
  """What halving of so many trials takes.

  >>> cost(27, (100, 300, 900))
  Cost(trials=(27, 9, 3), updates=6300)
  """
  counts = [count]
  for _ in rungs[1:]:
    counts.append(_promoted(counts[-1], eta))
  further = (end - begin for begin, end in itertools.pairwise((0, *rungs)))
  return Cost(tuple(counts), sum(map(operator.mul, counts, further)))


class Halving:
  """Trains all trials to the first rung, the best of each rung to the next.

  A trial goes on in its own run directory, by a greater --steps. A rung begins
  when all of the last one have ended, so what goes on does not depend on which
  trial ended first, and a sweep that goes on asks for the same. Ties go to the
  trial that was asked for first. What has no finite metric goes nowhere.

  Args:
    settings: of each trial. Settings of one run make one trial.
    make_trial: the trial of some settings.
    metric: its name in the outcomes, such as 'valid/accuracy'.
    higher_is_better: as of an accuracy; else as of a loss.
    rungs: updates at which trials are compared, ascending, as from `rungs`.
    eta: one of so many goes on, one at least; at least 2.

  Raises:
    UserError: settings say another --steps than the last rung, or a run of
      more steps is another run.

  Source: Jamieson and Talwalkar (2016), after Karnin, Koren and Somekh (2013),
    who let one half go on; `eta` is of Li et al. (2017), Hyperband.

  Example:
    >>> make = lambda x: trials.Trial(f's{x["seed"]}', x, '', x['steps'])
    >>> both = {'seed': 0}, {'seed': 1}
    >>> search = Halving(both, make, 'loss', False, (3, 9))
    >>> for trial, loss in zip((search.ask(), search.ask()), (5, 4)):
    ...   search.tell(trial, trials.Outcome('done', {'loss': loss}, 1.0))
    >>> search.ask().key
    ('s1', 9)
  """

  def __init__(
    self,
    settings: Iterable[Mapping[str, Any]],
    make_trial: Callable[[Mapping[str, Any]], trials.Trial],
    metric: str,
    higher_is_better: bool,
    rungs: Sequence[int],
    eta: int = ETA,
  ):
    _check(eta)
    self._make_trial, self._eta = make_trial, eta
    self._metric, self._sign = metric, -1 if higher_is_better else 1
    self._rungs = list(rungs)  # Those to come.
    self._begin([self._checked(each) for each in settings])

  def ask(self) -> trials.Trial | None:
    if self._rungs and len(self._scores) == len(self._rung):
      self._begin(self._best())
    return next(self._waiting, None)

  def tell(self, trial: trials.Trial, outcome: trials.Outcome) -> None:
    self._scores[trial.name] = scores.score(outcome, self._metric)

  def _begin(self, members: Iterable[Mapping[str, Any]]) -> None:
    """Lets these settings, the first to be asked for first, wait for a rung."""
    steps = self._rungs.pop(0)
    rung = (self._make_trial({**each, 'steps': steps}) for each in members)
    self._rung = {trial.name: trial for trial in rung}
    self._scores = {}
    self._waiting = iter(self._rung.values())

  def _best(self) -> list[Mapping[str, Any]]:
    """The settings that go on, best first."""
    finite = [x for x in self._rung if math.isfinite(self._scores[x])]
    finite.sort(key=lambda x: self._sign * self._scores[x])
    count = _promoted(len(self._rung), self._eta)
    return [self._rung[x].settings for x in finite[:count]]

  def _checked(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
    low, high = self._rungs[0], self._rungs[-1]
    if settings.get('steps', high) != high:
      raise errors.UserError(
        f'halving itself says how far a trial goes, up to --steps={high}, and '
        f'one says --steps={settings["steps"]}. Give --steps once, as a flag.'
      )
    names = [
      self._make_trial({**settings, 'steps': x}).name for x in (low, high)
    ]
    if len(set(names)) > 1:
      raise errors.UserError(
        'halving lets the best trials go on by more --steps, and here more '
        f'steps are another run: {names[0]} of {low}, {names[1]} of {high}. '
        'Expected --schedule=constant.'
      )
    return settings


def _promoted(count: int, eta: int) -> int:
  """How many of a rung go on: one at least, of any."""
  return min(count, max(1, count // eta))


def _check(eta: int) -> None:
  if eta < 2:
    raise errors.UserError(
      f'--eta={eta}: expected at least 2: one of so many trials goes on.'
    )
