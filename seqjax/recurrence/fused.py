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


@functools.cache
def projecting_inside(cell):
  """The same cell with its projection moved into `mix`: u_t becomes x_t."""

  def mix(params, carry, x_t):
    return cell.mix(params, carry, cell.project(params, x_t))

  return cell._replace(project=_as_it_is, mix=mix)


def _as_it_is(params, x_t):
  del params
  return x_t


def belongs_inside(cell, params, xs) -> bool:
  """Whether to project step by step, inside the loop.

  One product for all steps is the faster product, but it writes and reads the
  whole of us. On a CPU that costs more than it saves once a step's own product
  is large enough to run at speed and x_t is smaller than u_t. Measured for
  B from 1 to 64 and H from 128 to 512: 1.2 to 1.6 times in the forward pass.
  """
  if jax.default_backend() != 'cpu':
    return False
  x_t = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), xs)
  u_t = jax.eval_shape(cell.project, params, x_t)
  sizes = [sum(x.size for x in jax.tree.leaves(t)) for t in (x_t, u_t)]
  batch_size = jax.tree.leaves(xs)[0].shape[1]
  return batch_size >= 8 and sizes[0] < sizes[1]


def fused(cell, params, us, carry, initial_carry, mask, resets, reverse):
  """As `scan.scan`, for cells with a `mix`, with a faster gradient."""
  try:
    return _fused(cell, reverse, params, us, carry, initial_carry, mask, resets)
  except TypeError as e:
    if 'forward-mode' in str(e):
      raise TypeError(_NO_JVP) from e
    raise


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _fused(cell, reverse, *arguments):
  # What only the way back needs is dead here, and the compiler removes it.
  results, _ = _run(cell, reverse, *arguments)
  return results


def _forward(cell, reverse, *arguments):
  """As `_fused`, keeping what the way back needs."""
  return _run(
    cell,
    reverse,
    *jax.tree.map(
      lambda a: a.value,  # Symbolic zeros come with every leaf wrapped.
      arguments,
      is_leaf=lambda a: hasattr(a, 'perturbed'),
    ),
  )


def _run(cell, reverse, params, us, carry, initial_carry, mask, resets):
  """The loop, and its residuals: carries on entry, and z_t."""
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

  # A product inside the loop reads the slice of its input as it is.
  loop = jax.lax.scan if cell.project is _as_it_is else _scan_reading_ahead
  last, (outputs, carries, entries, zs) = loop(
    body, carry, (us, mask, resets), reverse=reverse
  )
  return (outputs, last, carries), (params, us, entries, zs, mask, resets)


def _scan_reading_ahead(body, carry, xs, reverse):
  """`lax.scan`, reading one step ahead on a CPU.

  There XLA fuses the slice of a stacked input with the arithmetic that reads
  it, and the fused loop is not vectorised. A slice that the step before has put
  into the carry is a plain buffer. (Differentiating this form would be slow;
  the backward pass here is our own.)
  """
  steps = jax.tree.leaves(xs)[0].shape[0]
  if jax.default_backend() != 'cpu' or not steps:
    return jax.lax.scan(body, carry, xs, reverse=reverse)

  def at(t):
    return jax.tree.map(
      lambda x: jax.lax.dynamic_index_in_dim(x, t, keepdims=False), xs
    )

  def step(state, t):
    carry, x_t = state
    carry, y_t = body(carry, x_t)
    ahead = jnp.clip(t - 1 if reverse else t + 1, 0, steps - 1)
    return (carry, at(ahead)), y_t

  first = at(steps - 1 if reverse else 0)
  (carry, _), ys = jax.lax.scan(
    step,
    (carry, first),
    jnp.arange(steps, dtype=jnp.int32),
    reverse=reverse,
  )
  return carry, ys


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
  # What `update` reads of the params: the gradient of a vector is summed on the
  # way, that of a matrix is one product after the loop.
  vectors, matrices = _by_rank(params)
  reads_matrices = _update_reads(cell, matrices, params, entries, zs)

  def body(state, inputs):
    d_carry, d_initial, d_vectors = state
    entry, u_t, z_t, mask_t, reset_t, d_y, d_seen = inputs
    if d_seen is not None:
      d_carry = _add(d_carry, d_seen)
    d_new = scan.keep(mask_t, d_carry)
    pull_update = _vjp(
      lambda v, *rest: update(_either(v, params), *rest), vectors, entry, z_t
    )
    d_read, d_entry, d_z = pull_update((d_new, scan.keep(mask_t, d_y)))
    d_vectors = _add(d_vectors, d_read)
    pull_mix = _vjp(lambda carry: mix(params, carry, u_t), entry)
    d_entry = _add(d_entry, *pull_mix(d_z))
    if mask_t is not None:
      # What a masked step kept passes it by.
      d_entry = _add(d_entry, scan.keep(~mask_t, d_carry))
    if reset_t is not None:
      d_initial = _add(d_initial, scan.keep(reset_t, d_entry))
      d_entry = scan.keep(~reset_t, d_entry)
    state = d_entry, d_initial, d_vectors
    return state, (d_z, d_new if reads_matrices else None)

  zeros = jax.tree.map(jnp.zeros_like, (d_last, _floats(vectors)))
  (d_carry, d_initial, d_vectors), (d_zs, d_news) = jax.lax.scan(
    body,
    (d_last, *zeros),
    (entries, us, zs, mask, resets, d_outputs, d_carries),
    reverse=not reverse,
  )

  entries, us, d_zs = scan.fold((entries, us, d_zs))
  d_params, d_us = _vjp(lambda p, u: mix(p, entries, u), params, us)(d_zs)
  d_params = _add_some(d_params, d_vectors)
  if reads_matrices:
    zs, d_news, d_ys = scan.fold((zs, d_news, scan.keep(mask, d_outputs)))
    pull = _vjp(lambda m: update(_either(m, params), entries, zs), matrices)
    d_params = _add_some(d_params, *pull((d_news, d_ys)))
  d_us = scan.unfold(d_us, steps, batch_size)
  return d_params, d_us, d_carry, d_initial, None, None


_fused.defvjp(_forward, _backward, symbolic_zeros=True)


def _add(x, y):
  return jax.tree.map(jnp.add, x, y)


def _add_some(x, y):
  """x + y, and x where y has None."""
  return jax.tree.map(lambda a, b: a if b is None else a + b, x, y)


def _vjp(function, *primals):
  """The pull-back of `jax.vjp`, with None for every leaf that is no float.

  Masks of a regulariser, for example, travel through a cell as bool.
  """
  rest = primals

  def of_floats(*floats):
    whole = jax.tree.map(lambda x, f: x if f is None else f, rest, floats)
    return _floats(function(*whole))

  return jax.vjp(of_floats, *_floats(primals))[1]


def _floats(tree):
  is_float = lambda x: jnp.issubdtype(x.dtype, jnp.inexact)
  return jax.tree.map(lambda x: x if is_float(x) else None, tree)


def _is_zero(x):
  return isinstance(x, SymbolicZero)


def _all_zero(tree):
  return all(map(_is_zero, jax.tree.leaves(tree, is_leaf=_is_zero)))


def _instantiate(tree):
  """Cotangents as arrays, and None where the result was no float."""

  def array(x):
    if not _is_zero(x):
      return x
    is_float = jnp.issubdtype(x.dtype, jnp.inexact)
    return jnp.zeros(x.shape, x.dtype) if is_float else None

  return jax.tree.map(array, tree, is_leaf=_is_zero)


def _by_rank(params):
  """Vectors and matrices apart, each with None in the place of the others."""
  pick = lambda keeps: jax.tree.map(lambda p: p if keeps(p) else None, params)
  return pick(lambda p: jnp.ndim(p) < 2), pick(lambda p: jnp.ndim(p) >= 2)


def _either(some, rest):
  """The leaves of `some`, and those of `rest` where it has None."""
  return jax.tree.map(lambda r, s: r if s is None else s, rest, some)


def _update_reads(cell, some, params, entries, zs) -> bool:
  """Whether `update` uses some of the params, matrices for example.

  If not, the cotangents of its results need not be kept.
  """
  carry, z_t = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), (entries, zs)
  )
  step = lambda some, *rest: cell.update(_either(some, params), *rest)
  jaxpr = jax.make_jaxpr(step)(some, carry, z_t).jaxpr
  inputs = set(jaxpr.invars[: len(jax.tree.leaves(some))])
  # Read by an operation, or handed on as it is.
  used = {str(v) for e in jaxpr.eqns for v in e.invars}
  used.update(map(str, jaxpr.outvars))
  return any(str(v) in used for v in inputs)
