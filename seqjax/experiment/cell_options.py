"""From `--cell` and `--cell_options` to a cell and the numbers of its init."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from seqjax import cells, errors
from seqjax.experiment import fields
from seqjax.training import initial


def make_cell(name: str, text: str) -> tuple[cells.Cell, dict[str, Any]]:
  """The cell, and what its `init` is to be given.

  Args:
    name: of `cells.CELLS`.
    text: options of the builder and numbers of `init` alike, as in
      'peephole=true,heads=4,recurrent_scale=0.9'.

  Raises:
    UserError: no such option, or a value that it does not take.

  Example:
    >>> cell, numbers = make_cell('lstm', 'peephole=true,forget_bias=2')
    >>> cell is cells.lstm(peephole=True), numbers
    (True, {'forget_bias': 2.0})
  """
  builder = cells.CELLS[name]
  options, typed = _options(builder, text)
  cell = builder(**options)
  numbers = defaults_of(cell.init)
  for option in typed:
    if option not in numbers:
      raise errors.unknown(
        f'option of --cell={name}', option, [*defaults_of(builder), *numbers]
      )
  return cell, {k: _value(k, v, numbers[k]) for k, v in typed.items()}


def check_same(given: initial.Initial, name: str, text: str) -> None:
  """Refuses weights that were made by another cell than the flags'.

  Many cells have parameters of the same shapes, as an Elman network has with
  any activation.

  Args:
    given: the weights, which say what cell they are of.
    name, text: as in `make_cell`.

  Raises:
    UserError: another cell, or other options of its builder.
  """
  options = ','.join(
    f'{k}={fields.shown(v)}'
    for k, v in given.cell_options.items()
    if v is not None
  )
  try:
    if given.cell not in cells.CELLS:
      raise errors.unknown('cell', given.cell, cells.CELLS)
    make_cell(given.cell, options)  # May refuse them.
  except errors.UserError as error:
    raise errors.UserError(f'{given.path}: {error}') from None
  if not are_same(given.cell, options, name, text):
    raise errors.UserError(
      f'{given.path} holds weights of {_flags(given.cell, options)}, and the '
      f'command says {_flags(name, text)}. Say what the file says, or choose '
      'another --workdir.'
    )


def are_same(name: str, text: str, other: str, others_text: str) -> bool:
  """Whether two names and texts, as `make_cell` takes them, are one cell.

  Numbers of `init` do not count.

  >>> are_same('lstm', 'heads=1', 'lstm', 'forget_bias=2')
  True
  """
  return _arguments(name, text) == _arguments(other, others_text)


def _flags(name: str, text: str) -> str:
  return f'--cell={name}' + (f' --cell_options={text}' if text else '')


def _arguments(name: str, text: str) -> tuple[Callable, dict[str, Any]]:
  """A cell's builder and all that it is given: equal for equal cells."""
  builder = functools.partial(cells.CELLS[name])
  options = builder_options(name, text)
  bound = inspect.signature(builder.func).bind(
    *builder.args, **builder.keywords | options
  )
  bound.apply_defaults()
  return builder.func, bound.arguments


def builder_options(name: str, text: str) -> dict[str, Any]:
  """The options of the builder alone, in the types that it takes.

  >>> builder_options('lstm', 'projection=3,forget_bias=2')
  {'projection': 3}
  """
  return _options(cells.CELLS[name], text)[0]


def typed_options(name: str, text: str) -> dict[str, str]:
  """The options of the builder alone, as they were typed.

  >>> typed_options('elman', 'activation=relu,recurrent_scale=2')
  {'activation': 'relu'}
  """
  known = defaults_of(cells.CELLS[name])
  return {k: v for k, v in _split(text).items() if k in known}


def defaults_of(function) -> dict[str, Any]:
  """The options of a builder, or the numbers of an `init`, by name."""
  return {
    p.name: p.default
    for p in inspect.signature(function).parameters.values()
    if p.default is not p.empty
  }


def _options(builder, text: str) -> tuple[dict[str, Any], dict[str, str]]:
  """The options of a builder among those typed, and the rest of the text."""
  typed = _split(text)
  # In the order of the signature: the cache of builders looks at the order.
  options = {
    k: _value(k, typed.pop(k), default)
    for k, default in defaults_of(builder).items()
    if k in typed
  }
  return options, typed


def _split(text: str) -> dict[str, str]:
  typed = {}
  for part in filter(None, (p.strip() for p in text.split(','))):
    option, equals, value = (s.strip() for s in part.partition('='))
    if not (option and equals and value) or ' ' in value:
      raise errors.UserError(
        f'--cell_options={text}: expected option=value, with commas between '
        f'them, and got {part!r}.'
      )
    if option in typed:
      raise errors.UserError(f'--cell_options={text}: {option} is given twice.')
    typed[option] = value
  return typed


def _value(option: str, text: str, default) -> Any:
  """What a person typed, in the type that the default has."""
  if callable(default):
    if text not in cells.ACTIVATIONS:
      raise errors.unknown(
        f'{option} in --cell_options', text, cells.ACTIVATIONS
      )
    return cells.ACTIVATIONS[text]
  # An option that is nothing by default is a width.
  kind = int if default is None else type(default)
  parse, noun = {
    bool: ({'true': True, 'false': False}.__getitem__, 'true or false'),
    int: (_integer, 'an integer below 2^31'),
    float: (_finite, 'a finite number in float32'),
    str: (str, 'a name'),
  }[kind]
  try:
    return parse(text.lower() if kind is bool else text)
  except (KeyError, ValueError):
    raise errors.UserError(
      f'--cell_options: {option}={text}: expected {noun}.'
    ) from None


def _integer(text: str) -> int:
  number = int(text)
  if abs(number) >= 2**31:
    raise ValueError(text)
  return number


def _finite(text: str) -> float:
  number = float(text)
  if not abs(number) <= float(np.finfo(np.float32).max):  # nan too
    raise ValueError(text)
  return number
