"""The Grid LSTM in two dimensions, time and depth."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers
from seqjax.cells.lstm import LSTMCarry


class GridLSTMParams(NamedTuple):
  w_x: jax.Array  # [D, 2H], to h and c where depth begins
  b_x: jax.Array  # [2H]
  w_h: jax.Array  # [depth, H, 8H], from time; gates i, f, g, o of time, depth
  w_d: jax.Array  # [depth, H, 8H], from depth; tied [1, H, 8H]
  b: jax.Array  # [depth * 8H], block by block


@functools.cache
def grid_lstm(depth=2, *, tied=False) -> cell_lib.Cell:
  """Grid LSTM: memory along the layers as well as along time.

  A step climbs through `depth` blocks. A block has two LSTMs, one along time
  and one along depth, with weights of their own, and both read both of the
  hidden vectors that enter it:

    i, f, o = sigmoid(w_h h_time + w_d h_depth + b)    input, forget, output
    g = tanh(w_h h_time + w_d h_depth + b)             candidate
    c' = f * c + i * g
    h' = tanh(o * c')

  Along depth h and c begin as w_x x_t + b_x.

  Params: `GridLSTMParams`; `w_x` [D, 2H], `b_x` [2H]; `w_h` and `w_d`
    [depth, H, 8H], `b` [depth * 8H], the four gates of time before those of
    depth, each in the order i, f, g, o. Tied, depth counts as 1 there.
  Carry: `LSTMCarry`; `h` in (-1, 1) and `c`, both [depth, H], along time.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` [H], the h along depth that leaves the last block.

  Args:
    depth: how many blocks.
    tied: one set of weights for all blocks.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=)`.
    `forget_bias` (default 1) is added to the bias of f in both dimensions.

  Raises:
    UserError: a depth that is not from 1 to 256.

  Source: Kalchbrenner, Danihelka and Graves (2015), arXiv:1507.01526, whose
    equations have no bias. As there, the output gate is inside the tanh.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell = grid_lstm(depth=3)
    >>> params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    >>> cell.carry(params, jnp.ones(3)).h.shape
    (3, 4)
  """
  if not 1 <= depth <= 256:  # A step is written out block by block.
    raise errors.UserError(f'depth is {depth}; it must be from 1 to 256.')

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    forget_bias=1.0,
  ) -> GridLSTMParams:
    key_x, *keys = jax.random.split(key, 2 if tied else depth + 1)
    w_x, b_x = initializers.input_weights(key_x, x_t, hidden_size, 2, scheme)
    h = jax.ShapeDtypeStruct((hidden_size,), b_x.dtype)
    w_d, w_h, b = (
      jnp.stack(arrays)
      for arrays in zip(
        *(
          initializers.weights(k, h, hidden_size, 8, scheme, recurrent_scale)
          for k in keys
        ),
        strict=True,
      )
    )
    is_f = jnp.arange(8)[:, None] % 4 == 1
    b = b.reshape(-1, 8, hidden_size)
    b = jnp.where(is_f, b + jnp.asarray(forget_bias, b.dtype), b)
    return GridLSTMParams(w_x, b_x, w_h, w_d, b.ravel())

  def carry(params, x_t):
    del x_t
    zeros = jnp.zeros((depth, params.b_x.shape[0] // 2), params.b.dtype)
    return LSTMCarry(zeros, zeros)

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b_x

  def block(w, k):
    return w[0 if tied else k]

  def mix(params, carry, u_t):
    b = params.b.reshape(len(params.w_h), -1)
    a_t = [
      cell_lib.product(carry.h[k], block(params.w_h, k), u_t.dtype)
      + block(b, k)
      for k in range(depth)
    ]
    return u_t, a_t

  def lstm_step(z, c):
    i, f, g, o = jnp.split(z, 4)
    i, f, o = map(jax.nn.sigmoid, (i, f, o))
    c = f * c + i * jnp.tanh(g)
    return jnp.tanh(o * c), c

  def update(params, carry, z_t):
    u_t, a_t = z_t
    h, c = jnp.split(u_t, 2)
    hs, cs = [], []
    for k in range(depth):
      z = a_t[k] + cell_lib.product(h, block(params.w_d, k), h.dtype)
      z_time, z_depth = jnp.split(z, 2)
      h_time, c_time = lstm_step(z_time, carry.c[k])
      h, c = lstm_step(z_depth, c)
      hs.append(h_time)
      cs.append(c_time)
    return LSTMCarry(jnp.stack(hs), jnp.stack(cs)), h

  return cell_lib.Cell(init, carry, project, mix, update)
