"""From `--cell` and `--cell_options` to a cell and the numbers of its init."""

import inspect
from typing import Any

import numpy as np

from seqjax import cells, errors


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
  options = defaults_of(builder)
  typed = _split(text)
  # In the order of the signature: the cache of builders looks at the order.
  cell = builder(
    **{k: _value(k, typed.pop(k), v) for k, v in options.items() if k in typed}
  )
  numbers = defaults_of(cell.init)
  for option in typed:
    if option not in numbers:
      raise errors.unknown(
        f'option of --cell={name}', option, [*options, *numbers]
      )
  return cell, {k: _value(k, v, numbers[k]) for k, v in typed.items()}


def defaults_of(function) -> dict[str, Any]:
  """The options of a builder, or the numbers of an `init`, by name."""
  return {
    p.name: p.default
    for p in inspect.signature(function).parameters.values()
    if p.default is not p.empty
  }


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
