"""Cells whose parameters stay as they began."""

import functools
from typing import Any, NamedTuple

import jax

from seqjax import errors
from seqjax.cells import cell as cell_lib


class Frozen(NamedTuple):
  """Marks parameters that `training` leaves alone, weight decay included.

  An optimizer of your own sees a gradient of zero, and moves them if it decays
  weights.
  """

  value: Any


@functools.cache
def frozen(cell: cell_lib.Cell) -> cell_lib.Cell:
  """The same cell, not trained: only what reads it learns.

  Its parameters are `Frozen(params)`, those of a trained cell for example, and
  their gradient is zero; that of input and carry is as it is.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> from seqjax import cells
    >>> params = frozen(cells.gru()).init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.value.w_h.shape
    (4, 12)
  """

  cell_lib.require_cell(cell)

  # Wrapped, so that its signature names the numbers that the cell takes.
  @functools.wraps(cell.init)
  def init(key, x_t, hidden_size, **numbers) -> Frozen:
    return Frozen(cell.init(key, x_t, hidden_size, **numbers))

  def thaw(function):
    if function is None:
      return None

    def still(params, *rest):
      if not isinstance(params, Frozen):
        raise errors.UserError(
          'A frozen cell takes its parameters as cells.Frozen(params); got '
          f'{type(params).__name__}.'
        )
      return function(jax.lax.stop_gradient(params.value), *rest)

    return still

  return cell_lib.Cell(init, *map(thaw, cell[1:]))
