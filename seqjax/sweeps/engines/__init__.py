"""Where trials are run."""

import dataclasses
import pathlib
from collections.abc import Sequence
from typing import Protocol

from seqjax.sweeps import trial as trials


@dataclasses.dataclass(frozen=True)
class Job:
  """What all trials of a sweep have in common.

  Attributes:
    experiment: the module's name, as in 'char_lm'.
    directory: of the sweep, absolute: a trial's is the folder of its name.
    form: how trials that share a program are run by one worker: 'sequential',
      'vmap', or 'auto': 'vmap' on an accelerator.
  """

  experiment: str
  directory: pathlib.Path
  form: str = 'auto'


class Engine(Protocol):
  """Runs trials somewhere, several at a time; a context manager.

  It is made with a `Job`. Leaving the context stops what is under way: what
  has been saved stays, and the same sweep takes it up again.
  """

  def free(self) -> int:
    """How many groups of trials would be begun at once, were they given."""

  def submit(self, group: Sequence[trials.Trial]) -> None:
    """Begins trials that share a program, on one worker."""

  def wait(self) -> list[tuple[trials.Trial, trials.Outcome]]:
    """Waits, for a second at most, for trials to end; may give none.

    A trial whose worker died ends as 'lost', once for each submission.
    """
