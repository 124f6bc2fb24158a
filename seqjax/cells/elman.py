"""The simple recurrent network of Elman (1990), and the IRNN."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class ElmanParams(NamedTuple):
  w_x: jax.Array  # [D, H]
  w_h: jax.Array  # [H, H]; heads: cell.product
  b: jax.Array  # [H]
  b_h: jax.Array | None = None  # [H], the second bias


@functools.cache
def elman(activation=jnp.tanh, *, double_bias=False, heads=1) -> cell_lib.Cell:
  """Elman network: the hidden state is fed back to the hidden layer.

    h_t = activation(w_x x_t + w_h h_tm1 + b)

  With double_bias, b + b_h stands for b.

  Params: `ElmanParams`; `w_x` [D, H], `w_h` [H, H], `b` [H]; `b_h` [H] with
    double_bias, None without.
  Carry: `HiddenCarry`; `h` [H].
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    activation: any elementwise function; tanh, relu and sigmoid are the usual
      ones.
    double_bias: a second bias, from 0, as in torch, cuDNN and haiku's
      VanillaRNN: the sum acts as one, but moves twice as far per step of SGD or
      Adam.
    heads: blocks on the diagonal of w_h.

  Source: Elman (1990), Cognitive Science 14(2). torch.nn.RNN computes the same
    with its two biases added, and trains alike with double_bias.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell = elman(jax.nn.relu)
    >>> params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    >>> cell.carry(params, jnp.ones(3)).h.shape
    (4,)
  """

  def init(
    key, x_t, hidden_size, *, scheme='orthogonal', recurrent_scale=1.0
  ) -> ElmanParams:
    w_x, w_h, b = initializers.weights(
      key, x_t, hidden_size, 1, scheme, recurrent_scale, heads=heads
    )
    return ElmanParams(w_x, w_h, b, jnp.zeros_like(b) if double_bias else None)

  def carry(params, x_t):
    del x_t
    return cell_lib.HiddenCarry(jnp.zeros_like(params.b))

  def project(params, x_t):
    b = params.b + params.b_h if double_bias else params.b
    return cell_lib.product(x_t, params.w_x, b.dtype) + b

  def mix(params, carry, u_t):
    return u_t + cell_lib.product(carry.h, params.w_h, u_t.dtype)

  def update(params, carry, z_t):
    del params, carry
    h_t = activation(z_t)
    return cell_lib.HiddenCarry(h_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)


@functools.cache
def irnn(*, heads=1) -> cell_lib.Cell:
  """IRNN: an Elman network of rectified units that begins as a sum over time.

    h_t = relu(w_x x_t + w_h h_tm1 + b)

  Params, carry, input, output: as `elman`; `h` [H] is at least 0.

  Args:
    heads: blocks on the diagonal of w_h.

  Initialisation: `init(key, x_t, H, scheme='identity', recurrent_scale=1.0)`;
    the paper takes a recurrent_scale of 0.01 where the past matters little.

  Source: Le, Jaitly and Hinton (2015), arXiv:1504.00941.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> irnn().init(jax.random.key(0), jnp.ones(3), 2).w_h.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
  """
  cell = elman(jax.nn.relu, heads=heads)
  return cell._replace(init=functools.partial(cell.init, scheme='identity'))
