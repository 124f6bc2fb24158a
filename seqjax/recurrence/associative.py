"""The engine `associative`: a linear recurrence in log T parallel rounds.

carry_t = a_t * carry_tm1 + b_t is a chain of affine maps, and those compose
associatively: first (a, b), then (a', b') is (a' * a, a' * b + b').
"""

import jax
import jax.numpy as jnp

from seqjax.cells import linear
from seqjax.recurrence import scan


def associative(cell, params, us, carry, initial_carry, mask, resets, reverse):
  """As `scan.scan`, for cells with `linear`."""
  steps, batch_size = jax.tree.leaves(us)[0].shape[:2]
  if not steps:
    return scan.scan(
      cell, params, us, carry, initial_carry, mask, resets, reverse
    )
  coefficients = jax.vmap(cell.linear, in_axes=(None, 0))
  a, b = scan.unfold(coefficients(params, scan.fold(us)), steps, batch_size)

  # A masked step is the identity; a reset forgets, whatever came before.
  if mask is not None:
    a = scan.where(mask, a, linear.ones_like(a))
    b = scan.keep(mask, b)
  if resets is not None:
    fresh = jax.tree.map(
      lambda c: jnp.broadcast_to(c, (steps, *c.shape)), initial_carry
    )
    b = scan.where(resets, _add(linear.times(a, fresh), b), b)
    a = scan.keep(~resets, a)
  begins = steps - 1 if reverse else 0
  at = lambda tree, t: jax.tree.map(lambda x: x[t], tree)
  entering = linear.times(at(a, begins), carry)
  b = jax.tree.map(lambda b, c: b.at[begins].add(c), b, entering)

  _, carries = jax.lax.associative_scan(_compose, (a, b), reverse=reverse)

  # The outputs are read as the cell reads them, from the carries on entry.
  entries = jax.tree.map(
    lambda every, first: jnp.concatenate(
      [every[1:], first[None]] if reverse else [first[None], every[:-1]]
    ),
    carries,
    carry,
  )
  if resets is not None:
    entries = scan.where(resets, fresh, entries)
  update = jax.vmap(cell.update, in_axes=(None, 0, 0))
  _, ys = update(params, scan.fold(entries), scan.fold(us))
  ys = scan.unfold(ys, steps, batch_size)
  return scan.keep(mask, ys), at(carries, 0 if reverse else -1), carries


def _compose(first, then):
  a, b = first
  a_then, b_then = then
  return linear.times(a_then, a), _add(linear.times(a_then, b), b_then)


def _add(x, y):
  return jax.tree.map(jnp.add, x, y)
