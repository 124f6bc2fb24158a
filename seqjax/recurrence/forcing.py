"""What may be done to the `y` that a cell feeds back: replace it, or cut it."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import cells, errors


class Forced(NamedTuple):
  """The input of `forced`: what the cell reads, and what its y should be."""

  x: Any
  target: Any  # what y_t should have been, of its shape and dtype
  use_target: jax.Array  # [] bool: whether the next step sees it, or y_t


@functools.cache
def forced(cell: cells.Cell) -> cells.Cell:
  """The same cell with a teacher, who may replace what it feeds back.

    y_t <- target_t where use_target_t

  Params, carry, output: of the cell, whose carry has a field `y`.
  Input: `Forced`. The target is that of this very step; what the step puts out
    is the cell's own in any case.

  Raises:
    UserError: no `Forced`, no field `y`, or a target of another shape or dtype.

  Source: Williams and Zipser (1989) for teacher forcing.
  """

  @functools.wraps(cell.init)
  def init(key, x_t, hidden_size, **numbers):
    return cell.init(key, x_t.x, hidden_size, **numbers)

  def carry(params, x_t):
    return cell.carry(params, x_t.x)

  def project(params, x_t):
    _check_forced(x_t)
    return x_t._replace(x=cell.project(params, x_t.x))

  def mix(params, carry, u_t):
    return u_t._replace(x=cell.mix(params, carry, u_t.x))

  def update(params, carry, z_t):
    check_target(carry, z_t.target)
    carry_t, y_t = cell.update(params, carry, z_t.x)
    handed_on = jax.tree.map(
      lambda target, y: jnp.where(z_t.use_target, target, y),
      z_t.target,
      carry_t.y,
    )
    return carry_t._replace(y=handed_on), y_t

  if cell.mix is None:
    return cells.Cell(init, carry, project, None, update, cell.readout)
  return cells.Cell(init, carry, project, mix, update, cell.readout)


@functools.cache
def detached(cell: cells.Cell) -> cells.Cell:
  """The same cell with no gradient through what it feeds back.

  The default is the other way, because the derivative of a network that feeds
  itself passes through its feedback. Cut it where the loop is long and the
  gradient explodes, or to train as Jordan (1986) did. The targets of a teacher
  keep their gradient in `forced(detached(cell))`, not the other way round.
  """

  def update(params, carry, z_t):
    _check_fed_back(carry)
    carry_t, y_t = cell.update(params, carry, z_t)
    return carry_t._replace(y=jax.lax.stop_gradient(carry_t.y)), y_t

  return cell._replace(update=update, linear=None)


def _check_forced(x_t) -> None:
  if not isinstance(x_t, Forced):
    raise errors.UserError(
      'A forced cell takes xs as Forced(x, target, use_target), and got '
      f'{type(x_t).__name__}.'
    )
  if x_t.use_target.shape or x_t.use_target.dtype != jnp.bool_:
    raise errors.UserError(
      'The coins must be [T, B] bool, one for each step; toss them with '
      f'scheduled_sampling.coins. These are {x_t.use_target.dtype}'
      f'{["T", "B", *x_t.use_target.shape]}.'
    )


def _check_fed_back(carry) -> None:
  if not hasattr(carry, 'y'):
    raise errors.UserError(
      'Feedback needs a cell whose carry has a field `y`, such as '
      f'feedback.closed makes; this one is a {type(carry).__name__} of '
      f'{list(getattr(carry, "_fields", ()))}.'
    )


def check_target(carry, target) -> None:
  _check_fed_back(carry)
  shape = lambda tree: jax.tree.map(lambda x: f'{x.dtype}{list(x.shape)}', tree)
  if shape(target) != shape(carry.y):
    raise errors.UserError(
      'A target stands for what is fed back, and must have its shape and '
      f'dtype: one of {shape(target)} came for one of {shape(carry.y)}.'
    )
