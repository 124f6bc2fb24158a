"""Our params taken apart, put together, and fitted to what another cell has."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from seqjax import errors
from seqjax.exchange import grids, ours

# What a piece is called in a sentence, by its source.
_NOUNS = {'p': 'peepholes', 'w_p': 'a projection', 'b_h': 'a second bias'}


def of_params(cell: str, options: Mapping[str, Any], params) -> dict[str, Any]:
  """The pieces of one direction of one layer.

  Args:
    cell, options: as of `Network`.
    params: of that cell.

  >>> from seqjax import cells
  >>> params = cells.ElmanParams(np.ones((3, 2)), np.ones((2, 2)), np.ones(2))
  >>> sorted(of_params('elman', {}, params))
  ['b.h', 'h.h', 'x.h']
  """
  layout = ours.layout(cell, options)
  fields = {k: v for k, v in params._asdict().items() if v is not None}
  if fields.keys() != layout.keys():
    raise errors.UserError(
      f'The params have the fields {", ".join(fields)}; --cell={cell} with the '
      f'options {dict(options)} has {", ".join(layout)}.'
    )
  sizes = grids.sizes_of(layout, fields)
  pieces = {}
  for field, grid in layout.items():
    pieces |= grids.unpacked(grid, fields[field], sizes)
  return pieces


def to_params(cell: str, options: Mapping[str, Any], pieces):
  """The params that these pieces are: the inverse of `of_params`."""
  family = ours.FAMILIES[cell]
  fields = {'b_n': None} if family == 'gru_reset_before' else {}
  for field, grid in ours.layout(cell, options).items():
    fields[field] = grids.packed(grid, pieces)
  return ours.PARAMS[family](**fields)


def fitted(
  cell: str, pieces: Mapping[str, Any], wanted, whose: str
) -> dict[str, Any]:
  """The same network in the pieces that another has.

  Two biases that act as one are added up; a second bias that is not there is 0.

  Args:
    cell: a name in `cells.CELLS`.
    pieces: what there is.
    wanted: names of what there shall be.
    whose: who wants it, for sentences.

  Raises:
    UserError: something has no place there, and is not 0.
  """
  result = {name: pieces[name] for name in wanted if name in pieces}
  for name, value in pieces.items():
    if name in result:
      continue
    source, _, gate = name.partition('.')
    # The reset gate multiplies the second bias of the candidate alone.
    is_apart = ours.FAMILIES[cell] == 'gru' and gate == 'n'
    if source == 'b_h' and not is_apart:
      with np.errstate(over='ignore'):
        result[f'b.{gate}'] = result[f'b.{gate}'] + value
    elif np.any(np.asarray(value) != 0):
      raise errors.UserError(
        f'This {cell} has {_NOUNS[source]}{f" of {gate}" if gate else ""} that '
        f'is not zero, and {whose} has no place for it.'
      )
  for name in wanted:
    if name in result:
      continue
    source, _, gate = name.partition('.')
    if source == 'b_h':
      like = result[f'b.{gate}']
      is_numpy = isinstance(like, np.ndarray)
      result[name] = (np if is_numpy else jnp).zeros_like(like)
    else:
      raise errors.UserError(
        f'{whose} has {_NOUNS.get(source, name)}, and this {cell} has none.'
      )
  return result
