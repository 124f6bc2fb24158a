"""The loop of a sweep: a search asks, an engine runs, a record counts."""

from collections.abc import Callable, Iterable

from seqjax.sweeps import engines, record, search
from seqjax.sweeps import trial as trials

# How often the worker of a trial may die before the trial counts as failed.
MAX_LOST = 3

Rows = list[tuple[trials.Trial, trials.Outcome]]


def run(
  search: search.Search,
  engine: engines.Engine,
  record: record.Record,
  *,
  together: int = 1,
  say: Callable[[trials.Trial, trials.Outcome], None],
  watch: Callable[[Iterable[trials.Trial]], None] = lambda under_way: None,
) -> Rows:
  """Runs what the search asks for, until it asks for nothing more.

  Args:
    search: what to try.
    engine: where.
    record: of this sweep; trials that have ended before are not run again.
    together: at most so many trials of one program are submitted as a group.
    say: is told of each trial as it ends, once it is on record.
    watch: is given the trials under way, about once a second.

  Returns:
    Every trial and how it ended, in the order in which they were asked for.
  """
  asked, waiting, lost = {}, [], {}
  under_way = set()

  def end(trial, outcome):
    record.add(trial, outcome)
    say(trial, outcome)
    search.tell(trial, outcome)

  def next_trial():
    """The next that has not ended before."""
    while (trial := search.ask()) is not None:
      if trial.key in asked:
        raise ValueError(f'{trial.name} was asked for twice.')
      asked[trial.key] = trial
      if (known := record.get(trial)) is None:
        return trial
      search.tell(trial, known)
    return None

  while True:
    while (places := engine.free()) and len(waiting) < places * together:
      if (trial := next_trial()) is None:
        break
      waiting.append(trial)
    while waiting and engine.free():
      group = _group(waiting, together)
      engine.submit(group)
      under_way |= {trial.key for trial in group}
    if not under_way:
      return [(trial, record.get(trial)) for trial in asked.values()]
    watch([asked[key] for key in under_way])
    for trial, outcome in engine.wait():
      under_way.discard(trial.key)
      if outcome.status != 'lost':
        end(trial, outcome)
        continue
      lost[trial.key] = lost.get(trial.key, 0) + 1
      if lost[trial.key] < MAX_LOST:
        waiting.insert(0, trial)
      else:
        words = f'its worker died {MAX_LOST} times, at last: {outcome.error}'
        end(trial, trials.Outcome('failed', {}, outcome.seconds, words))


def _group(waiting, together) -> list[trials.Trial]:
  """Takes the first trial away, and those after it that share its program."""
  program = waiting[0].program
  group = [trial for trial in waiting if trial.program == program][:together]
  for trial in group:
    waiting.remove(trial)
  return group
