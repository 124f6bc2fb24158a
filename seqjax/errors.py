"""What can end a run, and how: `experiment.main` gives each its exit code."""

import difflib
import signal
from collections.abc import Iterable


class UserError(ValueError):
  """Something the user can mend: a flag, a file, a full disk. Exit code 1.

  The message is one sentence or two: what was expected, what came, what to do.
  """


class InUse(UserError):
  """Another process writes there; it may end by itself. Exit code 1."""


class GaveUp(RuntimeError):
  """Numbers stayed non-finite after every roll-back. Exit code 3."""


class TryAgain(RuntimeError):
  """The cause lies outside and may pass: a lost peer, no network. Exit 75."""


class Stopped(BaseException):
  """A signal asked the run to stop, and the run has saved. Exit 128 + signal.

  No Exception, as KeyboardInterrupt is none: it may be raised anywhere, and no
  handler of other errors should take it for one of them.

  Args:
    signum: the signal's number: 15 for SIGTERM (exit 143), 2 for SIGINT (130).
  """

  def __init__(self, signum: int):
    super().__init__(f'stopped by signal {signum}')
    self.signum = signum

  def sentence(self) -> str:
    """What a person is told.

    >>> Stopped(15).sentence()
    'stopped by SIGTERM; the same command goes on from here.'
    """
    name = signal.Signals(self.signum).name
    return f'stopped by {name}; the same command goes on from here.'


def unknown(what: str, name: str, known: Iterable[str]) -> UserError:
  """The error for a name that is not among those known, with a guess.

  Example:
    >>> print(unknown('cell', 'ltsm', ['elman', 'gru', 'lstm']))
    Unknown cell 'ltsm'. Did you mean 'lstm'? Known: elman, gru, lstm.
  """
  known = sorted(known)
  close = difflib.get_close_matches(str(name), known, n=1)
  guess = f' Did you mean {close[0]!r}?' if close else ''
  return UserError(
    f'Unknown {what} {name!r}.{guess} Known: {", ".join(known)}.'
  )
