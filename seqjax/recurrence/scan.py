"""The engine `scan`: one `lax.scan` in plain JAX, and what engines share.

It serves every cell and every transform, and is what the others are held to.
"""

import functools

import jax
import jax.numpy as jnp

from seqjax import cells


def where(condition, x, y):
  """`jnp.where` over pytrees; a condition [B] or [T, B] spans what follows."""

  def select(a, b):
    shape = condition.shape + (1,) * (a.ndim - condition.ndim)
    return jnp.where(condition.reshape(shape), a, b)

  return jax.tree.map(select, x, y)


def keep(mask, x):
  """`x` where the mask is True, zero elsewhere; all of it without a mask."""
  if mask is None:
    return x
  return where(mask, x, jax.tree.map(jnp.zeros_like, x))


def fold(tree):
  """[T, B, ...] -> [T * B, ...]: time becomes part of the batch."""
  return jax.tree.map(
    lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), tree
  )


def unfold(tree, steps: int, batch_size: int):
  """[T * B, ...] -> [T, B, ...]."""
  return jax.tree.map(
    lambda x: x.reshape(steps, batch_size, *x.shape[1:]), tree
  )


def scan(cell, params, us, carry, initial_carry, mask, resets, reverse):
  """The contract of `unroll` after the projection, step by step.

  Args:
    cell, params: as in `unroll`.
    us: pytree of [T, B, ...], the projected input, finite in the padding.
    carry, initial_carry: pytrees of [B, ...].
    mask, resets: [T, B] bool or None; a reset clears the carry that enters its
      step, whichever way time runs.
    reverse: whether time runs from right to left.

  Returns:
    outputs [T, B, ...], the last carry [B, ...], carries [T, B, ...].
  """
  step = functools.partial(cells.step, cell._replace(readout=None))
  step = jax.vmap(step, in_axes=(None, 0, 0))

  def body(carry, inputs):
    u_t, mask_t, reset_t = inputs
    if reset_t is not None:
      carry = where(reset_t, initial_carry, carry)
    carry_t, y_t = step(params, carry, u_t)
    if mask_t is not None:
      carry_t = where(mask_t, carry_t, carry)
    return carry_t, (keep(mask_t, y_t), carry_t)

  carry, (outputs, carries) = jax.lax.scan(
    body, carry, (us, mask, resets), reverse=reverse
  )
  return outputs, carry, carries
