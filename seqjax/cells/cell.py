"""What a recurrent cell is: five pure functions of one example and one step.

There is no batch axis and no time axis here; `recurrence.unroll` adds both.
What depends on the input alone is separate (`project`), because it runs for all
steps as one matrix product. What is linear (`mix`) is separate from what is
elementwise (`update`), because then one backward pass serves every cell: the
backward loop makes only the cotangents of the pre-activations, and one product
after the loop turns them into the gradients of all weights.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.ad_checkpoint import checkpoint_name

from seqjax import errors

# Gates and candidates carry a name inside a cell, so that a probe can record or
# replace them without another copy of the equations.
named = checkpoint_name


class Cell(NamedTuple):
  """A recurrent cell.

  A builder such as `lstm()` makes one and is cached, so that two calls give the
  same object: functions are compared by identity, and another object would be
  traced and compiled anew.

  The last two functions are for those who have use for them: what is read off
  the state by a matrix, and a recurrence that is linear in its carry.
  """

  # (key, x_t, hidden_size, **numbers) -> params. x_t is an example of the input
  # or a jax.ShapeDtypeStruct; a sweep may vary the numbers.
  init: Callable[..., Any]
  # (params, x_t) -> the carry before the first step.
  carry: Callable[[Any, Any], Any]
  # (params, x_t) -> u_t: the input's part, for all steps at once.
  project: Callable[[Any, Any], Any]
  # (params, carry_tm1, u_t) -> z_t: the matrix products of the loop, added to
  # the input's part. None: z_t is u_t, and `update` does everything, on the
  # engine `scan`.
  mix: Callable[[Any, Any, Any], Any] | None
  # (params, carry_tm1, z_t) -> (carry_t, y_t): elementwise. It may multiply by
  # a matrix where the equations do so after a gate, and pays for it: the way
  # back computes that product once more.
  update: Callable[[Any, Any, Any], tuple[Any, Any]]
  # (params, y_t) -> output: for all steps at once; None: the output is y_t.
  readout: Callable[[Any, Any], Any] | None = None
  # (params, u_t) -> (a_t, b_t), with carry_t = a_t * carry_tm1 + b_t leaf by
  # leaf, or by `linear.times` where a pair of leaves is a complex number. Only
  # its shape is checked: `linear.cell` makes an `update` that agrees with it.
  linear: Callable[[Any, Any], tuple[Any, Any]] | None = None


class HiddenCarry(NamedTuple):
  """The carry of a cell whose only state is its output."""

  h: jax.Array  # [H]


def require_cell(cell) -> None:
  """Refuses what is no Cell, such as a builder without its brackets."""
  if not isinstance(cell, Cell):
    raise TypeError(
      'Expected one Cell, such as cells.lstm(), with its brackets; got '
      f'{cell!r:.100}.'
    )


def step(cell: Cell, params, carry, u_t):
  """One step after the projection: (carry_tm1, u_t) -> (carry_t, output)."""
  z_t = u_t if cell.mix is None else cell.mix(params, carry, u_t)
  carry_t, y_t = cell.update(params, carry, z_t)
  return carry_t, y_t if cell.readout is None else cell.readout(params, y_t)


def product(x, w, dtype):
  """x @ w in the dtype of the matrix, accumulated and returned in `dtype`.

  The dtype of the matrices is the compute dtype: cast them to bfloat16 and the
  products run in bfloat16, while biases and carry stay in float32.

  Args:
    x: [N].
    w: [N, M]; or [heads, N / heads, gates * M / heads], a block-diagonal matrix
      whose blocks lie one behind the other, each with its gates side by side.
    dtype: of the result.

  Returns:
    [M]; of a block-diagonal matrix [gates * M], gate by gate, as of a full one.
  """
  if w.ndim == 2:
    return jnp.dot(x.astype(w.dtype), w, preferred_element_type=dtype)
  heads, size, _ = w.shape
  y = jnp.einsum(
    'hn,hnm->hm',
    x.reshape(heads, size).astype(w.dtype),
    w,
    preferred_element_type=dtype,
  )
  return y.reshape(heads, -1, size).swapaxes(0, 1).reshape(-1)


def with_matrices_in(dtype, params):
  """The same parameters, to compute in `dtype`: vectors stay as they are."""

  def cast(p):
    is_float = jnp.issubdtype(p.dtype, jnp.floating)
    return p.astype(dtype) if p.ndim > 1 and is_float else p

  return jax.tree.map(cast, params)


def check(cell: Cell, params, x_t, carry=None) -> None:
  """Refuses, before anything is run, a cell that cannot be unrolled.

  Args:
    cell: e.g. your own.
    params: what `cell.init` returned, or its shapes (`jax.eval_shape`).
    x_t: one example, or its shape.
    carry: what enters the step; None takes `cell.carry`.

  Raises:
    UserError: `project` does not take this input, or a step gives back a carry
      of another structure, shape or dtype than it got.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> from seqjax import cells
    >>> x_t = jax.ShapeDtypeStruct((3,), jnp.float32)
    >>> init = lambda key: cells.gru().init(key, x_t, 4)
    >>> check(cells.gru(), jax.eval_shape(init, jax.random.key(0)), x_t)
  """
  try:
    u_t = jax.eval_shape(cell.project, params, x_t)
  except errors.UserError:
    raise
  except (AttributeError, TypeError, ValueError) as e:
    raise errors.UserError(
      f'These params take no input of shape {_shapes(x_t)} for one example and '
      'step. xs must be [T, B, ...], time first, with the features that init '
      f'was shown, and the params those of this cell. ({_first_line(e)})'
    ) from e
  if carry is None:
    carry = jax.eval_shape(cell.carry, params, x_t)
  try:
    carry_t, _ = jax.eval_shape(lambda *a: step(cell, *a), params, carry, u_t)
  except errors.UserError:
    raise
  except (AttributeError, TypeError, ValueError) as e:
    raise errors.UserError(
      f'A step of this cell fails on a carry of shape {_shapes(carry)}; are '
      f'the params those of this cell? ({_first_line(e)})'
    ) from e
  if cell.linear is not None:
    for part in jax.eval_shape(cell.linear, params, u_t):
      if jax.tree.map(jnp.shape, part) != jax.tree.map(jnp.shape, carry):
        raise errors.UserError(
          '`linear` must give a_t and b_t of the structure and shapes of the '
          f'carry, {_shapes(carry)}, and gave {_shapes(part)}.'
        )
  before, after = (jax.tree.structure(c) for c in (carry, carry_t))
  if before != after:
    raise errors.UserError(
      'A step must give back a carry of the structure that it got: it got '
      f'{before} and gave {after}.'
    )
  for (path, a), b in zip(
    jax.tree.leaves_with_path(carry), jax.tree.leaves(carry_t), strict=True
  ):
    if a.shape != b.shape or a.dtype != b.dtype:
      raise errors.UserError(
        f'A step must give back a carry as it got it: carry'
        f'{jax.tree_util.keystr(path)} was {a.dtype}{list(a.shape)} and became '
        f'{b.dtype}{list(b.shape)}.'
      )


def input_shape(cell: Cell) -> tuple[int, ...]:
  """The shape of a small example that this cell takes.

  A cell does not say what it reads: most take features [D], a convolution takes
  a row of pixels [W, C] or a picture [H, W, C], and each refuses the others in
  `init`.

  >>> from seqjax import cells
  >>> input_shape(cells.gru()), input_shape(cells.conv_lstm(1))
  ((3,), (4, 3))
  """
  for shape in ((3,), (4, 3), (4, 5, 3)):
    x_t = jax.ShapeDtypeStruct(shape, jnp.float32)
    try:
      jax.eval_shape(lambda key, x=x_t: cell.init(key, x, 8), jax.random.key(0))
      return shape
    except errors.UserError as e:
      refused = e
  raise refused


def _shapes(tree):
  shapes = [tuple(x.shape) for x in jax.tree.leaves(tree)]
  return shapes[0] if len(shapes) == 1 else shapes


def _first_line(error):
  return str(error).strip().split('\n')[0]
