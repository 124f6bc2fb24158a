"""Feedback: what the network put out becomes part of its next input.

    input_t = join(x_t, y_tm1)
    y_t = what the readout feeds back of output_t

What is fed back is a field `y` of the carry, so that everything `unroll` does
with a carry holds for it: masks, resets, chunks, a learned beginning. There are
three ways to run it, and they differ in what a step hands on as y:

* Free running: its own y_t.
* Teacher forcing: the target, which is what y_t should have been. No step then
  waits for an output, and the loop that is left is that of the cell.
* Scheduled sampling (Bengio et al., 2015): one or the other, by a coin.

A target replaces y at the step that it is the target of, not at the next. So
targets stand beside inputs, unshifted; padding passes them by; a reset forgets
that of the document before, and a chunk hands its last one to the next chunk.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import cells, errors
from seqjax.recurrence import forcing, fused, readouts, scan
from seqjax.recurrence.unroll import Unrolled, unroll


def concatenate(x_t, y_tm1):
  """[D] and [K] side by side, in floats."""
  dtype = x_t.dtype if jnp.issubdtype(x_t.dtype, jnp.floating) else y_tm1.dtype
  return jnp.concatenate([x_t.astype(dtype), y_tm1.astype(dtype)])


class Loop(NamedTuple):
  """A cell, a readout, and how what is fed back joins the input.

  Where there is nothing to read but the feedback, `xs` has no features:
  `jnp.zeros((T, B, 0))`.
  """

  cell: cells.Cell
  readout: readouts.Readout
  # (x_t, y_tm1) -> the input of the cell.
  join: Callable[[Any, Any], Any] = concatenate


class LoopParams(NamedTuple):
  cell: Any
  readout: Any


class LoopCarry(NamedTuple):
  cell: Any
  y: Any  # what the next step is fed


@functools.cache
def closed(loop: Loop) -> cells.Cell:
  """The loop as a cell, which feeds itself.

    h_t = cell(join(x_t, y_tm1), h_tm1)
    y_t, output_t = readout(h_t)

  Params: `LoopParams`, those of the cell and of the readout.
  Carry: `LoopCarry`, that of the cell, and y. The gradient flows back through
    y, as it does through every carry; see `forcing.detached`.
  Input: `x_t`, whatever `join` and the readout understand.
  Output: `output_t`.

  Initialisation: `init(key, x_t, H)` with the numbers of the cell's `init`.
  """
  cell, readout, join = loop
  cells.require_cell(cell)

  # Wrapped, so that its signature names the numbers that the cell takes.
  @functools.wraps(cell.init)
  def init(key, x_t, hidden_size, **numbers) -> LoopParams:
    key_cell, key_readout = jax.random.split(key)
    double = any(x.dtype == jnp.float64 for x in jax.tree.leaves(x_t))
    h_t = jax.ShapeDtypeStruct(
      (hidden_size,), jnp.float64 if double else jnp.float32
    )
    # Only the shape of y is asked for, which no width of h_t changes.
    y_t = jax.eval_shape(
      lambda key: readout.initial(readout.init(key, h_t), x_t), key_readout
    )
    input_t = jax.eval_shape(join, x_t, y_t)
    params = cell.init(key_cell, input_t, hidden_size, **numbers)
    _, h_t = jax.eval_shape(
      lambda params, input_t: cells.step(
        cell,
        params,
        cell.carry(params, input_t),
        cell.project(params, input_t),
      ),
      params,
      input_t,
    )
    return LoopParams(params, readout.init(key_readout, h_t))

  def carry(params, x_t):
    y = readout.initial(params.readout, x_t)
    input_t = jax.eval_shape(join, x_t, y)
    return LoopCarry(cell.carry(params.cell, input_t), y)

  def mix(params, carry, x_t):
    u_t = cell.project(params.cell, join(x_t, carry.y))
    if cell.mix is not None:
      u_t = cell.mix(params.cell, carry.cell, u_t)
    return u_t, x_t

  def update(params, carry, z_t):
    z_t, x_t = z_t
    carry_t, h_t = cell.update(params.cell, carry.cell, z_t)
    if cell.readout is not None:
      h_t = cell.readout(params.cell, h_t)
    y_t, output_t = readout.apply(params.readout, h_t, x_t)
    return LoopCarry(carry_t, y_t), output_t

  # The identity by which the engine knows that the products with the input
  # stand inside the loop.
  as_it_is = fused.projecting_inside(cell).project
  if cell.mix is None:
    everything = lambda p, c, x_t: update(p, c, mix(p, c, x_t))
    return cells.Cell(init, carry, as_it_is, None, everything)
  return cells.Cell(init, carry, as_it_is, mix, update)


def run(
  loop, params, xs, targets=None, coins=None, carry=None, **options
) -> Unrolled:
  """Runs a loop over time, with a teacher or without.

  Args:
    loop: a `Loop`; or a cell whose carry has a field `y`, such as
      `cells.jordan()` or `forcing.detached(closed(loop))`.
    params: of `closed(loop)`, or of the cell.
    xs: pytree of [T, B, ...].
    targets: [T, B, ...], what each step should have handed on; None runs
      freely.
    coins: [T, B] bool, whether the next step sees the target (see
      `scheduled_sampling.coins`); None is teacher forcing, in which a `Loop`
      runs as its cell does by itself.
    carry: what the previous chunk returned, in whichever of the three modes.
    options: those of `recurrence.unroll`.

  Returns:
    `Unrolled(outputs, carry, carries)`.

  Raises:
    UserError: as `forcing.forced` and `recurrence.unroll`.

  Example:
    A forecaster reads a history under a teacher and then goes on by itself:

    >>> import jax, jax.numpy as jnp
    >>> from seqjax import cells
    >>> from seqjax.recurrence import readouts, scheduled_sampling
    >>> loop = Loop(cells.gru(), readouts.dense(1))
    >>> days, series = jnp.ones((5, 2, 3)), jnp.ones((5, 2, 1))
    >>> params = closed(loop).init(jax.random.key(0), days[0, 0], 4)
    >>> history = run(loop, params, days, series)
    >>> days = jnp.ones((9, 2, 3))
    >>> run(loop, params, days, carry=history.carry).outputs.shape
    (9, 2, 1)

    A decoder of 7 tokens, with nothing to read but what it wrote; later it
    reads its own likeliest token half of the time:

    >>> loop = Loop(cells.lstm(), readouts.dense(7, readouts.likeliest))
    >>> nothing, tokens = jnp.zeros((5, 2, 0)), jnp.ones((5, 2), jnp.int32)
    >>> params = closed(loop).init(jax.random.key(0), nothing[0, 0], 4)
    >>> targets = jax.nn.one_hot(tokens, 7)
    >>> half = scheduled_sampling.coins(jax.random.key(1), 0.5, 5, 2)
    >>> run(loop, params, nothing, targets, half).outputs.shape
    (5, 2, 7)
  """
  cell = closed(loop) if isinstance(loop, Loop) else loop
  _check_teacher(xs, targets, coins)
  if targets is None:
    return unroll(cell, params, xs, carry, **options)
  if coins is None:
    if isinstance(loop, Loop):
      return _taught(loop, params, xs, targets, carry, **options)
    coins = jnp.ones(jax.tree.leaves(targets)[0].shape[:2], bool)
  xs = forcing.Forced(xs, targets, coins)
  return unroll(forcing.forced(cell), params, xs, carry, **options)


def _check_teacher(xs, targets, coins) -> None:
  if targets is None and coins is not None:
    raise errors.UserError(
      'coins choose between the target and the output: give targets too.'
    )
  leading = jnp.shape(jax.tree.leaves(xs)[0])[:2]
  for name, given in (('targets', targets), ('coins', coins)):
    for x in jax.tree.leaves(given):
      if jnp.shape(x)[:2] != leading:
        raise errors.UserError(
          f'{name} must begin with [T, B] = {list(leading)}, as xs does; they '
          f'have shape {jnp.shape(x)}.'
        )


def _taught(
  loop,
  params,
  xs,
  targets,
  carry,
  *,
  mask=None,
  resets=None,
  reverse=False,
  engine='auto',
  initial_carry=None,
) -> Unrolled:
  """Teacher forcing: the loop is open, and only that of the cell is left."""
  cell, readout, join = loop
  part = lambda carry, name: carry and getattr(carry, name)
  xs = scan.keep(mask, xs)
  x_t, target = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape[2:], x.dtype), (xs, targets)
  )
  y = readout.initial(params.readout, x_t)
  forcing.check_target(LoopCarry(None, y), target)
  # What each step sees: the contract has it that a carry is kept where nothing
  # is valid, and cleared where a document begins.
  seen, last_y, ys = unroll(
    _delay(),
    y,
    targets,
    part(carry, 'y'),
    mask=mask,
    resets=resets,
    reverse=reverse,
    initial_carry=part(initial_carry, 'y'),
  )
  hs, last, every = unroll(
    cell,
    params.cell,
    jax.vmap(jax.vmap(join))(xs, seen),
    part(carry, 'cell'),
    mask=mask,
    resets=resets,
    reverse=reverse,
    engine=engine,
    initial_carry=part(initial_carry, 'cell'),
  )
  apply = jax.vmap(readout.apply, in_axes=(None, 0, 0))
  _, outputs = apply(params.readout, *scan.fold((hs, xs)))
  outputs = scan.keep(mask, scan.unfold(outputs, *seen.shape[:2]))
  return Unrolled(outputs, LoopCarry(last, last_y), LoopCarry(every, ys))


@functools.cache
def _delay() -> cells.Cell:
  """Puts out the input of the step before; its params are the first output."""
  return cells.Cell(
    init=None,
    carry=lambda params, x_t: params,
    project=lambda params, x_t: x_t,
    mix=None,
    update=lambda params, carry, x_t: (x_t, carry),
    linear=lambda params, x_t: (jax.tree.map(jnp.zeros_like, x_t), x_t),
  )
