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
  begins, ends = (-1, 0) if reverse else (0, -1)
  first = carry if resets is None else scan.keep(~resets[begins], carry)
  entering = linear.times(_at(a, begins), first)
  b = jax.tree.map(lambda b, c: b.at[begins].add(c), b, entering)

  carries = solve(a, b, reverse)

  # The outputs are read as the cell reads them, from the carries on entry.
  entries = _shift(carries, carry, reverse)
  if resets is not None:
    entries = scan.where(resets, fresh, entries)
  update = jax.vmap(cell.update, in_axes=(None, 0, 0))
  _, ys = update(params, scan.fold(entries), scan.fold(us))
  ys = scan.unfold(ys, steps, batch_size)
  return scan.keep(mask, ys), _at(carries, ends), carries


def solve(a, b, reverse):
  """x_t = a_t * x_tm1 + b_t for all t, from x = 0.

  These are linear equations, x_t - a_t * x_tm1 = b_t. Their derivative is a
  system with the same left side, and their transpose one that runs the other
  way: one more scan each, in every mode of differentiation. Going back through
  the rounds instead, a training step of the LRU took 1.2 to 1.8 times as long
  on a CPU, and 1.4 times as long to compile.
  """

  def left_side(x):
    before = _shift(x, jax.tree.map(jnp.zeros_like, _at(x, 0)), reverse)
    return jax.tree.map(jnp.subtract, x, linear.times(a, before))

  def in_rounds(a, b, reverse):
    return jax.lax.associative_scan(_compose, (a, b), reverse=reverse)[1]

  def transposed(_, d):
    # What x_t does to x_t+1 comes back by the conjugate of the same factor.
    a_next = _shift(a, _at(a, 0), not reverse)
    return in_rounds(linear.conjugate(a_next), d, not reverse)

  return jax.lax.custom_linear_solve(
    left_side, b, lambda _, b: in_rounds(a, b, reverse), transposed
  )


def _compose(first, then):
  a, b = first
  a_then, b_then = then
  passed_on = linear.passed_on
  return passed_on(a_then, a), _add(passed_on(a_then, b), b_then)


def _add(x, y):
  return jax.tree.map(jnp.add, x, y)


def _at(tree, t):
  return jax.tree.map(lambda x: x[t], tree)


def _shift(tree, first, reverse):
  """What every step finds: the value of the step before, `first` at first."""
  return jax.tree.map(
    lambda x, f: jnp.concatenate(
      [x[1:], f[None]] if reverse else [f[None], x[:-1]]
    ),
    tree,
    first,
  )
