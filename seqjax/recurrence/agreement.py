"""How far engines agree: one cell on random data, in results and gradients."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import cells, recurrence

T, B, H = 6, 8, 8
# For a reference, which nobody uses at speed: half the time of compilation.
CARELESSLY = {'xla_backend_optimization_level': 0}


class Inputs(NamedTuple):
  """What `unroll` reads; [T, B, ...] and [B, ...]."""

  params: Any
  xs: Any
  carry: Any
  initial_carry: Any
  mask: np.ndarray
  resets: np.ndarray | None


class Results(NamedTuple):
  """What a program gives, of each direction."""

  values: dict[str, recurrence.Unrolled]
  gradients: dict[str, dict[str, Any]]


def inputs_for(cell: cells.Cell) -> Inputs:
  """Random ones, nothing zero, with any mask and a row of no valid step."""
  rng = np.random.default_rng(0)
  shape = cells.input_shape(cell)
  x_t = jax.ShapeDtypeStruct(shape, jnp.float32)

  def begin(xs):
    params = cell.init(jax.random.key(0), x_t, H)
    # A bias of zero would hide what becomes of it.
    params = jax.tree.map(lambda p: p + 0.1 * _draw(rng, p.shape), params)

    # Not any numbers are a carry: these are what the cell itself comes to.
    def first_step(x_t):
      u_t = cell.project(params, x_t)
      return cells.step(cell, params, cell.carry(params, x_t), u_t)[0]

    return params, jax.vmap(first_step)(xs)

  params, entered = jax.jit(begin, compiler_options=CARELESSLY)(
    _draw(rng, (2 * B, *shape))
  )
  mask = rng.random((T, B)) < 0.7
  mask[:, 0], mask[:, -1] = True, False
  return Inputs(
    params,
    _draw(rng, (T, B, *shape)),
    jax.tree.map(lambda c: c[:B], entered),
    jax.tree.map(lambda c: c[B:], entered),
    mask,
    rng.random((T, B)) < 0.2,
  )


def program(
  cell: cells.Cell, engine: str, matrix_dtype=None, compiler_options=None
):
  """The function from `Inputs` to `Results`, both directions in one.

  Args:
    cell, engine: as in `unroll`.
    matrix_dtype: of the matrices among params; None leaves them as they are.
    compiler_options: as in `jax.jit`.
  """

  def direction(inputs, reverse):
    def unrolled(params, xs, carry, initial_carry):
      if matrix_dtype is not None:
        params = cells.with_matrices_in(matrix_dtype, params)
      return recurrence.unroll(
        cell,
        params,
        xs,
        carry,
        initial_carry=initial_carry,
        mask=inputs.mask,
        resets=inputs.resets,
        reverse=reverse,
        engine=engine,
      )

    results, pull = jax.vjp(unrolled, *inputs[:4])
    # What every entry of the results counts for in the gradients.
    rng = np.random.default_rng(1)
    weights = jax.tree.map(lambda x: _draw(rng, x.shape, x.dtype), results)
    return results, dict(zip(Inputs._fields, pull(weights), strict=False))

  def both(inputs):
    forward, reverse = direction(inputs, False), direction(inputs, True)
    return Results(
      *(
        {'forward': a, 'reverse': b}
        for a, b in zip(forward, reverse, strict=True)
      )
    )

  return jax.jit(both, compiler_options=compiler_options)


def in_float64(cell: cells.Cell, inputs: Inputs) -> Results:
  """What the engine `scan` computes in float64 on the CPU."""

  def wide(x):
    return np.asarray(x, np.float64 if x.dtype == jnp.float32 else x.dtype)

  inputs = jax.tree.map(wide, inputs)
  with jax.enable_x64(True), jax.default_device(jax.devices('cpu')[0]):
    run = program(cell, 'scan', compiler_options=CARELESSLY)
    return jax.tree.map(np.asarray, run(inputs))


def rounded(params):
  """Params whose matrices are numbers that bfloat16 can hold."""
  return jax.tree.map(
    lambda r, p: r.astype(p.dtype),
    cells.with_matrices_in(jnp.bfloat16, params),
    params,
  )


def error(ours, exact, over=np.max) -> tuple[float, str]:
  """The difference of the worst array, and which it is.

  Args:
    ours, exact: trees of arrays.
    over: what becomes of the differences in one array: np.max; or np.median for
      coarse arithmetic, where rounding carries a relu over its edge now and
      then, and the few gradients that hang on it are far off.

  Returns:
    The difference relative to the largest entry of its array, or to a hundredth
    of that of all arrays: where all cancels out, rounding alone remains. And
    the array's place; '' if nothing differs.

  >>> error({'h': np.array([1.0, 4.0])}, {'h': np.array([2.0, 4.0])})
  (0.25, "['h']")
  """
  size = lambda x: np.abs(x).max(initial=0.0)
  least = 0.01 * max(size(b) for b in jax.tree.leaves(exact))
  worst = 0.0, ''
  for (path, b), a in zip(
    jax.tree.leaves_with_path(exact), jax.tree.leaves(ours), strict=True
  ):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    says_something = (a != 0) | (b != 0)
    if not says_something.any():
      continue
    difference = over(np.abs(a - b)[says_something])
    relative = float(difference / max(size(b), least, np.finfo(float).tiny))
    relative = float('inf') if np.isnan(relative) else relative
    if relative > worst[0]:
      worst = relative, jax.tree_util.keystr(path)
  return worst


def _draw(rng, shape, dtype=np.float32):
  # Rounded first, that float64 may begin with the same numbers.
  return jnp.asarray(rng.normal(size=shape).astype(np.float32), dtype)
