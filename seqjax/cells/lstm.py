"""Long short-term memory."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class LSTMParams(NamedTuple):
  w_x: jax.Array  # [D, 4H], gates in the order i, f, g, o
  w_h: jax.Array  # [H, 4H]
  b: jax.Array  # [4H]


class LSTMCarry(NamedTuple):
  h: jax.Array  # [H], in (-1, 1)
  c: jax.Array  # [H], unbounded; moves by at most 1 a step


@functools.cache
def lstm(activation=jnp.tanh) -> cell_lib.Cell:
  """Long short-term memory with a forget gate.

    i_t, f_t, o_t = sigmoid(w_x x_t + w_h h_tm1 + b)   input, forget, output
    g_t = tanh(w_x x_t + w_h h_tm1 + b)                candidate
    c_t = f_t * c_tm1 + i_t * g_t
    h_t = o_t * tanh(c_t)

  Params: `LSTMParams`; `w_x` [D, 4H], `w_h` [H, 4H], `b` [4H], gates in the
    order i, f, g, o.
  Carry: `LSTMCarry`; `h` [H] in (-1, 1), `c` [H].
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    activation: of the candidate and of the cell state.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=,
    chrono_steps=)`. `forget_bias` (default 1, Jozefowicz et al., 2015) is added
    to the stored bias once, here, never at call time. `chrono_steps=n` > 0
    replaces the biases of f and i by log u and -log u, u from U(1, n - 1), for
    dependencies of up to n steps (Tallec and Ollivier, 2018).

  Source: Hochreiter and Schmidhuber (1997), Neural Computation 9(8), with the
    forget gate of Gers et al. (2000). torch.nn.LSTM computes the same with its
    two biases added.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell = lstm()
    >>> params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    >>> cell.carry(params, jnp.ones(3)).c.shape
    (4,)
  """

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    forget_bias=1.0,
    chrono_steps=0,
  ) -> LSTMParams:
    key_weights, key_chrono = jax.random.split(key)
    w_x, w_h, b = initializers.weights(
      key_weights, x_t, hidden_size, 4, scheme, recurrent_scale
    )
    b_i, b_f, b_g, b_o = jnp.split(b, 4)
    if chrono_steps:
      b_f = initializers.chrono_bias(
        key_chrono, hidden_size, chrono_steps, b.dtype
      )
      b_i = -b_f
    else:
      b_f += jnp.asarray(forget_bias, b.dtype)
    return LSTMParams(w_x, w_h, jnp.concatenate([b_i, b_f, b_g, b_o]))

  def carry(params, x_t):
    del x_t
    zeros = jnp.zeros(params.b.shape[0] // 4, params.b.dtype)
    return LSTMCarry(zeros, zeros)

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def mix(params, carry, u_t):
    return u_t + cell_lib.product(carry.h, params.w_h, u_t.dtype)

  def update(params, carry, z_t):
    del params
    i, f, g, o = jnp.split(z_t, 4)
    i = cell_lib.named(jax.nn.sigmoid(i), 'input_gate')
    f = cell_lib.named(jax.nn.sigmoid(f), 'forget_gate')
    g = cell_lib.named(activation(g), 'candidate')
    o = cell_lib.named(jax.nn.sigmoid(o), 'output_gate')
    c_t = f * carry.c + i * g
    h_t = o * activation(c_t)
    return LSTMCarry(h_t, c_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
