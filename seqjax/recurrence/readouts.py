"""From the output of a cell to that of the network, and to what is fed back."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import cells, errors
from seqjax.cells import initializers


class Readout(NamedTuple):
  """From the output of a cell to that of the network, and to what is fed back.

  Pure functions of one example and one step, as in a Cell.
  """

  # (key, h_t) -> params. h_t is an output of the cell or its ShapeDtypeStruct.
  init: Callable[..., Any]
  # (params, x_t) -> y before the first step, whatever the width of h_t.
  initial: Callable[[Any, Any], Any]
  # (params, h_t, x_t) -> (y_t, output_t). Noise to draw y_t with comes as a
  # part of x_t.
  apply: Callable[[Any, Any, Any], tuple[Any, Any]]


class DenseParams(NamedTuple):
  w_o: jax.Array  # [H, K]
  b_o: jax.Array  # [K]


@functools.cache
def dense(output_size: int, feed=None) -> Readout:
  """An affine readout.

    output_t = w_o h_t + b_o
    y_t = feed(output_t, x_t)

  Params: `DenseParams`; `w_o` [H, K] of variance 1/H, `b_o` [K], zero.

  Args:
    output_size: K.
    feed: (output_t [K], x_t) -> y_t; None feeds the output back as it is.

  Raises:
    UserError: an output_size below 1.
  """
  if output_size < 1:
    raise errors.UserError(
      f'output_size is {output_size}; it must be at least 1.'
    )
  feed = feed or (lambda output, x_t: output)

  def init(key, h_t) -> DenseParams:
    dtype = initializers.param_dtype(h_t)
    lecun = jax.nn.initializers.lecun_normal()
    w_o = lecun(key, (h_t.shape[0], output_size), dtype)
    return DenseParams(w_o, jnp.zeros(output_size, dtype))

  def initial(params, x_t):
    y_t = jax.eval_shape(feed, params.b_o, x_t)
    return jnp.zeros(y_t.shape, y_t.dtype)

  def apply(params, h_t, x_t):
    dtype = params.b_o.dtype
    output_t = cells.product(h_t, params.w_o, dtype) + params.b_o
    return feed(output_t, x_t), output_t

  return Readout(init, initial, apply)


def softmax(output, x_t):
  """Feeds back the probability of every token."""
  del x_t
  return jax.nn.softmax(output)


def likeliest(output, x_t):
  """Feeds back the likeliest token, one-hot; no gradient flows through it."""
  del x_t
  return jax.nn.one_hot(jnp.argmax(output), len(output), dtype=output.dtype)
