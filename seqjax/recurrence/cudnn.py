"""The engine `cudnn`: the plain LSTM as one call of NVIDIA's library.

cuDNN reads each row from its first step to its length. Any mask comes down to
that by moving the valid steps of a row to its front, and their results back.
Its products obey `jax.default_matmul_precision` as others do there, with TF32
as the default.
"""

import functools

import jax
import jax.numpy as jnp

from seqjax import cells, errors
from seqjax.cells import linear
from seqjax.recurrence import associative, scan

_NO_JVP = (
  "The engine 'cudnn' has a backward pass alone and no forward mode (jvp, "
  "jacfwd, linearize). Use engine='scan', which serves every transform."
)

# c_t = a_t * c_tm1 + b_t, all by itself.
_MEMORY = linear.cell(None, None, None, read=lambda c_t, u_t: c_t)


def lstm_layer(xs, h_0, c_0, weights, lengths):
  """One layer in one direction: all that needs a GPU here.

  Args:
    xs: [B, T, D] float32.
    h_0, c_0: [1, B, H].
    weights: flat, as `_flat` lays them out.
    lengths: [B] int32, at least 1.

  Returns:
    ys [B, T, H]; h and c [1, B, H] after the last step of each row.
  """
  # Experimental in JAX: if it goes, only this engine goes with it.
  from jax.experimental import rnn

  return rnn.lstm(
    xs,
    h_0,
    c_0,
    weights,
    lengths,
    input_size=xs.shape[-1],
    hidden_size=h_0.shape[-1],
    num_layers=1,
    dropout=0.0,
    bidirectional=False,
  )


def has_device() -> bool:
  """Whether JAX runs on a GPU of NVIDIA."""
  try:
    return jax.default_backend() == 'gpu' and bool(jax.devices('cuda'))
  except RuntimeError:  # A GPU of another maker.
    return False


@functools.cache
def is_plain_lstm(cell: cells.Cell) -> bool:
  """Whether this cell computes what `cells.lstm()` does.

  Two builders' calls may give two objects for one cell, `lstm(jnp.tanh)` for
  example; so the programs are compared, and the parameters.
  """

  def program(cell):
    x_t = jax.ShapeDtypeStruct((2,), jnp.float32)
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), x_t, 3))
    carry = jax.eval_shape(cell.carry, params, x_t)
    step = lambda p, c, x: cells.step(cell, p, c, cell.project(p, x))
    jaxpr = jax.make_jaxpr(step)(params, carry, x_t)
    return jax.tree.structure((params, carry)), str(jaxpr)

  try:
    return program(cell) == program(cells.lstm())
  except Exception:  # Anything at all, from a cell that takes no such input.
    return False


def refusal(cell: cells.Cell) -> str | None:
  """Why this engine cannot serve this cell here; None if it can."""
  if not is_plain_lstm(cell):
    return (
      "The engine 'cudnn' computes cells.lstm() without options and no other "
      "cell. Use engine='auto'."
    )
  if not has_device():
    return (
      "The engine 'cudnn' needs an NVIDIA GPU, and JAX runs on "
      f"{jax.default_backend()!r} here. Use engine='auto'."
    )
  return None


def check(params, carry, resets) -> None:
  """Refuses a call that this engine cannot serve, before anything is run.

  Raises:
    UserError: resets, or an array that is not float32.
  """
  if resets is not None:
    raise errors.UserError(
      "The engine 'cudnn' cannot clear a carry within a sequence. Leave resets "
      "out, or use engine='auto'."
    )
  for name, tree in (('params', params), ('carry', carry)):
    for path, x in jax.tree.leaves_with_path(tree):
      if x.dtype != jnp.float32:
        raise errors.UserError(
          f"The engine 'cudnn' computes in float32 alone, and {name}"
          f"{jax.tree_util.keystr(path)} is {x.dtype}. Use engine='auto'."
        )


def cudnn(cell, params, xs, carry, initial_carry, mask, resets, reverse):
  """As `scan.scan`, for the plain LSTM and without resets.

  The cell comes with its projection inside, and xs as they are: cuDNN projects
  them itself. The c of all carries is not among its results; whoever looks at
  it pays for its computation from the outputs.
  """
  if not xs.size:
    return scan.scan(
      cell, params, xs, carry, initial_carry, mask, resets, reverse
    )
  steps, batch_size = xs.shape[:2]
  xs = xs.astype(params.w_x.dtype)
  in_reading_order = lambda tree: jax.tree.map(
    lambda x: x[::-1] if reverse else x, tree
  )
  xs, mask = in_reading_order((xs, mask))

  lengths = jnp.full((batch_size,), steps, jnp.int32)
  packed = xs
  if mask is not None:
    lengths = mask.sum(axis=0, dtype=jnp.int32)
    packed = _to_the_front(xs, mask)
  try:
    ys, h, c = lstm_layer(
      packed.swapaxes(0, 1),
      carry.h[None],
      carry.c[None],
      _flat(params),
      # A length of 0 gives garbage.
      jnp.maximum(lengths, 1),
    )
  except TypeError as e:
    if 'forward-mode' in str(e):
      raise TypeError(_NO_JVP) from e
    raise
  hs, last = ys.swapaxes(0, 1), cells.LSTMCarry(h[0], c[0])
  if mask is not None:
    hs = _back(hs, mask, carry.h)
    last = scan.where(lengths > 0, last, carry)
  carries = cells.LSTMCarry(hs, _cell_states(cell, params, xs, hs, carry, mask))
  outputs = scan.keep(mask, hs)
  return in_reading_order(outputs), last, in_reading_order(carries)


def _flat(params):
  """W_ih [4H, D], W_hh [4H, H], and the two biases of cuDNN, end to end."""
  parts = (params.w_x.T, params.w_h.T, params.b, jnp.zeros_like(params.b))
  return jnp.concatenate([x.reshape(-1) for x in parts])


def _to_the_front(xs, mask):
  """The valid steps of each row first, in their order."""
  order = jnp.argsort(~mask, axis=0, stable=True)
  return jnp.take_along_axis(xs, order[..., None], axis=0)


def _back(packed, mask, before):
  """From `_to_the_front` to the places in time; masked steps keep the last."""
  place = jnp.cumsum(mask, axis=0) - 1
  hs = jnp.take_along_axis(packed, jnp.maximum(place, 0)[..., None], axis=0)
  return scan.where(place >= 0, hs, before[None])


def _cell_states(cell, params, xs, hs, carry, mask):
  """c after each step, from h: with the gates known, linear in c."""
  steps, batch_size = hs.shape[:2]
  entries = jnp.concatenate([carry.h[None], hs[:-1]])
  mix = jax.vmap(cell.mix, in_axes=(None, 0, 0))
  h, x = scan.fold((entries, xs))
  zs = scan.unfold(mix(params, cells.LSTMCarry(h, h), x), steps, batch_size)
  i, f, g, _ = jnp.split(zs, 4, axis=-1)
  us = jax.nn.sigmoid(f), jax.nn.sigmoid(i) * jnp.tanh(g)
  return associative.associative(
    _MEMORY, None, us, carry.c, carry.c, mask, None, False
  )[2]
