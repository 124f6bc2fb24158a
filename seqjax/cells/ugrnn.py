"""The update gate recurrent network."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class UGRNNParams(NamedTuple):
  w_x: jax.Array  # [D, 2H], parts in the order g, c
  w_h: jax.Array  # [H, 2H]
  b: jax.Array  # [2H]


@functools.cache
def ugrnn(activation=jnp.tanh) -> cell_lib.Cell:
  """Update gate network: an Elman network with one gate, which keeps the old.

    g_t = sigmoid(w_x x_t + w_h h_tm1 + b)                     update
    c_t = tanh(w_x x_t + w_h h_tm1 + b)                        candidate
    h_t = g_t * h_tm1 + (1 - g_t) * c_t

  Params: `UGRNNParams`; `w_x` [D, 2H], `w_h` [H, 2H], `b` [2H], in the order
    g, c.
  Carry: `HiddenCarry`; `h` [H] in (-1, 1) once it began there.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    activation: of the candidate.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=)`.
    `forget_bias` (default 1) is added to the bias of g.

  Source: Collins, Sohl-Dickstein and Sussillo (2016), arXiv:1611.09913.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = ugrnn().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_h.shape
    (4, 8)
  """

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    forget_bias=1.0,
  ) -> UGRNNParams:
    w_x, w_h, b = initializers.weights(
      key, x_t, hidden_size, 2, scheme, recurrent_scale
    )
    b_g, b_c = jnp.split(b, 2)
    b = jnp.concatenate([b_g + jnp.asarray(forget_bias, b.dtype), b_c])
    return UGRNNParams(w_x, w_h, b)

  def carry(params, x_t):
    del x_t
    hidden_size = params.b.shape[0] // 2
    return cell_lib.HiddenCarry(jnp.zeros(hidden_size, params.b.dtype))

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def mix(params, carry, u_t):
    return u_t + cell_lib.product(carry.h, params.w_h, u_t.dtype)

  def update(params, carry, z_t):
    del params
    g, c = jnp.split(z_t, 2)
    g = cell_lib.named(jax.nn.sigmoid(g), 'update_gate')
    c = cell_lib.named(activation(c), 'candidate')
    h_t = g * carry.h + (1 - g) * c
    return cell_lib.HiddenCarry(h_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
