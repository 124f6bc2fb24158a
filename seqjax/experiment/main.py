"""From the command line to an exit code: what happens around an experiment."""

import os
import pathlib
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from seqjax import errors
from seqjax.experiment import command, ending, fields, flags, run_directory
from seqjax.experiment import config as configs
from seqjax.training import signals

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
    _quieten()
    _keep_compiled_programs()
    _check_devices()
    if config.mode == 'train':
      _train(config_class, typed, name, run, modes['train'])
    else:
      _read(config, run, modes[config.mode])

  ending.end(act, lambda: None if run is None else run.path)


def _train(config_class, typed, name, run, train: Mode) -> None:
  signals.install()
  with run.lock():
    # Once more: another process may have begun or ended this run meanwhile.
    config = run.configure(config_class, typed, name)
    run.check_initial(config)
    result = run.read_result() if run.begun() else None
    if result is not None and result['step'] >= config.steps:
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
    if (signum := signals.requested()) is not None:
      raise errors.Stopped(signum)
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


def _check_devices() -> None:
  import jax

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
  try:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = path.stat()
  except OSError:
    return  # No place to write: compile every time.
  # It holds machine code, so nobody else may have put it there.
  others = stat.S_IWGRP | stat.S_IWOTH
  if status.st_uid != os.getuid() or status.st_mode & others:
    return
  jax.config.update('jax_compilation_cache_dir', str(path))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)
