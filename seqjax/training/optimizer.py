"""Optimizers and schedules by name, with every number of theirs an array.

The numbers of `hparams` enter the compiled step as arrays, so that a sweep over
learning rates is one program; the chain is therefore built inside the step.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from seqjax import cells, errors

# name -> optimizer(learning_rate), a number or a schedule
OPTIMIZERS = {
  'adagrad': optax.adagrad,
  'adam': optax.adam,
  'adamw': optax.adamw,
  'lion': optax.lion,
  'momentum': functools.partial(optax.sgd, momentum=0.9),
  'rmsprop': optax.rmsprop,
  'sgd': optax.sgd,
}


def _constant(fraction):
  return jnp.ones_like(fraction)


def _linear(fraction):
  return 1 - fraction


def _cosine(fraction):
  return (1 + jnp.cos(jnp.pi * fraction)) / 2


# name -> factor on the learning rate, a function of the share of steps done
SCHEDULES = {'constant': _constant, 'cosine': _cosine, 'linear': _linear}


class Optimizer(NamedTuple):
  """A pair of pure functions.

  init: params -> opt_state.
  update: (grads, opt_state, params, hparams) -> (params, opt_state). Reads
    `learning_rate`, and `clip_norm` and `clip_value` where they are given;
    a clip of 0 is no clip.
  """

  init: Callable[[Any], Any]
  update: Callable[..., tuple[Any, Any]]


def make(name: str, schedule: str = 'constant', steps: int = 1) -> Optimizer:
  """An optimizer behind the clips.

  Args:
    name: of `OPTIMIZERS`.
    schedule: of `SCHEDULES`.
    steps: length of the schedule in updates; 0 where none will be made.

  Raises:
    UserError: unknown name.

  Example:
    >>> import jax.numpy as jnp
    >>> optimizer = make('sgd')
    >>> params, grads = {'w': jnp.ones(2)}, {'w': jnp.full(2, 0.5)}
    >>> state = optimizer.init(params)
    >>> hparams = {'learning_rate': jnp.float32(0.1)}
    >>> optimizer.update(grads, state, params, hparams)[0]['w'].tolist()
    [0.949999988079071, 0.949999988079071]
  """
  if name not in OPTIMIZERS:
    raise errors.unknown('optimizer', name, OPTIMIZERS)
  if schedule not in SCHEDULES:
    raise errors.unknown('schedule', schedule, SCHEDULES)
  return _make(name, schedule, 1 if schedule == 'constant' else steps)


@functools.lru_cache(64)
def _make(name, schedule, steps):
  def chain(hparams):
    def learning_rate(count):
      share = jnp.minimum(count.astype(jnp.float32) / max(steps, 1), 1)
      return hparams['learning_rate'] * SCHEDULES[schedule](share)

    return optax.chain(
      _clip(optax.clip, hparams.get('clip_value', 0.0)),
      _clip(optax.clip_by_global_norm, hparams.get('clip_norm', 0.0)),
      OPTIMIZERS[name](learning_rate),
    )

  # optax mixes dtypes; its arithmetic, and only its, runs under JAX's usual
  # promotion when the rest is strict.
  def init(params):
    with jax.numpy_dtype_promotion('standard'):
      return chain({'learning_rate': 0.0}).init(params)

  def update(grads, opt_state, params, hparams):
    with jax.numpy_dtype_promotion('standard'):
      updates, opt_state = chain(hparams).update(grads, opt_state, params)
      return optax.apply_updates(params, _but_frozen(updates)), opt_state

  return Optimizer(init, update)


def _clip(clip, limit):
  return clip(jnp.where(jnp.asarray(limit) > 0, limit, jnp.inf))


def _but_frozen(updates):
  """Zero where parameters are frozen: weight decay needs no gradient."""
  is_frozen = lambda x: isinstance(x, cells.Frozen)

  def stop(x):
    return jax.tree.map(jnp.zeros_like, x) if is_frozen(x) else x

  return jax.tree.map(stop, updates, is_leaf=is_frozen)
