"""The engine `fused`: the same loop with a backward pass of its own.

JAX would differentiate the loop step by step and add up the gradient of the
recurrent weights inside it: T products of [H, B] x [B, 4H]. Here the backward
loop makes only the cotangents of the pre-activations z_t, with the one product
that it cannot avoid (dz_t back to the carry); one product after the loop,
[T * B, H] against [T * B, 4H], then gives the gradient of all weights.
"""

import functools

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from seqjax.recurrence import scan

_NO_JVP = (
  "The engine 'fused' has its own backward pass and no forward mode (jvp, "
  "jacfwd, linearize). Use engine='scan', which serves every transform."
)


def fused(cell, params, us, carry, initial_carry, mask, resets, reverse):
  """As `scan.scan`, for cells with a `mix`, with a faster gradient."""
  try:
    return _fused(cell, reverse, params, us, carry, initial_carry, mask, resets)
  except TypeError as e:
    if 'forward-mode' in str(e):
      raise TypeError(_NO_JVP) from e
    raise


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _fused(cell, reverse, params, us, carry, initial_carry, mask, resets):
  return scan.scan(
    cell, params, us, carry, initial_carry, mask, resets, reverse
  )


def _forward(cell, reverse, *arguments):
  """The loop, keeping what the way back needs: carries on entry, and z_t."""
  params, us, carry, initial_carry, mask, resets = jax.tree.map(
    lambda a: a.value,
    arguments,
    is_leaf=lambda a: hasattr(a, 'perturbed'),
  )
  mix = jax.vmap(cell.mix, in_axes=(None, 0, 0))
  update = jax.vmap(cell.update, in_axes=(None, 0, 0))

  def body(carry, inputs):
    u_t, mask_t, reset_t = inputs
    if reset_t is not None:
      carry = scan.where(reset_t, initial_carry, carry)
    z_t = mix(params, carry, u_t)
    carry_t, y_t = update(params, carry, z_t)
    if mask_t is not None:
      carry_t = scan.where(mask_t, carry_t, carry)
    return carry_t, (scan.keep(mask_t, y_t), carry_t, carry, z_t)

  last, (outputs, carries, entries, zs) = jax.lax.scan(
    body, carry, (us, mask, resets), reverse=reverse
  )
  residuals = params, us, entries, zs, mask, resets
  return (outputs, last, carries), residuals


def _backward(cell, reverse, residuals, cotangents):
  params, us, entries, zs, mask, resets = residuals
  d_outputs, d_last, d_carries = cotangents
  steps, batch_size = jax.tree.leaves(us)[0].shape[:2]
  mix = jax.vmap(cell.mix, in_axes=(None, 0, 0))
  update = jax.vmap(cell.update, in_axes=(None, 0, 0))
  d_outputs, d_last = _instantiate((d_outputs, d_last))
  # The cotangent of all carries is zero unless somebody looked at them, and is
  # then not worth an addition per step.
  d_carries = None if _all_zero(d_carries) else _instantiate(d_carries)
  reads_params = _update_reads_params(cell, params, entries, zs)

  def body(state, inputs):
    d_carry, d_initial = state
    entry, u_t, z_t, mask_t, reset_t, d_y, d_seen = inputs
    if d_seen is not None:
      d_carry = _add(d_carry, d_seen)
    d_new = scan.keep(mask_t, d_carry)
    _, pull_update = jax.vjp(functools.partial(update, params), entry, z_t)
    d_entry, d_z = pull_update((d_new, scan.keep(mask_t, d_y)))
    _, pull_mix = jax.vjp(lambda carry: mix(params, carry, u_t), entry)
    d_entry = _add(d_entry, *pull_mix(d_z))
    if mask_t is not None:
      # What a masked step kept passes it by.
      d_entry = _add(d_entry, scan.keep(~mask_t, d_carry))
    if reset_t is not None:
      d_initial = _add(d_initial, scan.keep(reset_t, d_entry))
      d_entry = scan.keep(~reset_t, d_entry)
    return (d_entry, d_initial), (d_z, d_new if reads_params else None)

  (d_carry, d_initial), (d_zs, d_news) = jax.lax.scan(
    body,
    (d_last, jax.tree.map(jnp.zeros_like, d_last)),
    (entries, us, zs, mask, resets, d_outputs, d_carries),
    reverse=not reverse,
  )

  entries, us, d_zs = scan.fold((entries, us, d_zs))
  _, pull = jax.vjp(lambda p, u: mix(p, entries, u), params, us)
  d_params, d_us = pull(d_zs)
  if reads_params:
    zs, d_news, d_ys = scan.fold((zs, d_news, scan.keep(mask, d_outputs)))
    _, pull = jax.vjp(lambda p: update(p, entries, zs), params)
    d_params = _add(d_params, *pull((d_news, d_ys)))
  d_us = scan.unfold(d_us, steps, batch_size)
  return d_params, d_us, d_carry, d_initial, None, None


_fused.defvjp(_forward, _backward, symbolic_zeros=True)


def _add(x, y):
  return jax.tree.map(jnp.add, x, y)


def _is_zero(x):
  return isinstance(x, SymbolicZero)


def _all_zero(tree):
  return all(map(_is_zero, jax.tree.leaves(tree, is_leaf=_is_zero)))


def _instantiate(tree):
  return jax.tree.map(
    lambda x: jnp.zeros(x.shape, x.dtype) if _is_zero(x) else x,
    tree,
    is_leaf=_is_zero,
  )


def _update_reads_params(cell, params, entries, zs) -> bool:
  """Whether `update` uses a vector of params, a peephole for example.

  If not, the cotangents of its results need not be kept.
  """
  carry, z_t = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), (entries, zs)
  )
  jaxpr = jax.make_jaxpr(cell.update)(params, carry, z_t).jaxpr
  inputs = set(jaxpr.invars[: len(jax.tree.leaves(params))])
  used = {str(v) for e in jaxpr.eqns for v in e.invars}
  return any(str(v) in used for v in inputs)
