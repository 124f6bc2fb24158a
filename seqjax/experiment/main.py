"""From the command line to an exit code: what happens around an experiment."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import NoReturn

from seqjax import errors
from seqjax.experiment import (
  command,
  ending,
  flags,
  startup,
  training_run,
)
from seqjax.experiment import config as configs
from seqjax.training import devices, processes, signals


def main(
  doc: str,
  name: str,
  config_class: type[configs.Config],
  modes: Mapping[str, training_run.Mode],
  argv: Sequence[str] | None = None,
) -> NoReturn:
  """Runs an experiment as the command line says, and ends the process.

  Mode 'train' begins or continues the run, alone in its directory, and what it
  returns becomes result.json. The other modes read a run that exists.

  Exit codes: 0 done; 1 the user's error, in one sentence; 3 gave up on numbers
  that are not finite; 70 a bug, traceback kept; 75 try again; 130 and 143
  stopped by SIGINT and SIGTERM; 141 nobody reads the output (`| head`).

  Args:
    doc: the experiment's docstring, for `--help`.
    name: the experiment's name, which is also its directory under `runs/`.
    config_class: its fields are the flags.
    modes: what `--mode` may name; must hold 'train'. Each is called with the
      config and the run directory and returns its metrics or None.
    argv: the arguments, by default those of the process.

  Example:
    if __name__ == '__main__':
      experiment.main(__doc__, 'char_lm', Config, {'train': train})
  """
  argv = sys.argv[1:] if argv is None else argv
  run = None

  def act():
    nonlocal run
    if flags.asks_for_help(argv):
      print(flags.help_text(config_class, doc, name, tuple(modes)), end='')
      return
    typed = flags.parse(config_class, argv, tuple(modes))
    config, run = command.resolve(config_class, typed, name)
    _check_mode(config)
    startup.quieten()
    startup.keep_compiled_programs()
    _take_machine(config)
    if config.mode == 'train':
      signals.install()
      training_run.train(config_class, typed, name, run, modes['train'])
    else:
      _read(config, run, modes[config.mode])

  with processes.parting():
    ending.end(act, lambda: None if run is None else run.path)


def _read(config, run, mode: training_run.Mode) -> None:
  if run.read() is None or not run.begun():
    others = sorted(
      str(p.parent) for p in run.path.parent.glob('*/config.json')
    )
    there = f' There are: {", ".join(others)}.' if others else ''
    raise errors.UserError(
      f'--mode={config.mode}: there is no run in {run.path}. Train it first, '
      f'or name the directory of a run with --workdir.{there}'
    )
  if metrics := mode(config, run):
    rows = training_run.conditions(configs.settings(config, 'measuring'))
    rows += [f'{name} {float(x):.4g}' for name, x in sorted(metrics.items())]
    print('\n'.join(rows))


def _check_mode(config) -> None:
  """Refuses flags that the mode would ignore."""
  trains = config.mode == 'train'
  if trains and config.checkpoint != 'latest':
    raise errors.UserError(
      f'--checkpoint={config.checkpoint}: a run goes on from its latest. Add '
      'the --mode that is to read it, such as --mode=evaluate.'
    )
  if config.jax_debug_nans and not trains:
    raise errors.UserError(
      f'--jax_debug_nans repeats a step of training. Leave out '
      f'--mode={config.mode}.'
    )
  if config.num_processes > 1 and (config.jax_debug_nans or not trains):
    alone = '--jax_debug_nans' if trains else f'--mode={config.mode}'
    raise errors.UserError(
      f'{alone}: expected one process, without --num_processes.'
    )


def _take_machine(config) -> None:
  """Sees to devices and other processes, before the first use of either."""
  import jax

  devices.split_cpu(config.num_devices)
  processes.join(config.coordinator, config.num_processes, config.process_id)
  if config.process_id:  # Process 0 says it all; errors go to stderr.
    sys.stdout = open(os.devnull, 'w')
  try:
    jax.devices()
  except (AssertionError, RuntimeError) as error:
    asked = os.environ.get('JAX_PLATFORMS', '')
    raise errors.UserError(
      f'JAX found no device for JAX_PLATFORMS={asked!r} ({error}). Unset it or '
      'install the extra for that device.'
    ) from None
