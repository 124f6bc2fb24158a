"""Stacks of a cell over time: ours, compiled once per case, and the oracle's.

Masks, resets, inputs, and what the results are weighed with are data, so that
one program answers for all claims about a case.
"""

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import oracle
from examples import (
  ADJUST_CARRY,
  ADJUST_PARAMS,
  BUILDERS,
  MASK,
  NOWHERE,
  B,
  H,
  T,
  input_shape,
)

from seqjax import layers

# structure -> attributes of layers.Recurrent
STRUCTURES = {
  'forward': {'hidden_sizes': (H,)},
  'reverse': {'hidden_sizes': (H,), 'reverse': True},
  'stacked': {'hidden_sizes': (H, H)},
  'stacked_reverse': {'hidden_sizes': (H, H), 'reverse': True},
  'bidirectional': {'hidden_sizes': (H, H), 'bidirectional': True},
}


# Most of the time goes into compiling: this takes half of it. (What users get
# is held to the same by `seqjax.doctor` and by the tests of the engines.)
CARELESSLY = {'xla_backend_optimization_level': 0}


class Case(NamedTuple):
  name: str
  engine: str
  structure: str
  dtype: str

  def __str__(self):
    return '-'.join(self)


def module(case):
  return layers.Recurrent(
    BUILDERS[case.name](),
    initial_carry='learned',
    engine=case.engine,
    compute_dtype=jnp.bfloat16 if case.dtype == 'bfloat16' else None,
    **STRUCTURES[case.structure],
  )


def example(case):
  """params and carry of the stack, and xs: random, nothing zero."""
  # The same for every engine and dtype.
  return _example(case._replace(engine='auto', dtype='float64'))


@functools.cache
def _example(case):
  seeds = itertools.count(1)
  draw = lambda shape: np.random.default_rng(next(seeds)).normal(size=shape)
  xs = draw((T, B, *input_shape(case.name)))

  def vary(key, value):
    if key.endswith('initial'):
      value = jax.tree.map(lambda c: 0.5 * draw(c.shape), value)
      return ADJUST_CARRY.get(case.name, lambda c: c)(value)
    value = jax.tree.map(lambda p: np.asarray(p) + 0.3 * draw(p.shape), value)
    return ADJUST_PARAMS.get(case.name, lambda p: p)(value)

  init = jax.jit(module(case).init, compiler_options=CARELESSLY)
  params = init(jax.random.key(0), np.float32(xs))['params']
  params = {k: vary(k, v) for k, v in params.items()}
  carry = jax.tree.map(
    lambda c: np.zeros((B, *c.shape)),
    {k: v for k, v in params.items() if k.endswith('initial')},
  )
  carry = {k: vary(k, v) for k, v in carry.items()}
  return params, xs, carry


def names(case):
  """The layers, each a tuple of the directions in it: (name, reverse)."""
  structure = STRUCTURES[case.structure]
  for layer in range(len(structure['hidden_sizes'])):
    if structure.get('bidirectional'):
      yield (f'layer_{layer}_forward', False), (f'layer_{layer}_backward', True)
    else:
      yield ((f'layer_{layer}', structure.get('reverse', False)),)


def by_name(case, carries):
  """A tuple over layers, of pairs where bidirectional -> a dict by name."""
  two = case.structure == 'bidirectional'
  return {
    f'{name}_initial': carry
    for layer, directions in zip(carries, names(case), strict=True)
    for (name, _), carry in zip(
      directions, layer if two else (layer,), strict=True
    )
  }


def by_layer(case, carry):
  """The way back."""
  layers_ = [
    tuple(carry[f'{name}_initial'] for name, _ in directions)
    for directions in names(case)
  ]
  two = case.structure == 'bidirectional'
  return tuple(pair if two else pair[0] for pair in layers_)


@functools.cache
def program(case):
  """(params, xs, carry, mask, resets, weights) -> results and gradients."""

  def loss(params, xs, carry, mask, resets, weights):
    outputs, last, every = module(case).apply(
      {'params': params},
      xs,
      by_layer(case, carry),
      mask=mask,
      resets=resets,
    )
    results = outputs, by_name(case, last), by_name(case, every)
    return score(results, weights), results

  return jax.jit(
    jax.grad(loss, argnums=(0, 1, 2), has_aux=True),
    compiler_options=CARELESSLY,
  )


def run(case, weights, mask, resets, xs=None, carry=None):
  """Results and gradients, with what is not given as in the example."""
  params, example_xs, example_carry = example(case)
  inputs = (
    params,
    example_xs if xs is None else xs,
    example_carry if carry is None else carry,
  )
  dtype = np.float64 if case.dtype == 'float64' else np.float32
  inputs, weights = jax.tree.map(dtype, (inputs, weights))
  with jax.enable_x64(case.dtype == 'float64'):
    grads, results = program(case)(*inputs, mask, resets, weights)
  return jax.tree.map(np.asarray, (results, grads))


def score(results, weights):
  """A number that every result enters, each entry with its own factor."""
  terms = jax.tree.map(
    lambda x, w: (w * (x + x * x)).sum(),
    oracle.as_dicts(results),
    oracle.as_dicts(weights),
  )
  return sum(jax.tree.leaves(terms))


def exact(case, params, xs, carry, mask, resets):
  """The stack in NumPy."""
  last, every = {}, {}
  for directions in names(case):
    outputs = []
    for name, reverse in directions:
      key = f'{name}_initial'
      initial = jax.tree.map(
        lambda c: np.broadcast_to(c, (B, *c.shape)), params[key]
      )
      ys, last[key], every[key] = oracle.unroll(
        case.name, params[name], xs, carry[key], initial, mask, resets, reverse
      )
      outputs.append(ys)
    xs = np.concatenate(outputs, axis=-1)
  return xs, last, every


def weights_of(case):
  """A factor for every entry of the results; the oracle knows their shapes."""
  return _weights_of(case._replace(engine='auto', dtype='float64'))


@functools.cache
def _weights_of(case):
  results = exact_example(case, NOWHERE)
  seeds = itertools.count(100)
  return jax.tree.map(
    lambda x: np.random.default_rng(next(seeds)).normal(size=x.shape), results
  )


def exact_example(case, resets):
  params, xs, carry = oracle.as_dicts(example(case))
  return exact(case, params, xs, carry, MASK, resets)
