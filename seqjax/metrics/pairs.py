"""Metrics as name -> (sum, weight), divided once; units stand in the name."""

import math

import jax
import jax.numpy as jnp
import numpy as np

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
  return more if total is None else jax.tree.map(jnp.add, total, more)


def divide(pairs) -> dict[str, float]:
  """name -> sum / weight as Python floats; NaN where nothing was counted."""
  pairs = jax.device_get(pairs)
  return {
    name: float(total / weight) if weight else math.nan
    for name, (total, weight) in pairs.items()
  }


def classification(probabilities, targets) -> dict[str, float]:
  """What is read off predictions that have been collected.

  Args:
    probabilities: [N, K].
    targets: [N] integers in [0, K).

  Returns:
    accuracy; f1_macro, the mean F1 of the labels that occur among targets or
    predictions; nats_per_sequence.

  >>> classification([[0.9, 0.1], [0.6, 0.4]], [0, 1])['accuracy']
  0.5
  """
  from sklearn import metrics

  probabilities = np.asarray(probabilities, np.float64)
  targets = np.asarray(targets)
  predicted = probabilities.argmax(axis=1)
  of_target = np.take_along_axis(probabilities, targets[:, None], axis=1)
  # The least that float32 holds: a certain mistake costs 87 nats, not infinity.
  of_target = np.maximum(of_target, np.finfo(np.float32).tiny)
  f1 = metrics.f1_score(targets, predicted, average='macro', zero_division=0)
  return {
    'accuracy': float(np.mean(predicted == targets)),
    'f1_macro': float(f1),
    'nats_per_sequence': float(-np.log(of_target).mean()),
  }


def confusion(targets, predicted, num_classes: int) -> np.ndarray:
  """How often each label was taken for which: [true, predicted] counts.

  >>> confusion([0, 1, 1], [0, 0, 1], 2)
  array([[1, 0],
         [1, 1]])
  """
  pairs = np.asarray(targets) * num_classes + np.asarray(predicted)
  counts = np.bincount(pairs, minlength=num_classes**2)
  return counts.reshape(num_classes, num_classes)
