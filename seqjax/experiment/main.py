"""From the command line to an exit code: what happens around an experiment."""

import os
import pathlib
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from seqjax import errors
from seqjax.experiment import (
  beginning,
  build,
  command,
  ending,
  fields,
  flags,
  run_directory,
)
from seqjax.experiment import config as configs
from seqjax.training import devices, processes, signals

Mode = Callable[
  [configs.Config, run_directory.RunDirectory], Mapping[str, Any] | None
]


def main(
  doc: str,
  name: str,
  config_class: type[configs.Config],
  modes: Mapping[str, Mode],
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
    _quieten()
    _keep_compiled_programs()
    _take_machine(config)
    if config.mode == 'train':
      _train(config_class, typed, name, run, modes['train'])
    else:
      _read(config, run, modes[config.mode])

  with processes.parting():
    ending.end(act, lambda: None if run is None else run.path)


def _train(config_class, typed, name, run, train: Mode) -> None:
  signals.install()
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
      train(config, run)  # Raises, and is not prepared: config.json stays.
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
      metrics = train(config, run)
    run.begin()  # For a train that has no data to record.
    measured_with = configs.settings(config, 'measuring')
    run.write_result(config.steps, metrics or {}, measured_with)
    print(_summary(run.read_result(), run))


def _read(config, run, mode: Mode) -> None:
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
    rows = _conditions(configs.settings(config, 'measuring'))
    rows += [f'{name} {float(x):.4g}' for name, x in sorted(metrics.items())]
    print('\n'.join(rows))


def _summary(result: Mapping[str, Any], run: run_directory.RunDirectory) -> str:
  numbers = [f'{name} {x:.4g}' for name, x in result['metrics'].items()]
  what = ', '.join(numbers) or 'no metrics'
  done = f'done at step {result["step"]}: {what} ({run.path})'
  return '\n'.join([done, *_conditions(result['measured_with'] or {})])


def _conditions(measured_with: Mapping[str, Any]) -> list[str]:
  """A line of the flags that numbers may depend on; of none, no line."""
  typed = [f'--{x}={fields.shown(v)}' for x, v in measured_with.items()]
  return [f'measured with {" ".join(typed)}'] if typed else []


def _quieten() -> None:
  """Keeps the INFO and WARNING lines of orbax from between our own."""
  from absl import logging

  logging.set_verbosity(logging.ERROR)


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


def _keep_compiled_programs() -> None:
  """Compiles each program once on this machine, unless the user chose where."""
  if 'JAX_COMPILATION_CACHE_DIR' in os.environ:
    return
  import jax

  home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
  path = pathlib.Path(home, 'seqjax', 'xla')
  # It holds machine code, so nobody else may have put it there, or may put
  # another folder in its place.
  others = stat.S_IWGRP | stat.S_IWOTH
  for folder, writers in ((path.parent, stat.S_IWOTH), (path, others)):
    try:
      folder.mkdir(mode=0o700, parents=True, exist_ok=True)
      status = folder.stat()
    except OSError:
      return  # No place to write: compile every time.
    if status.st_uid != os.getuid() or status.st_mode & writers:
      return
  jax.config.update('jax_compilation_cache_dir', str(path))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)
