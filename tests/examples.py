"""An example for every cell: random params, input and carries, nothing zero."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from seqjax import cells

T, B, D, H = 6, 5, 3, 4


def _steps(*rows):
  """[T, B] of rows of digits."""
  return np.array([[digit == '1' for digit in row] for row in rows]).T


# Rows: whole, right-padded, holes, left-padded, no valid step.
MASK = _steps('111111', '111000', '101101', '000111', '000000')
# At the first step, at and beside masked steps, at the last step, on a row
# without a valid step.
RESETS = _steps('100100', '001010', '010010', '000101', '001000')
EVERYWHERE, NOWHERE = np.ones((T, B), bool), np.zeros((T, B), bool)

# Options that have no name of their own in cells.CELLS: name -> builder. The
# oracle knows them by these names.
OPTIONS = {
  'elman_double': functools.partial(cells.elman, double_bias=True),
  'elman_heads': functools.partial(cells.elman, heads=2),
  'grid_lstm_tied': functools.partial(cells.grid_lstm, tied=True),
  'gru_double': functools.partial(cells.gru, double_bias=True),
  'gru_hard_heads': functools.partial(
    cells.gru, gate_activation=jax.nn.hard_sigmoid, heads=2
  ),
  'gru_reset_before_double': functools.partial(
    cells.gru, 'before', double_bias=True
  ),
  'gru_reset_before_heads': functools.partial(cells.gru, 'before', heads=2),
  'jordan_hidden_narrow': functools.partial(
    cells.jordan, 'hidden', output_size=3
  ),
  'jordan_output_narrow': functools.partial(
    cells.jordan, 'output', output_size=3
  ),
  'lstm_all': functools.partial(
    cells.lstm, peephole=True, coupled=True, layer_norm=True, projection=3
  ),
  'lstm_double': functools.partial(cells.lstm, double_bias=True),
  'lstm_heads': functools.partial(cells.lstm, heads=2),
  'lstm_projection': functools.partial(cells.lstm, projection=3),
  'rg_lru_heads': functools.partial(cells.rg_lru, heads=2),
  'slstm_exp_heads': functools.partial(cells.slstm, heads=2, forget='exp'),
}
BUILDERS = cells.CELLS | OPTIONS
# One example's input, where it is not [D].
INPUT_SHAPES = {'conv_lstm_1d': (4, 2), 'conv_lstm_2d': (3, 4, 2)}


def draw(shape, seed, dtype=jnp.float32):
  # NumPy: no compilation, no key to keep track of.
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def mostly_slow(quick, *axes):
  """The product of `axes`, for pytest to take, slow but for what is `quick`."""
  return [
    pytest.param(*case, marks=[] if case in quick else pytest.mark.slow)
    for case in itertools.product(*axes)
  ]


def input_shape(name):
  return INPUT_SHAPES.get(name, (D,))


def _rounded(params):
  """With matrices that bfloat16 has: what is left to it is the arithmetic."""
  as_bfloat16 = lambda p: np.asarray(jnp.asarray(p, jnp.bfloat16), p.dtype)
  return jax.tree.map(lambda p: as_bfloat16(p) if p.ndim > 1 else p, params)


# What a draw needs to be an example that says something.
ADJUST_PARAMS = {
  # A norm of four units magnifies what rounding does to the matrices.
  'lstm_layer_norm': _rounded,
  # Lest a step has no unit above zero.
  'elman_relu': lambda params: params._replace(b=params.b + 1),
  'ind_rnn': lambda params: params._replace(b=params.b + 1),
  'irnn': lambda params: params._replace(b=params.b + 1),
}
# The normaliser n is a sum of what is positive, and divides.
ADJUST_CARRY = dict.fromkeys(
  ('slstm', 'slstm_exp_heads'), lambda carry: carry._replace(n=carry.n**2 + 1)
)


@functools.cache
def example(name, dtype=jnp.float32):
  """params, xs [T, B, ...], carry and initial carry [B, ...]."""
  cell = BUILDERS[name]()
  xs = draw((T, B, *input_shape(name)), 1, dtype)
  params = jax.jit(cell.init, static_argnums=2)(jax.random.key(0), xs[0, 0], H)
  seeds = itertools.count(2)
  params = jax.tree.map(
    lambda p: p + 0.3 * draw(p.shape, next(seeds), dtype), params
  )
  params = ADJUST_PARAMS.get(name, lambda p: p)(params)
  adjust = ADJUST_CARRY.get(name, lambda c: c)
  carry, initial = (
    adjust(
      jax.tree.map(
        lambda c: 0.5 * draw((B, *c.shape), next(seeds), dtype),
        cell.carry(params, xs[0, 0]),
      )
    )
    for _ in range(2)
  )
  return params, xs, carry, initial
