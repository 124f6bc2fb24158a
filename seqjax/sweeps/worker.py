"""Runs trials in this process, one after another or as a population.

  python -m seqjax.sweeps.worker JOB [CORE]

takes groups of trials as lines of JSON from its standard input, and answers
with a line for each trial that ends. Equal programs are compiled once, because
all trials are runs of one process.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Sequence

from seqjax import errors
from seqjax.experiment import (
  ending,
  environment,
  run_directory,
  startup,
  training_run,
)
from seqjax.sweeps import engines, experiments
from seqjax.sweeps import trial as trials
from seqjax.training import signals

OUTPUT = 'output.txt'  # What a trial printed, in its directory.

_BUG = 70  # the exit code
# Seconds for whoever holds a trial, such as a node that was cut off, to end.
_PATIENCE = 20

Report = Callable[[trials.Trial, trials.Outcome], None]


def run(
  job: engines.Job, group: Sequence[trials.Trial], report: Report
) -> None:
  """Runs trials to their ends.

  Args:
    job: what they have in common.
    group: the trials; those that are done already end at once.
    report: is told of each as it ends.

  Raises:
    Stopped: a signal came; what was trained has been saved.
  """
  if len(group) > 1 and _form(job) == 'vmap':
    from seqjax.sweeps import members

    members.run(job, group, report, run_trial)
    return
  for trial in group:
    report(trial, run_trial(job, trial, contextlib.redirect_stdout))


def run_trial(
  job: engines.Job, trial: trials.Trial, print_to: Callable
) -> trials.Outcome:
  """Runs a trial as `./launch.sh` would.

  Args:
    job: of the sweep.
    trial: may have begun before, or be done.
    print_to: takes a file; within it, what is printed goes there.

  Raises:
    Stopped: a signal came.
  """
  began = time.monotonic()
  path = job.directory / trial.name
  run = run_directory.RunDirectory(path)
  metrics, status, words = {}, 'done', ''
  try:
    experiment = experiments.load(job.experiment)
    run.check_directory()
    path.mkdir(parents=True, exist_ok=True)
    with (
      open(path / OUTPUT, 'a', encoding='utf-8', buffering=1) as output,
      print_to(output),
    ):
      try:
        training_run.train(
          experiment.Config,
          {**trial.settings, 'workdir': str(path)},
          job.experiment,
          run,
          experiment.MODES['train'],
        )
        result = run.read_result()
        if result['step'] != trial.steps:
          raise errors.UserError(
            f'this run was taken on to step {result["step"]:,}, and the sweep '
            f'compares at {trial.steps:,}. Move its directory elsewhere.'
          )
        metrics = result['metrics']
      except Exception as error:
        status, words = _explain(error, path)
        print(words)
  except Exception as error:  # Before there was a place to say it.
    status, words = _explain(error, None)
  return trials.Outcome(
    status,
    metrics,
    time.monotonic() - began,
    words.rpartition('\n')[2].removeprefix('error: '),
  )


def _explain(error, path) -> tuple[str, str]:
  """The status of a trial that ended so, and words whose last line says why."""
  if isinstance(error, errors.InUse):
    time.sleep(_PATIENCE)
    return 'lost', str(error)
  code, words = ending.explain(error, path)
  if code == _BUG:
    words += f'\n{type(error).__name__}: {str(error).partition(chr(10))[0]}'
  return {3: 'diverged', 75: 'lost'}.get(code, 'failed'), words


def _form(job) -> str:
  if job.form != 'auto':
    return job.form
  import jax

  return 'sequential' if jax.default_backend() == 'cpu' else 'vmap'


def main() -> None:
  """Serves the engine that started this process, until it closes the pipe."""
  # Nobody but the engine is spoken to here: what else prints goes to stderr.
  answers = os.fdopen(os.dup(1), 'w', buffering=1)
  os.dup2(2, 1)
  for core in sys.argv[2:]:
    _stay_on(int(core))
  signals.install()
  startup.quieten()
  startup.keep_compiled_programs()
  job = parse_job(sys.argv[1])

  def report(trial, outcome):
    answer = {'key': trial.key, 'outcome': dataclasses.asdict(outcome)}
    answers.write(json.dumps(answer) + '\n')

  with contextlib.suppress(errors.Stopped):  # All is saved, and silently left.
    for line in sys.stdin:
      run(job, [trials.Trial(**each) for each in json.loads(line)], report)


def _stay_on(core: int) -> None:
  """Keeps this process on a core.

  JAX has made its threads by then, as many as there are cores: their number
  decides in which order sums are added up, and must be that of a run alone.
  """
  environment.threads()
  for thread in os.listdir('/proc/self/task'):
    os.sched_setaffinity(int(thread), {core})


def parse_job(text: str) -> engines.Job:
  """The job of `dataclasses.asdict` as JSON, its directory a text."""
  content = json.loads(text)
  content['directory'] = pathlib.Path(content['directory'])
  return engines.Job(**content)


if __name__ == '__main__':
  ending.end(main)
