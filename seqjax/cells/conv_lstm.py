"""The convolutional LSTM, for sequences of signals and of pictures."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers
from seqjax.cells.lstm import LSTMCarry


class ConvLSTMParams(NamedTuple):
  w_x: jax.Array  # [k, C, 4H] or [k, k, C, 4H], gates in the order i, f, g, o
  w_h: jax.Array  # [k, H, 4H] or [k, k, H, 4H]
  b: jax.Array  # [4H]


@functools.cache
def conv_lstm(dimensions=2, kernel_size=3) -> cell_lib.Cell:
  """Convolutional LSTM: an LSTM at every place, which sees its neighbours.

    i_t, f_t, o_t = sigmoid(w_x . x_t + w_h . h_tm1 + b)   input, forget, output
    g_t = tanh(w_x . x_t + w_h . h_tm1 + b)                candidate
    c_t = f_t * c_tm1 + i_t * g_t
    h_t = o_t * tanh(c_t)

  where w . x is a convolution of stride 1 that sees zeros around its input.

  Params: `ConvLSTMParams`; with one dimension `w_x` [k, C, 4H] and `w_h`
    [k, H, 4H], with two [k, k, ..]; `b` [4H]; gates in the order i, f, g, o.
  Carry: `LSTMCarry`; `h` and `c` as the input, with H channels.
  Input: `x_t` [W, C] or [H, W, C], floating; the channels stand last. One
    example: `unroll` adds batch and time.
  Output: `y_t` = `h_t`.

  Args:
    dimensions: 1 or 2.
    kernel_size: k, odd, of both convolutions and along every dimension.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=)`,
    H being the channels of the state. What a place sees counts as one long
    vector, so that an orthogonal w_h has k^dimensions * H rows per gate.
    `forget_bias` (default 1) is added to the stored bias of f.

  Raises:
    UserError: other dimensions, or an even kernel_size.

  Source: Shi et al. (2015), arXiv:1506.04214, without its peepholes, as Keras
    has it.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell, x_t = conv_lstm(1), jnp.ones((5, 2))
    >>> params = cell.init(jax.random.key(0), x_t, 4)
    >>> params.w_h.shape, cell.carry(params, x_t).h.shape
    ((3, 4, 16), (5, 4))
  """
  if dimensions not in (1, 2):
    raise errors.UserError(
      f'dimensions is {dimensions}; a convolutional LSTM has 1, for an input '
      '[W, C], or 2, for [H, W, C].'
    )
  if kernel_size < 1 or kernel_size % 2 == 0:
    raise errors.UserError(
      f'kernel_size is {kernel_size}; it must be odd, so that a kernel has a '
      'centre and the state keeps its place.'
    )
  window = (kernel_size,) * dimensions
  axes = ('NWC', 'WIO', 'NWC') if dimensions == 1 else ('NHWC', 'HWIO', 'NHWC')

  def convolve(x, w, dtype):
    return jax.lax.conv_general_dilated(
      x[None].astype(w.dtype),
      w,
      window_strides=(1,) * dimensions,
      padding='SAME',
      dimension_numbers=axes,
      preferred_element_type=dtype,
    )[0]

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    forget_bias=1.0,
  ) -> ConvLSTMParams:
    initializers.check(x_t, hidden_size, scheme, axes=dimensions + 1)
    places, channels = kernel_size**dimensions, x_t.shape[-1]
    w_x, w_h, b = initializers.weights(
      key,
      jax.ShapeDtypeStruct((places * channels,), x_t.dtype),
      hidden_size,
      4,
      scheme,
      recurrent_scale,
      state_size=places * hidden_size,
    )
    # The scheme 'identity' begins in the first place, which is a corner.
    w_h = jnp.roll(w_h, places // 2 * hidden_size, axis=0)
    b_i, b_f, b_g, b_o = jnp.split(b, 4)
    b_f += jnp.asarray(forget_bias, b.dtype)
    return ConvLSTMParams(
      w_x.reshape(*window, channels, -1),
      w_h.reshape(*window, hidden_size, -1),
      jnp.concatenate([b_i, b_f, b_g, b_o]),
    )

  def carry(params, x_t):
    channels = params.b.shape[0] // 4
    zeros = jnp.zeros((*x_t.shape[:-1], channels), params.b.dtype)
    return LSTMCarry(zeros, zeros)

  def project(params, x_t):
    u_t = convolve(x_t, params.w_x, params.b.dtype)
    return u_t + jnp.broadcast_to(params.b, u_t.shape)

  def mix(params, carry, u_t):
    return u_t + convolve(carry.h, params.w_h, u_t.dtype)

  def update(params, carry, z_t):
    del params
    i, f, g, o = jnp.split(z_t, 4, axis=-1)
    i = cell_lib.named(jax.nn.sigmoid(i), 'input_gate')
    f = cell_lib.named(jax.nn.sigmoid(f), 'forget_gate')
    g = cell_lib.named(jnp.tanh(g), 'candidate')
    o = cell_lib.named(jax.nn.sigmoid(o), 'output_gate')
    c_t = f * carry.c + i * g
    h_t = o * jnp.tanh(c_t)
    return LSTMCarry(h_t, c_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
