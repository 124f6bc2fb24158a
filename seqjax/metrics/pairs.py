"""Metrics as name -> (sum, weight), divided once; units stand in the name."""

import math

import jax
import jax.numpy as jnp

NATS_PER_BIT = math.log(2)


def likelihood(nats, weight, unit: str):
  """The same likelihood in nats and in bits, per `unit` ('char', 'token')."""
  return {
    f'nats_per_{unit}': (nats, weight),
    f'bits_per_{unit}': (nats / NATS_PER_BIT, weight),
  }


def accuracy(logits, targets, weights):
  """Number of steps whose largest logit is the target's, and their weight."""
  hits = (jnp.argmax(logits, axis=-1) == targets).astype(weights.dtype)
  return jnp.sum(weights * hits), jnp.sum(weights)


def add(total, more):
  """The sums and weights of two batches together; `total` may be None."""
  return more if total is None else _sum(total, more)


@jax.jit  # One call to the device for all of them, not one for each.
def _sum(total, more):
  return jax.tree.map(jnp.add, total, more)


def divide(pairs) -> dict[str, float]:
  """name -> sum / weight as Python floats; NaN where nothing was counted."""
  pairs = jax.device_get(pairs)
  return {
    name: float(total / weight) if weight else math.nan
    for name, (total, weight) in pairs.items()
  }
