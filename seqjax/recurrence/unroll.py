"""A cell over time: the one runner and its contract.

Every array is time-major, [T, B, ...]. Whatever the engine:

* `mask` is True where a step is valid; any mask is allowed. On an invalid step
  the carry is kept and the output is zero, and what stands in the padding, NaN
  included, changes nothing. A row with no valid step returns its carry.
* `resets[t]` marks the first step of a document. Forward, the carry is cleared
  before step t; in reverse it is cleared after step t, before t - 1. A reset at
  an invalid step still clears.
* `reverse=True` reads right to left; outputs stay in the original order.
* Chunks with the carry passed on equal the whole.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import cells, errors
from seqjax.recurrence import associative, cudnn, fused, scan


class Unrolled(NamedTuple):
  """What `unroll` returns, always; what is not used costs nothing under jit."""

  outputs: Any  # [T, B, ...], zero where the mask is False
  carry: Any  # [B, ...], after the last step read
  carries: Any  # [T, B, ...], after each step


# An engine computes the same function by another road.
ENGINES = {
  'scan': scan.scan,
  'fused': fused.fused,
  'associative': associative.associative,
  'cudnn': cudnn.cudnn,
}


def engine_for(cell: cells.Cell) -> str:
  """The engine that `engine='auto'` takes on this machine.

  Of a linear recurrence the parallel form does log T times the arithmetic,
  which only an accelerator has to spare.
  """
  # Never 'cudnn', only by name: it has not been measured beside 'fused' yet.
  if cell.linear is not None and jax.default_backend() != 'cpu':
    return 'associative'
  return 'scan' if cell.mix is None else 'fused'


def refusal(cell: cells.Cell, engine: str) -> str | None:
  """Why this engine cannot serve this cell, as a sentence; None if it can."""
  if engine == 'fused' and cell.mix is None:
    return (
      "The engine 'fused' needs a cell with a linear `mix`, and this one does "
      "everything inside `update`. Use engine='scan'."
    )
  if engine == 'associative' and cell.linear is None:
    return (
      "The engine 'associative' needs a recurrence that is linear in its carry "
      '(`cell.linear`), such as cells.lru(), and this one is not. Use '
      "engine='auto'."
    )
  return cudnn.refusal(cell) if engine == 'cudnn' else None


def unroll(
  cell: cells.Cell,
  params,
  xs,
  carry=None,
  *,
  mask=None,
  resets=None,
  reverse: bool = False,
  engine: str = 'auto',
  initial_carry=None,
) -> Unrolled:
  """Runs a cell over time.

  Args:
    cell: e.g. `cells.lstm()`.
    params: of the cell; shared by the batch.
    xs: pytree of [T, B, ...].
    carry: pytree of [B, ...], what the previous chunk returned; None begins
      with `initial_carry`.
    mask: [T, B] bool, True where valid; None means everywhere.
    resets: [T, B] bool, True on the first step of a document; None means
      nowhere.
    reverse: read from right to left.
    engine: 'auto', 'scan' (plain JAX; every transform works), 'fused' (own
      backward pass; reverse mode, and jvp of grad), 'associative' (linear
      recurrences, parallel in time) or 'cudnn' (the plain LSTM in float32 on a
      GPU of NVIDIA, without resets; reverse mode alone, and no vmap).
    initial_carry: pytree of [B, ...], the carry that a reset brings back; None
      takes `cell.carry` for every row.

  Returns:
    `Unrolled(outputs, carry, carries)`.

  Raises:
    UserError: unknown engine, or one that cannot serve this call; a cell that
      does not take this input, or changes its carry (`cells.check`).
    ValueError: shapes that do not fit.
    TypeError: `cell` is no Cell; or a direct jvp through 'fused' or 'cudnn'.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell, xs = cells.gru(), jnp.ones((5, 2, 3))
    >>> params = cell.init(jax.random.key(0), xs[0, 0], 4)
    >>> ys, carry, _ = unroll(cell, params, xs)
    >>> ys.shape, carry.h.shape
    ((5, 2, 4), (2, 4))
  """
  cells.require_cell(cell)
  if engine == 'auto':
    engine = engine_for(cell)
  if engine not in ENGINES:
    raise errors.unknown('engine', engine, ['auto', *ENGINES])
  if reason := refusal(cell, engine):
    raise errors.UserError(reason)
  steps, batch_size = _leading_axes(xs, mask, resets)

  # Garbage in the padding must not meet arithmetic at all: masking the results
  # alone would still let 0 * NaN into the gradients.
  if mask is not None:
    xs = scan.where(mask, xs, jax.tree.map(jnp.zeros_like, xs))

  x_t = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), xs)
  if carry is None or initial_carry is None:
    cells.check(cell, params, x_t)
  if initial_carry is None:
    initial_carry = jax.tree.map(
      lambda c: jnp.broadcast_to(c, (batch_size, *c.shape)),
      cell.carry(params, x_t),
    )
  if carry is None:
    carry = initial_carry
  for given in (carry, initial_carry):
    cells.check(cell, params, x_t, _one_of(batch_size, given))

  if engine == 'cudnn':
    cudnn.check(params, carry, resets)
  # cuDNN projects by itself.
  if engine == 'cudnn' or (
    engine == 'fused' and fused.belongs_inside(cell, params, xs)
  ):
    cell = fused.projecting_inside(cell)
  # One product for all steps: time is folded into the batch, so that the
  # gradient of the weights is one product as well.
  project = jax.vmap(cell.project, in_axes=(None, 0))
  us = scan.unfold(project(params, scan.fold(xs)), steps, batch_size)

  clear_last = None
  if resets is not None and reverse:
    # The carry that step t hands to t - 1 is cleared where t begins a document.
    # Seen from t - 1 that is a reset on entry, one place to the right.
    clear_last = resets[0] if steps else None
    resets = jnp.concatenate([resets[1:], jnp.zeros_like(resets[:1])])

  outputs, carry, carries = ENGINES[engine](
    cell, params, us, carry, initial_carry, mask, resets, reverse
  )
  if clear_last is not None:
    carry = scan.where(clear_last, initial_carry, carry)
  if cell.readout is not None:
    readout = jax.vmap(cell.readout, in_axes=(None, 0))
    outputs = readout(params, scan.fold(outputs))
    outputs = scan.keep(mask, scan.unfold(outputs, steps, batch_size))
  return Unrolled(outputs, carry, carries)


def _one_of(batch_size: int, carry):
  """The shapes of one row of a carry [B, ...]."""

  def shape(c):
    if not c.ndim or c.shape[0] != batch_size:
      raise ValueError(
        f'A carry has an array of shape {c.shape}; it must begin with the '
        f'batch, {batch_size}.'
      )
    return jax.ShapeDtypeStruct(c.shape[1:], c.dtype)

  return jax.tree.map(shape, carry)


def _leading_axes(xs, mask, resets) -> tuple[int, int]:
  """T and B, after checking that everything agrees on them."""
  leaves = jax.tree.leaves(xs)
  if not leaves or any(x.ndim < 2 for x in leaves):
    raise ValueError(
      'xs must hold arrays [T, B, ...]; these have shapes '
      f'{[x.shape for x in leaves]}.'
    )
  leading = leaves[0].shape[:2]
  for name, value in (('xs', xs), ('mask', mask), ('resets', resets)):
    for x in jax.tree.leaves(value):
      if x.shape[:2] != leading or (name != 'xs' and x.ndim != 2):
        raise ValueError(
          f'{name} has shape {x.shape}, but xs begins with [T, B] = '
          f'{list(leading)}.'
        )
      if name != 'xs' and x.dtype != jnp.bool_:
        raise ValueError(f'{name} must be bool, not {x.dtype}.')
  return leading
