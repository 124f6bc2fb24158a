"""A group of trials that runs elsewhere: there, and as seen from here."""

from collections.abc import Callable, Sequence

from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials

Ended = list[tuple[trials.Trial, trials.Outcome]]
# As of `worker.run`.
Run = Callable[
  [
    engines.Job,
    Sequence[trials.Trial],
    Callable[[trials.Trial, trials.Outcome], None],
  ],
  None,
]


def run(run: Run, job: engines.Job, group: Sequence[trials.Trial]) -> Ended:
  """Runs a group in this process.

  Args:
    run: reports each trial as it ends.
    job: of the sweep.
    group: trials that share a program.

  Returns:
    What was reported.
  """
  ended: Ended = []
  run(job, group, lambda trial, outcome: ended.append((trial, outcome)))
  return ended


def complete(group: Sequence[trials.Trial], ended: Ended, error: str) -> Ended:
  """Each trial of the group once: lost is what was not reported.

  Args:
    group: what was submitted.
    ended: what came back.
    error: why the rest did not.

  Example:
    >>> a, b = (trials.Trial(name, {}, 'p', 5) for name in 'ab')
    >>> ended = [(a, trials.Outcome('done', {}, 1.5))]
    >>> [x.status for _, x in complete([a, b], ended, 'The node went.')]
    ['done', 'lost']
  """
  outcomes = {trial.key: outcome for trial, outcome in ended}
  lost = trials.Outcome('lost', {}, 0.0, error)
  return [(trial, outcomes.get(trial.key, lost)) for trial in group]
