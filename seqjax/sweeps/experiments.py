"""Experiments by name."""

import importlib
import pathlib
from types import ModuleType

from seqjax import errors


def load(name: str) -> ModuleType:
  """The module of an experiment.

  Raises:
    UserError: there is none of that name.

  >>> load('char_lm').Config.__name__
  'Config'
  """
  if name not in names():  # Before it becomes a part of a module's name.
    raise errors.unknown('experiment', name, names())
  return importlib.import_module(f'experiments.{name}')


def names() -> list[str]:
  """Of all experiments."""
  import experiments  # Stands above this package.

  folder = pathlib.Path(experiments.__file__).parent
  return sorted(path.stem for path in folder.glob('[a-z]*.py'))
