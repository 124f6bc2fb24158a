"""Many trials of an experiment: what to try, and what came of it.

  ./launch.sh sweep char_lm --grid=learning_rate=1e-3,3e-3 --grid=seed=0,1,2
  ./launch.sh sweep char_lm --sample='learning_rate=log(1e-4,1e-2)' --trials=20

Grids are multiplied; each point of them gets all draws of the samples. Ranges
are log(low,high), uniform(low,high), integer(low,high) and choice(a,b,c);
values that are lists are separated by ';'. Flags of the experiment hold for all
trials. Without --grid and --sample, the experiment's own sweep is run.

The same command goes on with a sweep that was stopped. Each trial is a run of
its own in the directory of the sweep; sweep.jsonl has a line for each that has
ended. Exit codes are those of the experiments; 1, too, if a trial failed.
"""

import itertools
import shlex
import sys
from collections.abc import Iterator
from typing import NoReturn

from seqjax import errors
from seqjax.experiment import build, ending, flags, lock
from seqjax.sweeps import command, driver, engines, halving, record, results
from seqjax.sweeps import search as searches
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import local
from seqjax.training import signals

# Trials whose settings are looked at before the first one runs.
_LOOKED_AT = 10_000
# Trials of one program that are given to a worker that trains them together.
_TOGETHER = 256


def main(argv=None) -> NoReturn:
  """Runs the sweep of a command line, and ends the process."""
  argv = sys.argv[1:] if argv is None else argv
  ending.end(lambda: run(command.parse(argv, __doc__)))


def run(sweep: command.Sweep) -> None:
  """Runs a sweep to its end, or on from where it was, and says what came of it.

  Raises:
    UserError: what the sweep is cannot be run, or trials failed.
    Stopped: a signal came; the same command goes on.
  """
  looked_at = list(itertools.islice(_trials(sweep), _LOOKED_AT))
  for trial in looked_at:
    # Refuses what the cell does not have, here and not in a worker.
    build.recurrent(sweep.module.Config(**trial.settings))
  count = sweep.count
  if sweep.options.search != 'optuna' and len(looked_at) < _LOOKED_AT:
    count = len(looked_at)  # Without those that repeat another.
  print(_plan(sweep, looked_at, count))
  if sweep.options.dry_run:
    for trial in looked_at[:40]:
      print(f'  {trial.name}  {record.flags(trial.settings)}')
    return
  directory = sweep.directory
  _check_directory(directory)
  signals.install()
  with (
    lock.exclusive(directory),
    record.Record(
      directory, sweep.description, retry=sweep.options.retry
    ) as on_record,
  ):
    search = _search(sweep, on_record)
    engine, together = _engine(sweep)
    sayer = results.Sayer(sweep, len(on_record), count)
    with engine:
      rows = driver.run(
        search,
        engine,
        on_record,
        together=together,
        say=sayer,
        watch=sayer.watch,
      )
    results.conclude(sweep, rows)


def _trials(sweep: command.Sweep) -> Iterator[trials.Trial]:
  """Those of the space; settings of the same run make one trial."""
  steps = {}
  for settings in sweep.space:
    trial = trials.make(sweep.module.Config, settings)
    if trial.name not in steps:
      steps[trial.name] = trial.steps
      yield trial
    elif steps[trial.name] != trial.steps:
      raise errors.UserError(
        f'--steps={steps[trial.name]} and --steps={trial.steps} are one run, '
        'which goes on from one to the other. Keep the greater.'
      )


def _plan(sweep, looked_at, count) -> str:
  space, options = sweep.space, sweep.options
  parts = [f'{x.name} {len(x.values)}' for x in space.grids]
  parts += [x.name for x in space.ranges]
  noun = 'trial' if count == 1 else 'trials'
  lines = [f'{count:,} {noun} of {sweep.experiment}: {", ".join(parts)}.']
  if options.search == 'halving':
    cost = halving.cost(count, _rungs(sweep), options.eta)
    rungs = zip(cost.trials, _rungs(sweep), strict=True)
    lines.append(
      'Halving: '
      + ', then '.join(f'{n} to step {steps:,}' for n, steps in rungs)
      + f'; {cost.updates:,} updates in all.'
    )
  if options.search != 'optuna':
    programs = len({trial.program for trial in looked_at})
    more = ' or more' * (count > len(looked_at) == _LOOKED_AT)
    noun = 'program' if programs == 1 else 'programs'
    lines.append(f'{programs:,}{more} compiled {noun} in all.')
    if count < sweep.count:
      lines.append(f'{sweep.count - count:,} more would repeat one of them.')
  return '\n'.join(lines)


def _search(sweep, on_record) -> searches.Search:
  options, space = sweep.options, sweep.space
  make = lambda settings: trials.make(space.config_class, settings)
  if options.search == 'all':
    return searches.Listed(_trials(sweep))
  metric = {
    'metric': options.metric,
    'higher_is_better': options.higher_is_better,
  }
  if options.search == 'halving':
    return halving.Halving(
      space, make, rungs=_rungs(sweep), eta=options.eta, **metric
    )
  from seqjax.sweeps import model_based  # Optuna is an extra.

  return model_based.ModelBased(
    fixed=space.fixed,
    grids=space.grids,
    ranges=space.ranges,
    trials=sweep.count,
    seed=space.seed,
    make_trial=make,
    begun=[
      flags.parse(space.config_class, shlex.split(text))
      for text in on_record.settings()
    ],
    **metric,
  )


def _rungs(sweep) -> tuple[int, ...]:
  steps = sweep.space.config_class(**sweep.space.fixed).steps
  return halving.rungs(steps, sweep.options.eta, sweep.options.min_steps)


def _engine(sweep) -> tuple[engines.Engine, int]:
  """Where trials are run, and how many go to a worker at once."""
  options = sweep.options
  job = engines.Job(sweep.experiment, sweep.directory.absolute(), options.form)
  if options.engine == 'ray':
    from seqjax.sweeps.engines import ray_cluster

    return ray_cluster.Ray(job, options.address, options.workers), 1
  if options.engine == 'slurm':
    from seqjax.sweeps.engines import slurm

    return slurm.Slurm(job, options.workers, options.slurm), 1
  together = options.form == 'vmap' or (
    options.form == 'auto' and local.has_accelerator()
  )
  return local.Local(job, options.workers), _TOGETHER if together else 1


def _check_directory(directory) -> None:
  nearest = next(p for p in (directory, *directory.parents) if p.exists())
  if not nearest.is_dir():
    raise errors.UserError(
      f'--workdir={directory}: {nearest} is a file. Choose a directory.'
    )


if __name__ == '__main__':
  main()
