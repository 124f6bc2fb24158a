"""Mode train of an experiment: a run from its first step, or on to its last."""

from collections.abc import Callable, Mapping
from typing import Any

from seqjax import errors
from seqjax.experiment import beginning, build, fields, run_directory
from seqjax.experiment import config as configs
from seqjax.training import processes

Mode = Callable[
  [configs.Config, run_directory.RunDirectory], Mapping[str, Any] | None
]


def train(
  config_class: type[configs.Config],
  typed: Mapping[str, Any],
  name: str,
  run: run_directory.RunDirectory,
  mode: Mode,
) -> None:
  """Begins or continues the run that is meant, and writes its result.json.

  One that is done already is left as it is, and its result is said again.

  Args:
    config_class: of the experiment.
    typed: the values of the flags that were typed.
    name: of the experiment.
    run: its directory, which is locked as long as this takes.
    mode: what mode 'train' stands for; see `main`.

  Raises:
    UserError: the settings are not those of the run, or are refused.
    GaveUp, Stopped, TryAgain: as `training.fit`, and the lock.
  """
  with run.lock():
    # Once more: another process may have begun or ended this run meanwhile.
    config = run.configure(config_class, typed, name)
    beginning.check(config, run)
    build.recurrent(config)  # Refuses its flags before any data are read.
    if config.jax_debug_nans:
      if not run.begun():
        raise errors.UserError(
          f'--jax_debug_nans: there is no run in {run.path}. Name one with '
          '--workdir, or leave the flag out.'
        )
      mode(config, run)  # Raises, and is not prepared: config.json stays.
    result = run.read_result() if run.begun() else None
    done = result is not None and result['step'] >= config.steps
    # Of several processes, one may have been killed just before its end.
    if all(processes.agree(done)):
      print(f'already {_summary(result, run)}')
      longer = configs.kind(config, 'steps') == 'extendable'
      print(
        'For a new run choose another --seed or --workdir'
        + ('; to go on with this one, more --steps.' if longer else '.')
      )
      return
    if (made := run.steps_made()) > config.steps:
      raise errors.UserError(
        f'--steps={config.steps}: this run has made {made} updates already. '
        f'Ask for at least {made}, or choose another --seed or --workdir.'
      )
    run.prepare(config, name)
    with processes.noticing():
      metrics = mode(config, run)
    run.begin()  # For a train that has no data to record.
    measured_with = configs.settings(config, 'measuring')
    run.write_result(config.steps, metrics or {}, measured_with)
    print(_summary(run.read_result(), run))


def _summary(result: Mapping[str, Any], run: run_directory.RunDirectory) -> str:
  numbers = [f'{name} {x:.4g}' for name, x in result['metrics'].items()]
  what = ', '.join(numbers) or 'no metrics'
  done = f'done at step {result["step"]}: {what} ({run.path})'
  return '\n'.join([done, *conditions(result['measured_with'] or {})])


def conditions(measured_with: Mapping[str, Any]) -> list[str]:
  """A line of the flags that numbers may depend on; of none, no line."""
  typed = [f'--{x}={fields.shown(v)}' for x, v in measured_with.items()]
  return [f'measured with {" ".join(typed)}'] if typed else []
