"""Scheduled sampling: the teacher leaves a network that feeds itself.

Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with Recurrent
Neural Networks. A coin at every step decides whether the next one sees the
target or what the network put out; see `feedback.run`.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import regularizers


def coins(key, probability, steps: int, batch_size: int):
  """Who speaks at each step: True the teacher, False the network.

  Args:
    key: PRNG key.
    probability: of True, in [0, 1]; may be traced. 1 is teacher forcing, 0 free
      running, both exactly.

  Returns:
    [T, B] bool. Every step tosses its own, as in Bengio et al. (2015).

  Raises:
    UserError: a probability that is none.
  """
  regularizers.check(probability=probability)
  return jax.random.bernoulli(key, probability, (steps, batch_size))


class _Schedule(NamedTuple):
  probability: Callable  # (i, k) -> probability at step i of training
  k_range: str
  is_in_range: Callable


SCHEDULES = {
  'constant': _Schedule(
    lambda i, k: jnp.full_like(i, k),
    'from 0 to 1',
    lambda k: 0 <= k <= 1,
  ),
  'linear': _Schedule(
    lambda i, k: 1 - i / k,
    'above 0, the steps until nothing is taught',
    lambda k: k > 0,
  ),
  'exponential': _Schedule(
    lambda i, k: k**i,
    'above 0 and below 1',
    lambda k: 0 < k < 1,
  ),
  # exp(i / k) itself would overflow late in training.
  'inverse_sigmoid': _Schedule(
    lambda i, k: jax.nn.sigmoid(math.log(k) - i / k),
    'of at least 1',
    lambda k: k >= 1,
  ),
}


def schedule(name: str, k: float, last: float = 0.0):
  """How probable the target is as training goes on.

    constant: k                          linear: 1 - i / k
    exponential: k^i                     inverse_sigmoid: k / (k + exp(i / k))

  Args:
    name: of `SCHEDULES`.
    k: how slowly the teacher leaves, as in the equations.
    last: what the probability does not fall below.

  Returns:
    step i -> probability, as a schedule of optax.

  Raises:
    UserError: unknown name; a k or a last out of its range.

  Source: Bengio et al. (2015), Scheduled Sampling for Sequence Prediction with
    Recurrent Neural Networks.

  Example:
    >>> probability = schedule('linear', 1000, last=0.25)
    >>> [float(probability(step)) for step in (0, 500, 2000)]
    [1.0, 0.5, 0.25]
  """
  if name not in SCHEDULES:
    raise errors.unknown('schedule', name, SCHEDULES)
  chosen = SCHEDULES[name]
  if not chosen.is_in_range(k):
    raise errors.UserError(
      f'k is {k}; the schedule {name!r} needs a k {chosen.k_range}.'
    )
  if not 0 <= last <= 1:
    raise errors.UserError(f'last is {last}; it must be from 0 to 1.')

  def probability(step):
    i = jnp.asarray(step, jnp.float32)
    return jnp.maximum(chosen.probability(i, k), last)

  return probability
