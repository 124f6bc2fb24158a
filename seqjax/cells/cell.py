"""What a recurrent cell is: five pure functions of one example and one step.

There is no batch axis and no time axis here; `recurrence.unroll` adds both.
What depends on the input alone is separate (`project`), because it runs for all
steps as one matrix product. What is linear (`mix`) is separate from what is
elementwise (`update`), because then one backward pass serves every cell: the
backward loop makes only the cotangents of the pre-activations, and one product
after the loop turns them into the gradients of all weights.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

# Gates and candidates carry a name inside a cell, so that a probe can record or
# replace them without another copy of the equations.
named = checkpoint_name


class Cell(NamedTuple):
  """A recurrent cell.

  A builder such as `lstm()` makes one and is cached, so that two calls give the
  same object: functions are compared by identity, and another object would be
  traced and compiled anew.

  A cell with a matrix product that does not fit `mix` sets `mix=None`. Its
  `update` then receives `u_t` in the place of `z_t` and may multiply; it runs
  on the general path (engine `scan`).
  """

  # (key, x_t, hidden_size, **numbers) -> params. x_t is an example of the input
  # or a jax.ShapeDtypeStruct; a sweep may vary the numbers.
  init: Callable[..., Any]
  # (params, x_t) -> the carry before the first step.
  carry: Callable[[Any, Any], Any]
  # (params, x_t) -> u_t: the input's part, for all steps at once.
  project: Callable[[Any, Any], Any]
  # (params, carry_tm1, u_t) -> z_t: affine in carry and input; the only matrix
  # products in the loop.
  mix: Callable[[Any, Any, Any], Any] | None
  # (params, carry_tm1, z_t) -> (carry_t, y_t): elementwise; reads vectors of
  # params, never a matrix.
  update: Callable[[Any, Any, Any], tuple[Any, Any]]


class HiddenCarry(NamedTuple):
  """The carry of a cell whose only state is its output."""

  h: jax.Array  # [H]


def step(cell: Cell, params, carry, u_t):
  """One step after the projection: (carry_tm1, u_t) -> (carry_t, y_t)."""
  z_t = u_t if cell.mix is None else cell.mix(params, carry, u_t)
  return cell.update(params, carry, z_t)


def product(x, w, dtype):
  """x @ w in the dtype of the matrix, accumulated and returned in `dtype`.

  The dtype of the matrices is the compute dtype: cast them to bfloat16 and the
  products run in bfloat16, while biases and carry stay in float32.
  """
  return jnp.dot(x.astype(w.dtype), w, preferred_element_type=dtype)
