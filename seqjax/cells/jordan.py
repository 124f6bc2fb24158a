"""The networks of Jordan (1986), which feed their output back."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class JordanParams(NamedTuple):
  w_x: jax.Array  # [D, H]
  w_y: jax.Array  # [K, H], fed back to the hidden layer; [K, K] to the output
  b_h: jax.Array  # [H]
  w_o: jax.Array  # [H, K]
  b_o: jax.Array  # [K]


class JordanCarry(NamedTuple):
  y: jax.Array  # [K], the output, or what is to stand in its place


FEEDBACKS = ('hidden', 'output')


@functools.cache
def jordan(
  feedback='hidden',
  *,
  activation=jnp.tanh,
  output_activation=jnp.tanh,
  output_size=None,
) -> cell_lib.Cell:
  """Jordan network: the output is fed back.

    h_t = activation(w_x x_t + w_y y_tm1 + b_h)            feedback='hidden'
    y_t = output_activation(w_o h_t + b_o)

    h_t = activation(w_x x_t + b_h)                        feedback='output'
    y_t = output_activation(w_o h_t + w_y y_tm1 + b_o)

  Params: `JordanParams`; `w_x` [D, H], `w_y` [K, H] or [K, K], `b_h` [H], `w_o`
    [H, K], `b_o` [K].
  Carry: `JordanCarry`; `y` [K]. A teacher may replace it by the target.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` [K].

  Args:
    feedback: to the 'hidden' layer; or to the 'output' layer, whose hidden
      layer has no memory and runs for all steps at once.
    activation: of the hidden layer.
    output_activation: of the output, which unbounded can grow without end.
    output_size: K; None takes H.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=)`, the scale
    being that of w_y.

  Raises:
    UserError: another value of `feedback`; an output_size below 1.

  Source: Jordan (1986), Serial order, ICS report 8604, for 'hidden'. His state
    units keep a share of themselves beside the output that they receive, and
    his units are logistic; here they hold the output alone.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell = jordan(output_size=2)
    >>> params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_y.shape, cell.carry(params, jnp.ones(3)).y.shape
    ((2, 4), (2,))
  """
  if feedback not in FEEDBACKS:
    raise errors.unknown('feedback', feedback, FEEDBACKS)
  if output_size is not None and output_size < 1:
    raise errors.UserError(
      f'output_size is {output_size}; it must be at least 1.'
    )

  def init(
    key, x_t, hidden_size, *, scheme='orthogonal', recurrent_scale=1.0
  ) -> JordanParams:
    key_h, key_o = jax.random.split(key)
    size = output_size or hidden_size
    w_x, to_hidden, b_h = initializers.weights(
      key_h, x_t, hidden_size, 1, scheme, recurrent_scale, state_size=size
    )
    w_o, to_output, b_o = initializers.weights(
      key_o, b_h, size, 1, scheme, recurrent_scale
    )
    w_y = to_hidden if feedback == 'hidden' else to_output
    return JordanParams(w_x, w_y, b_h, w_o, b_o)

  def carry(params, x_t):
    del x_t
    return JordanCarry(jnp.zeros_like(params.b_o))

  def to_hidden(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b_h.dtype) + params.b_h

  def to_output(params, h_t):
    h_t = activation(h_t)
    return cell_lib.product(h_t, params.w_o, params.b_o.dtype) + params.b_o

  def mix(params, carry, u_t):
    return u_t + cell_lib.product(carry.y, params.w_y, u_t.dtype)

  def put_out(z_t):
    y_t = output_activation(z_t)
    return JordanCarry(y_t), y_t

  if feedback == 'hidden':
    project = to_hidden
    update = lambda params, carry, z_t: put_out(to_output(params, z_t))
  else:
    project = lambda params, x_t: to_output(params, to_hidden(params, x_t))
    update = lambda params, carry, z_t: put_out(z_t)
  return cell_lib.Cell(init, carry, project, mix, update)
