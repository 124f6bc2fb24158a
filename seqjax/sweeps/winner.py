"""The best run of a sweep, trained once more and alone."""

import shlex
import subprocess
import sys

from seqjax import bond, errors
from seqjax.experiment import run_directory
from seqjax.sweeps import command, driver, record, summary
from seqjax.sweeps import trial as trials


def find(rows: driver.Rows, group: summary.Group, score: float) -> trials.Trial:
  """The trial of a setting with a score, as far as it went."""
  name = group.names[group.scores.index(score)]
  return max(
    (trial for trial, _ in rows if trial.name == name), key=lambda x: x.steps
  )


def rerun(
  sweep: command.Sweep, rows: driver.Rows, group: summary.Group, score: float
) -> run_directory.RunDirectory:
  """Trains the winner in `alone/` in the directory of the sweep.

  What was trained together with others differs in its last digits from what a
  reader of the flags would get; this is what he gets.

  Args:
    sweep: that has ended.
    rows: its trials.
    group: the best setting.
    score: of the best run in it.

  Raises:
    UserError: the run did not end well.
  """
  trial = find(rows, group, score)
  run = run_directory.RunDirectory(sweep.directory / 'alone' / trial.name)
  typed = record.flags({**trial.settings, 'workdir': str(run.path)})
  print(f'\nThe winner alone: ./launch.sh {sweep.experiment} {typed}')
  # As this process was started: a folder of the caller's is no package.
  safe = ['-P'] if sys.flags.safe_path else []
  module = ['-m', f'experiments.{sweep.experiment}', *shlex.split(typed)]
  with subprocess.Popen(
    bond.command([sys.executable, *safe, *module])
  ) as child:
    try:
      code = child.wait()
    except BaseException:
      child.terminate()  # It saves; the context waits for it.
      raise
  if code:
    raise errors.UserError(f'The winner alone ended with exit code {code}.')
  return run
