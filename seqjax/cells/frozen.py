"""Cells whose parameters stay as they began."""

import functools
from typing import Any, NamedTuple

import jax

from seqjax.cells import cell as cell_lib


class Frozen(NamedTuple):
  """Marks parameters that no optimizer moves, by weight decay neither."""

  value: Any


@functools.cache
def frozen(cell: cell_lib.Cell) -> cell_lib.Cell:
  """The same cell, not trained: only what reads it learns.

  Its parameters are `Frozen(params)`, and their gradient is zero; that of input
  and carry is as it is.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> from seqjax import cells
    >>> params = frozen(cells.gru()).init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.value.w_h.shape
    (4, 12)
  """

  # Wrapped, so that its signature names the numbers that the cell takes.
  @functools.wraps(cell.init)
  def init(key, x_t, hidden_size, **numbers) -> Frozen:
    return Frozen(cell.init(key, x_t, hidden_size, **numbers))

  def thaw(function):
    if function is None:
      return None
    return lambda params, *rest: function(
      jax.lax.stop_gradient(params.value), *rest
    )

  return cell_lib.Cell(init, *map(thaw, cell[1:]))
