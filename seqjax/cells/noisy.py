"""Noise inside the loop, for any cell: dropout and zoneout of its state.

No cell needs a copy for it, and none leaves the fast path: masks are drawn
once, outside the loop, and travel through the cell beside its input.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import probe, regularizers

# Those of `regularizers.Rates` that are about the loop.
RATES = (
  'state_dropout_rate',
  'candidate_dropout_rate',
  'zoneout_h_rate',
  'zoneout_c_rate',
)


class Dropout(NamedTuple):
  """What a dropout needs to know at one step."""

  kept: jax.Array  # [H] bool
  rate: jax.Array  # [], the probability of dropping


class Noise(NamedTuple):
  """What happens to one step; None where nothing does.

  The leaves of zoneout are bool [H], True where a unit keeps its old value, or
  in evaluation the probability [] of that.
  """

  state: Dropout | None = None
  candidate: Dropout | None = None
  zoneout_h: jax.Array | None = None
  zoneout_c: jax.Array | None = None


class Noisy(NamedTuple):
  """The input of a regularized cell."""

  x: Any
  noise: Noise


@functools.cache
def regularized(cell: cell_lib.Cell) -> cell_lib.Cell:
  """The same cell with noise beside its input: x_t becomes Noisy(x_t, noise).

    z_t      = mix(d_h * h_tm1, u_t)
    h_t, c_t = update(z_t), with d_g * candidate for the candidate in it
    h_t      = m_h * h_tm1 + (1 - m_h) * h_t
    c_t      = m_c * c_tm1 + (1 - m_c) * c_t

  d is 1 / (1 - rate) where a unit is kept and 0 elsewhere; m is 1 where a unit
  keeps its old value, and in evaluation the probability of that. h_t is made of
  the c_t before zoneout, as the paper has it. A cell that puts out its h_t puts
  out the one after zoneout.

  Source: d_h, one mask per sequence: Gal and Ghahramani (2016),
    arXiv:1512.05287, who drop the state of each gate apart; here, as in Keras
    by default, all gates share a mask. d_g: Semeniuta et al. (2016),
    arXiv:1603.05118. m: Krueger et al. (2017), arXiv:1606.01305.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> from seqjax import cells
    >>> cell, xs = cells.lstm(), jnp.ones((5, 2, 3))
    >>> params = cell.init(jax.random.key(0), xs[0, 0], 4)
    >>> rates = regularizers.Rates(zoneout_h_rate=0.1)
    >>> noisy = with_noise(jax.random.key(1), cell, params, xs, rates)
    >>> noisy[0] is regularized(cell), noisy[1].noise.zoneout_h.shape
    (True, (5, 2, 4))
  """

  def init(key, noisy, hidden_size, **numbers):
    return cell.init(key, noisy.x, hidden_size, **numbers)

  def carry(params, noisy):
    return cell.carry(params, noisy.x)

  def project(params, noisy):
    return noisy._replace(x=cell.project(params, noisy.x))

  def mix(params, carry, noisy):
    u_t, noise = noisy
    if noise.state is not None:
      carry = carry._replace(h=_drop(noise.state, carry.h))
    return Noisy(cell.mix(params, carry, u_t), noise._replace(state=None))

  def update(params, carry, noisy):
    z_t, noise = noisy
    # Seen through a jit, so that h_t and y_t are one object if they are one.
    function = probe.visited(
      cell.update, lambda name, value: cell_lib.named(value, name)
    )
    if noise.candidate is not None:
      drop = functools.partial(_drop, noise.candidate)
      function = probe.edited(function, {'candidate': drop})
    carry_t, y_t = function(params, carry, z_t)
    if noise.zoneout_h is not None:
      h_t = _zone_out(noise.zoneout_h, carry.h, carry_t.h)
      y_t = h_t if y_t is carry_t.h else y_t
      carry_t = carry_t._replace(h=h_t)
    if noise.zoneout_c is not None:
      c_t = _zone_out(noise.zoneout_c, carry.c, carry_t.c)
      carry_t = carry_t._replace(c=c_t)
    return carry_t, y_t

  return cell._replace(
    init=init,
    carry=carry,
    project=project,
    mix=mix if cell.mix else None,
    update=update,
    linear=None,
  )


def with_noise(
  key,
  cell,
  params,
  xs,
  rates: regularizers.Rates,
  *,
  candidate_per_step: bool = False,
):
  """Draws the masks that the rates ask for in the loop.

  A mask of the state or of the candidate is one per sequence: the same at all
  steps of xs, after a reset too. Zoneout draws at every step.

  Args:
    key: PRNG key; None means evaluation: nothing is dropped, and zoneout takes
      its expectation.
    cell: e.g. `cells.lstm()`.
    params: of the cell.
    xs: pytree of [T, B, ...].
    rates: the four of the loop; traced ones need no other program.
    candidate_per_step: another mask of the candidate at each step, the second
      form of Semeniuta et al. (2016).

  Returns:
    The cell and the input for `recurrence.unroll`; those given, where nothing
    is to be done.

  Raises:
    UserError: the cell does not have what a rate is for.
  """
  if all(regularizers.is_off(getattr(rates, name)) for name in RATES):
    return cell, xs
  carry, candidate = _check_cell(cell, params, xs, rates)
  steps, batch_size = jax.tree.leaves(xs)[0].shape[:2]

  def everywhere(x):
    return jnp.broadcast_to(x, (steps, batch_size, *x.shape[2:]))

  def number(rate):
    dtype = jax.tree.leaves(carry)[0].dtype
    return everywhere(jnp.asarray(rate, dtype).reshape(1, 1))

  def coins(index, rate, like, per_step):
    shape = (steps if per_step else 1, batch_size, *like.shape)
    key_i = jax.random.fold_in(key, index)
    return everywhere(regularizers.coins(key_i, rate, shape))

  def dropout(index, rate, like, per_step=False):
    if regularizers.is_off(rate) or key is None:
      return None
    return Dropout(~coins(index, rate, like, per_step), number(rate))

  def zoneout(index, rate, name):
    if regularizers.is_off(rate):
      return None
    if key is None:
      return number(rate)
    return coins(index, rate, getattr(carry, name), per_step=True)

  noise = Noise(
    state=dropout(0, rates.state_dropout_rate, getattr(carry, 'h', None)),
    candidate=dropout(
      1, rates.candidate_dropout_rate, candidate, candidate_per_step
    ),
    zoneout_h=zoneout(2, rates.zoneout_h_rate, 'h'),
    zoneout_c=zoneout(3, rates.zoneout_c_rate, 'c'),
  )
  if not jax.tree.leaves(noise):
    return cell, xs
  return regularized(cell), Noisy(xs, noise)


def _drop(dropout, x):
  scale = 1 / (1 - jax.lax.stop_gradient(dropout.rate))
  return jnp.where(dropout.kept, scale * x, 0)


def _zone_out(keeps, old, new):
  if keeps.dtype == jnp.bool_:
    return jnp.where(keeps, old, new)
  rate = jax.lax.stop_gradient(keeps)
  return rate * old + (1 - rate) * new


def _check_cell(cell, params, xs, rates):
  """Refuses what the cell has not; the shapes of its carry and candidate."""
  x_t = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), xs)
  carry = jax.eval_shape(cell.carry, params, x_t)
  u_t = z_t = jax.eval_shape(cell.project, params, x_t)
  if cell.mix is not None:
    z_t = jax.eval_shape(cell.mix, params, carry, u_t)
  fields = getattr(carry, '_fields', ())

  for name in ('state_dropout_rate', 'zoneout_h_rate', 'zoneout_c_rate'):
    if regularizers.is_off(getattr(rates, name)):
      continue
    # States that belong together, as c and its normaliser, stay together.
    alone = name == 'zoneout_c_rate'
    if 'h' not in fields or alone and {*fields} != {'h', 'c'}:
      raise errors.UserError(
        f'{name} needs a carry of {"h and c alone" if alone else "h"}; that of '
        f'this cell holds {", ".join(fields) or "no names"}.'
      )
  if not regularizers.is_off(rates.state_dropout_rate):
    mixed = cell.mix and _reached_by_h(cell.mix, params, carry, u_t)
    gated = _reached_by_h(cell.update, params, carry, z_t)
    if not mixed or 'dot_general' in gated or 'conv_general' in gated:
      raise errors.UserError(
        'state_dropout_rate needs a cell that multiplies h by its recurrent '
        'weights in `mix` and nowhere else; in this one a gate comes first, '
        'another part of the carry is multiplied, or nothing is. Use '
        'candidate_dropout_rate.'
      )
  if regularizers.is_off(rates.candidate_dropout_rate):
    return carry, None
  named = probe.shapes(cell.update, params, carry, z_t)
  if 'candidate' not in named:
    raise errors.UserError(
      'candidate_dropout_rate needs a cell that gives a value the name '
      "candidate in `update`, as in cells.named(n, 'candidate'); this one "
      f'names {", ".join(sorted(named)) or "nothing"}.'
    )
  return carry, named['candidate']


def _reached_by_h(function, params, carry, inputs) -> str:
  """The operations of `mix` or `update` that depend on carry.h, as text."""

  def of_h(h, params, carry, inputs):
    return function(params, carry._replace(h=h), inputs)

  jaxpr = jax.make_jaxpr(of_h)(carry.h, params, carry, inputs).jaxpr
  reached, operations = {str(jaxpr.invars[0])}, []
  for operation in jaxpr.eqns:
    if not reached.isdisjoint(map(str, operation.invars)):
      reached.update(map(str, operation.outvars))
      operations.append(str(operation))
  return '\n'.join(operations)
