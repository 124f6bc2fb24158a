"""Trials that share a program, trained together by one process.

An experiment need not know of it. Each trial runs in a thread of its own, and
only one of them at a time, up to where it would train; the main thread trains
all who have come there together, and then each goes on with what is its own.
"""

import contextlib
import contextvars
import functools
import queue
import resource
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

from seqjax import errors
from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.training import loop, member, population

_output = contextvars.ContextVar('output', default=None)


def run(
  job: engines.Job,
  group: Sequence[trials.Trial],
  report: Callable[[trials.Trial, trials.Outcome], None],
  run_trial: Callable[..., trials.Outcome],
) -> None:
  """Runs trials to their ends; call it in the main thread, as signals ask.

  Args:
    job: what they have in common.
    group: the trials.
    report: is told of each as it ends.
    run_trial: (job, trial, output) -> outcome, which raises nothing but
      `errors.Stopped`. `output` is what `print_to` is.

  Raises:
    Stopped: a signal came; what was trained has been saved.
  """
  _allow_many_files()
  pairs = [
    (trial, _Thread(functools.partial(run_trial, job, trial, print_to)))
    for trial in group
  ]

  def go_on(trial, thread, answer=None):
    outcome = thread.go_on(answer)
    if outcome is not None:
      report(trial, outcome)

  with contextlib.redirect_stdout(_Stdout(sys.stdout)):
    try:
      for pair in pairs:
        go_on(*pair)
      # More than once, where an experiment trains several networks.
      while waiting := [pair for pair in pairs if pair[1].asked is not None]:
        asked = [thread.asked for _, thread in waiting]
        for places in population.groups(asked):
          answers = _train([asked[place] for place in places])
          for place, answer in zip(places, answers, strict=True):
            go_on(*waiting[place], answer)
    except errors.Stopped as stop:
      for _, thread in pairs:
        thread.stop(stop)
      raise


@contextlib.contextmanager
def print_to(file: IO[str]) -> Iterator[None]:
  """Within, what this trial prints goes to a file, whichever thread prints."""
  token = _output.set(file)
  try:
    yield
  finally:
    _output.reset(token)


def _train(asked: Sequence[member.Member]) -> list[Any]:
  """What `loop.fit` would return to each, or the error that it would raise."""
  try:
    if len(asked) == 1:
      return [asked[0].context.run(_train_alone, *asked[0][:2])]
    return population.fit(asked)
  except Exception as error:
    return [error] * len(asked)


def _train_alone(plan, directory):
  loop.stand_in.set(None)
  return loop.fit(plan, directory)


class _Thread:
  """A trial that runs until it would train, and then waits for an answer."""

  def __init__(self, act: Callable[[], trials.Outcome]):
    self.asked = None  # how it would be trained
    self._act = act
    self._answers = queue.SimpleQueue()
    self._said = queue.SimpleQueue()
    threading.Thread(target=self._live, daemon=True).start()

  def go_on(self, answer: Any) -> trials.Outcome | None:
    """Lets it run; its outcome, or None where it asks to be trained."""
    self.asked = None
    self._answers.put(answer)
    said = self._said.get()
    if isinstance(said, BaseException):
      raise said
    if isinstance(said, member.Member):
      self.asked, said = said, None
    return said

  def stop(self, stop: errors.Stopped) -> None:
    """Ends it, if it waits: what it holds is let go."""
    if self.asked is not None:
      with contextlib.suppress(errors.Stopped):
        self.go_on(stop)

  def _live(self):
    self._answers.get()
    loop.stand_in.set(self._ask)
    try:
      said = self._act()
    except BaseException as error:
      said = error
    self._said.put(said)

  def _ask(self, plan, directory):
    context = contextvars.copy_context()
    self._said.put(member.Member(plan, directory, context))
    answer = self._answers.get()
    if isinstance(answer, BaseException):
      raise answer
    return answer


class _Stdout:
  """Stands for the output of whatever trial is at work, if any is."""

  def __init__(self, before):
    self._before = before

  def __getattr__(self, name):
    return getattr(_output.get() or self._before, name)


def _allow_many_files():
  """Each trial holds some open, and the usual limit is soft."""
  _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
  resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
