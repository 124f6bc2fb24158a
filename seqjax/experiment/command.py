"""Which run a command means."""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

from seqjax.experiment import config as configs
from seqjax.experiment import naming, run_directory
from seqjax.training import processes


def resolve(
  config_class: type[configs.Config],
  typed: Mapping[str, Any],
  experiment_name: str,
) -> tuple[configs.Config, run_directory.RunDirectory]:
  """The config and the directory that a command means. Writes nothing.

  Args:
    config_class: the experiment's.
    typed: the values of the flags that were typed.
    experiment_name: letters, digits, '.', '_' and '-'.

  Raises:
    UserError: as `RunDirectory.configure`.
  """
  if not re.fullmatch(r'[A-Za-z0-9_-][A-Za-z0-9._-]*', experiment_name):
    raise ValueError(
      f'experiment name {experiment_name!r}: expected letters, digits, '
      "'.', '_' and '-', with no '.' at the start."
    )
  if typed.get('workdir'):
    path = pathlib.Path(typed['workdir']).expanduser()
  else:
    path = pathlib.Path(
      'runs', experiment_name, naming.run_id(config_class(**typed))
    )
  path = processes.directory(path, typed.get('process_id', 0))
  run = run_directory.RunDirectory(path)
  return run.configure(config_class, typed, experiment_name), run
