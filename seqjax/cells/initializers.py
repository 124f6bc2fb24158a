"""How the weights of a cell begin.

Every scheme fills one matrix per gate and lays them side by side, so that a
gate's statistics do not depend on how many gates share the matrix. (Drawing one
orthogonal [H, 4H] gives each gate's block half the scale that it should have.)
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors


class Scheme(NamedTuple):
  """How a gate begins: each field is (key, shape, dtype) -> array."""

  w_x: Callable
  w_h: Callable
  b: Callable


def orthogonal(hidden_size) -> Scheme:
  """w_x of variance 1/D, w_h orthogonal (Saxe et al., 2014), b zero."""
  del hidden_size
  init = jax.nn.initializers
  return Scheme(init.lecun_normal(), init.orthogonal(), init.zeros)


def uniform(hidden_size) -> Scheme:
  """Everything from U(-1/sqrt(H), 1/sqrt(H)), as torch.nn.LSTM begins.

  torch draws two biases and adds them at every step; here is one, so its spread
  is that of a single draw.
  """
  bound = hidden_size**-0.5

  def draw(key, shape, dtype):
    return jax.random.uniform(key, shape, dtype, -bound, bound)

  return Scheme(draw, draw, draw)


def identity(hidden_size) -> Scheme:
  """w_h the identity, w_x from N(0, 0.001), b 0: the IRNN of Le et al. (2015).

  Meant for `elman(activation=jax.nn.relu)`, which then begins as a sum over
  time through which gradients neither vanish nor explode.
  """
  del hidden_size
  init = jax.nn.initializers
  eye = lambda key, shape, dtype: jnp.eye(*shape, dtype=dtype)
  return Scheme(init.normal(0.001), eye, init.zeros)


# name -> (H -> Scheme)
SCHEMES = {
  'orthogonal': orthogonal,
  'uniform': uniform,
  'identity': identity,
}


def param_dtype(x_t):
  """float32, whatever the compute dtype, and float64 where the input is."""
  return jnp.float64 if x_t.dtype == jnp.float64 else jnp.float32


def check(x_t, hidden_size, scheme='orthogonal', heads=1, axes=1):
  """Refuses, in a sentence, what no cell can be made of.

  Args:
    x_t: one example or its ShapeDtypeStruct.
    hidden_size: H.
    scheme: a name of `SCHEMES`.
    heads: blocks of a block-diagonal w_h.
    axes: how many axes one example has: 1 for [D], 2 for [W, C].

  Raises:
    UserError: unknown scheme, no positive width, or heads that do not divide
      it; an input that is no single example.
  """
  if not hasattr(x_t, 'shape'):
    raise errors.UserError(
      'init takes an example of the input, such as jnp.zeros(3), and not its '
      f'width; got {x_t!r}.'
    )
  if len(x_t.shape) != axes:
    one = {1: '[D]', 2: '[W, C]', 3: '[H, W, C]'}[axes]
    raise errors.UserError(
      f'This cell takes one example {one}, and this input has shape '
      f'{tuple(x_t.shape)}. Leave batch and time to recurrence.unroll.'
    )
  if not jnp.issubdtype(x_t.dtype, jnp.floating):
    raise errors.UserError(
      f'This cell takes an input of floats, not of {x_t.dtype}. Embed tokens, '
      'or cast the numbers.'
    )
  if scheme not in SCHEMES:
    raise errors.unknown('initializer', scheme, SCHEMES)
  if hidden_size < 1:
    raise errors.UserError(
      f'hidden_size is {hidden_size}; it must be at least 1.'
    )
  if heads < 1 or hidden_size % heads:
    raise errors.UserError(
      f'heads is {heads}, and must be a divisor of hidden_size ({hidden_size}).'
    )


def input_weights(key, x_t, hidden_size, gates, scheme):
  """w_x [D, gates * H] and b [gates * H]; the arguments are those of `weights`.

  Raises:
    UserError: as `check`.
  """
  check(x_t, hidden_size, scheme)
  key_x, _, key_b = jax.random.split(key, 3)
  return _input_weights(key_x, key_b, x_t, hidden_size, gates, scheme)


def recurrent_weights(key, hidden_size, gates, scheme, dtype, state_size=None):
  """w_h [H, gates * H]; the arguments are those of `weights`."""
  shape = (state_size or hidden_size, hidden_size)
  return _per_gate(SCHEMES[scheme](hidden_size).w_h, key, shape, gates, dtype)


def weights(
  key,
  x_t,
  hidden_size,
  gates,
  scheme,
  recurrent_scale,
  *,
  heads=1,
  state_size=None,
):
  """The three arrays that every gated cell has.

  Args:
    key: PRNG key.
    x_t: one example [D] or its ShapeDtypeStruct.
    hidden_size: H.
    gates: how many blocks of H columns.
    scheme: a name of `SCHEMES`.
    recurrent_scale: factor on w_h; for an orthogonal w_h its spectral radius.
    heads: blocks on the diagonal of every gate's recurrent matrix; one head is
      the full matrix.
    state_size: rows of w_h where the state is not as wide as a gate.

  Returns:
    w_x [D, gates * H], w_h [H, gates * H] or, with heads, [heads, H / heads,
    gates * H / heads], b [gates * H]. See `cell.product`.

  Raises:
    UserError: as `check`.
  """
  check(x_t, hidden_size, scheme, heads)
  key_x, key_h, key_b = jax.random.split(key, 3)
  w_x, b = _input_weights(key_x, key_b, x_t, hidden_size, gates, scheme)
  draw = lambda key, size: recurrent_weights(
    key, size, gates, scheme, b.dtype, state_size
  )
  if heads == 1:
    w_h = draw(key_h, hidden_size)
  else:
    size = hidden_size // heads
    w_h = jnp.stack([draw(k, size) for k in jax.random.split(key_h, heads)])
  return w_x, w_h * jnp.asarray(recurrent_scale, b.dtype), b


def _input_weights(key_x, key_b, x_t, hidden_size, gates, scheme):
  fill, dtype = SCHEMES[scheme](hidden_size), param_dtype(x_t)
  w_x = _per_gate(fill.w_x, key_x, (x_t.shape[0], hidden_size), gates, dtype)
  return w_x, fill.b(key_b, (gates * hidden_size,), dtype)


def _per_gate(initializer, key, shape, gates, dtype):
  keys = jax.random.split(key, gates)
  return jnp.concatenate([initializer(k, shape, dtype) for k in keys], axis=-1)


def chrono_bias(key, hidden_size, max_steps, dtype):
  """log u with u from U(1, max_steps - 1): a unit then remembers u steps.

  A forget gate of sigmoid(log u) = u / (1 + u) keeps a memory for about 1 + u
  steps; the units share the range out among them (Tallec and Ollivier, 2018).
  """
  if max_steps < 3:
    raise errors.UserError(
      f'chrono_steps is {max_steps}; it is the longest time to remember, in '
      'steps, and must be at least 3 (0 switches it off).'
    )
  steps = jax.random.uniform(key, (hidden_size,), dtype, 1.0, max_steps - 1.0)
  return jnp.log(steps)
