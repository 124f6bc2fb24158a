"""Losses as (sum, weight) pairs.

Nothing here divides: a mean over batches of different weight is wrong, so sums
and weights are added up and divided once, at the end.
"""

import jax
import jax.numpy as jnp


def cross_entropy(logits, targets, weights):
  """Softmax cross-entropy in nats.

  Args:
    logits: [..., V], any offset.
    targets: [...] int, in [0, V).
    weights: [...] float; 0 leaves a step out, whatever its logits are.

  Returns:
    The weighted sum of -log p(target) in nats, and the sum of the weights.

  Example:
    >>> import jax.numpy as jnp
    >>> nats, weight = cross_entropy(
    ...     jnp.zeros((3, 4)), jnp.array([0, 1, 2]), jnp.array([1.0, 1.0, 0.0])
    ... )
    >>> print(f'{nats / weight:.4f}')  # log 4
    1.3863
  """
  # A step without weight may hold anything, NaN included: it must not reach the
  # sum, nor the gradient.
  counted = weights > 0
  logits = jnp.where(counted[..., None], logits, 0)
  nats = jax.nn.logsumexp(logits, axis=-1) - _pick(logits, targets)
  return jnp.sum(jnp.where(counted, weights * nats, 0)), jnp.sum(weights)


def _pick(logits, targets):
  """logits[..., target]."""
  picked = jnp.take_along_axis(logits, targets[..., None], axis=-1)
  return jnp.squeeze(picked, axis=-1)
