"""An example for every cell: random params, input and carries, nothing zero."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import cells

T, B, D, H = 6, 5, 3, 4
# One example's input, where it is not [D].
INPUT_SHAPES = {}


def draw(shape, seed, dtype=jnp.float32):
  # NumPy: no compilation, no key to keep track of.
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def input_shape(name):
  return INPUT_SHAPES.get(name, (D,))


# What a draw needs to be an example that says something.
ADJUST_PARAMS = {
  # Lest a step has no unit above zero.
  'elman_relu': lambda params: params._replace(b=params.b + 1),
}
ADJUST_CARRY = {}


@functools.cache
def example(name, dtype=jnp.float32):
  """params, xs [T, B, ...], carry and initial carry [B, ...]."""
  cell = cells.CELLS[name]()
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
