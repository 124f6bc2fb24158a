"""What a job of SLURM does, and when it is queued again."""

import contextlib
import dataclasses
import signal
import sys
import threading
from collections.abc import Iterator

from seqjax import errors
from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import groups
from seqjax.training import signals

# Seconds between SIGTERM, which may mean anything, and the signal to queue the
# job again. SLURM ends those of which it wants no more long before.
NOTICE = 120


@dataclasses.dataclass(frozen=True)
class SlurmJob:
  """What a job does. submitit writes it down, once more to queue it again."""

  run: groups.Run
  job: engines.Job
  group: tuple[trials.Trial, ...]

  def __call__(self) -> groups.Ended:
    with _queued_again():
      return groups.run(self.run, self.job, self.group)

  def checkpoint(self):
    """What to do in the job that is queued again: the same.

    Trials that have ended say so at once, and one that was under way goes on
    from what it has saved.
    """
    return library().helpers.DelayedSubmission(self)


@contextlib.contextmanager
def _queued_again() -> Iterator[None]:
  """Within, submitit's signal has the run save; then the job is queued again.

  submitit itself would leave the run where it is. SIGTERM has it save too, and
  says nothing else: scancel sends it, and so does SLURM before it preempts.
  """
  number = library().JobEnvironment._usr_sig()
  before = {x: signal.getsignal(x) for x in (number, signal.SIGTERM)}
  asked = threading.Event()
  signals.install()
  stop = signal.getsignal(signal.SIGTERM)

  def receive(signum, frame):
    if signum == number:
      asked.set()
    if signals.requested() is None:
      stop(signal.SIGTERM, frame)

  # Not by `signals` alone: while XLA compiles, it would leave at once.
  for each in before:
    signal.signal(each, receive)
  try:
    yield
  except errors.Stopped as stopped:
    print(stopped.sentence(), file=sys.stderr)
    if stopped.signum == signal.SIGTERM:
      asked.wait(NOTICE)
    if asked.is_set():
      before[number](number, None)  # Ends the process.
    sys.exit(128 + stopped.signum)
  finally:
    for each, handler in before.items():
      signal.signal(each, handler)


def library():
  """The package submitit, which not everybody needs.

  Raises:
    UserError: it is missing.
  """
  try:
    import submitit
  except ImportError as error:
    raise errors.UserError(
      f'--engine=slurm needs the package submitit ({error}): pip install '
      "'seqjax[slurm]', or begin with SEQJAX_EXTRAS=slurm ./launch.sh."
    ) from error
  return submitit
