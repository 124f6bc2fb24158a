"""How much a network is disturbed while it trains, and noise on its weights.

Noise on the weights comes before the loop and costs nothing per step. What
happens at every step is in `cells.noisy`.
"""

import itertools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors


class Rates(NamedTuple):
  """How much of each kind; a number may be traced, and a Python 0 is free."""

  # Probabilities of dropping a unit, one mask per sequence: of the input, of
  # the state where it meets the recurrent matrices, and of the candidate.
  input_dropout_rate: Any = 0.0
  state_dropout_rate: Any = 0.0
  candidate_dropout_rate: Any = 0.0
  # Probabilities that a unit keeps its old value at a step.
  zoneout_h_rate: Any = 0.0
  zoneout_c_rate: Any = 0.0
  # Probability of dropping an entry of a recurrent matrix.
  weight_dropout_rate: Any = 0.0
  # Standard deviation of what is added to the matrices.
  weight_noise: Any = 0.0


def is_off(rate) -> bool:
  """Whether a rate is a plain 0, which costs nothing; a traced 0 is on."""
  return isinstance(rate, (int, float)) and rate == 0


def check(**rates) -> None:
  """Refuses, in a sentence, rates that are out of range. Traced ones pass."""
  for name, rate in rates.items():
    if isinstance(rate, jax.core.Tracer):
      continue
    if name == 'weight_noise':
      valid, expected = 0 <= rate < math.inf, 'at least 0'
    elif name.startswith(('zoneout', 'probability')):
      valid, expected = 0 <= rate <= 1, 'at least 0 and at most 1'
    else:
      valid, expected = 0 <= rate < 1, 'at least 0 and below 1'
    if not valid:
      raise errors.UserError(f'{name} is {rate}; it must be {expected}.')


def coins(key, rate, shape):
  """bool, True with probability `rate`; 0 and 1 are exact."""
  # In float32 also where all else is float64: a coin needs no finer a rate.
  return jax.random.bernoulli(key, jnp.asarray(rate, jnp.float32), shape)


def drop_connect(key, params, rate):
  """Drops entries of the recurrent matrices, and scales up the rest.

  One mask for all steps and rows, as Merity et al. (2018) have it.

  Args:
    key: PRNG key; None means evaluation and drops nothing.
    params: of a cell; its fields whose names begin with `w_h` are dropped, or
      with `w_y`, the feedback of a Jordan network.
    rate: in [0, 1); may be traced.

  Raises:
    UserError: the cell has no such matrix.
  """

  def drop(key, w):
    kept = ~coins(key, rate, w.shape)
    return jnp.where(kept, w / (1 - jnp.asarray(rate, w.dtype)), 0)

  if is_off(rate):
    return params
  return _on_fields(('w_h', 'w_y'), 'weight_dropout_rate', drop, key, params)


def weight_noise(key, params, stddev):
  """Adds Gaussian noise to every weight matrix, the same at all steps.

  Graves (2011) adds it to every parameter; here biases and other vectors stay
  as they are.

  Args:
    key: PRNG key; None means evaluation and adds nothing.
    params: of a cell; its fields whose names begin with `w_` are meant.
    stddev: 0.05 to 0.1; may be traced.

  Raises:
    UserError: the cell has no such matrix.
  """

  def add(key, w):
    noise = jax.random.normal(key, w.shape, w.dtype)
    return w + jnp.asarray(stddev, w.dtype) * noise

  if is_off(stddev):
    return params
  return _on_fields(('w_',), 'weight_noise', add, key, params)


def _on_fields(prefixes, rate_name, function, key, params):
  """`function(key, w)` for each field whose name begins with a prefix."""
  index = itertools.count()

  def visit(path, w):
    name = jax.tree_util.keystr(path[-1:], simple=True)
    if not name.startswith(prefixes):
      return w
    i = next(index)
    return w if key is None else function(jax.random.fold_in(key, i), w)

  params = jax.tree.map_with_path(visit, params)
  if not next(index):
    raise errors.UserError(
      f'{rate_name} needs a cell with matrices named {prefixes[0]}..., and '
      'this one has none.'
    )
  return params
