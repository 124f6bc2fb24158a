"""Which trial comes next."""

from collections.abc import Iterable
from typing import Protocol

from seqjax.sweeps import trial as trials


class Search(Protocol):
  """Chooses trials; its choice may depend on how others ended.

  A sweep that goes on asks anew from the start, and is told at once what is
  known of a trial that has ended before: the same search then asks for the
  same trials.
  """

  def ask(self) -> trials.Trial | None:
    """The next trial; None where none can be named before more is told.

    All is done when it gives None while no trial is under way.
    """

  def tell(self, trial: trials.Trial, outcome: trials.Outcome) -> None:
    """How a trial ended that was asked for; never 'lost'."""


class Listed:
  """Every trial of a list, in its order.

  >>> list(iter(Listed([1, 2]).ask, None))
  [1, 2]
  """

  def __init__(self, listed: Iterable[trials.Trial]):
    self._rest = iter(listed)

  def ask(self):
    return next(self._rest, None)

  def tell(self, trial, outcome):
    pass
