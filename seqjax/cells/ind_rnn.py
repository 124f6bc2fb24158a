"""The independently recurrent network."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class IndRNNParams(NamedTuple):
  w_x: jax.Array  # [D, H]
  u: jax.Array  # [H], what a unit keeps of itself
  b: jax.Array  # [H]


@functools.cache
def ind_rnn(activation=jax.nn.relu) -> cell_lib.Cell:
  """Independently recurrent network: every unit sees its own past alone.

    h_t = activation(w_x x_t + u * h_tm1 + b)

  Params: `IndRNNParams`; `w_x` [D, H], `u` [H], `b` [H].
  Carry: `HiddenCarry`; `h` [H].
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    activation: relu, as in the paper, or any elementwise function.

  Initialisation: `init(key, x_t, H, scheme=, max_steps=)`. u from U(0, 1); with
    `max_steps=n` > 0 from U(0, 2^(1/n)), with which nothing grows to more than
    twice its size in n steps.

  Raises:
    UserError: in `init`, a negative max_steps.

  Source: Li et al. (2018), arXiv:1803.04831. The paper clips u to its bound
    after every update as well; here the bound is that of the beginning.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = ind_rnn().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.u.shape
    (4,)
  """

  def init(
    key, x_t, hidden_size, *, scheme='orthogonal', max_steps=0
  ) -> IndRNNParams:
    if max_steps < 0:
      raise errors.UserError(
        f'max_steps is {max_steps}; it is the length of the longest sequence, '
        'or 0 for one of any length.'
      )
    key_x, key_u = jax.random.split(key)
    w_x, b = initializers.input_weights(key_x, x_t, hidden_size, 1, scheme)
    bound = 2 ** (1 / max_steps) if max_steps else 1.0
    u = jax.random.uniform(key_u, (hidden_size,), b.dtype, 0.0, bound)
    return IndRNNParams(w_x, u, b)

  def carry(params, x_t):
    del x_t
    return cell_lib.HiddenCarry(jnp.zeros_like(params.b))

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def mix(params, carry, u_t):
    return u_t + params.u * carry.h

  def update(params, carry, z_t):
    del params, carry
    h_t = activation(z_t)
    return cell_lib.HiddenCarry(h_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
