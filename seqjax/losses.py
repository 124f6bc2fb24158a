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


def cross_entropy_of_uniform(logits, weights):
  """Softmax cross-entropy in nats where all V targets are equally probable.

  Args:
    logits: [..., V], any offset.
    weights: [...] float; 0 leaves a step out, whatever its logits are.

  Returns:
    The weighted sum of the mean of -log p over V, and the sum of the weights.
  """
  counted = weights > 0
  logits = jnp.where(counted[..., None], logits, 0)
  nats = jax.nn.logsumexp(logits, axis=-1) - jnp.mean(logits, axis=-1)
  return jnp.sum(jnp.where(counted, weights * nats, 0)), jnp.sum(weights)


def binary_cross_entropy(logits, targets, weights):
  """Cross-entropy of D independent yes-or-no questions in nats, summed over D.

    sum over d of -log p(target_d),  p(1) = sigmoid(logit_d)

  Args:
    logits: [..., D].
    targets: [..., D], 0 or 1, of any type.
    weights: [...] float; 0 leaves a step out, whatever its logits are.

  Returns:
    The weighted sum in nats, and the sum of the weights.

  Example:
    >>> import jax.numpy as jnp
    >>> nats, weight = binary_cross_entropy(
    ...     jnp.zeros((2, 88)), jnp.ones((2, 88)), jnp.array([1.0, 0.0])
    ... )
    >>> print(f'{nats / weight:.4f}')  # 88 log 2
    60.9970
  """
  counted = weights > 0
  # As in `cross_entropy`: neither the sum nor the gradient may see the rest.
  logits = jnp.where(counted[..., None], logits, 0)
  targets = jnp.asarray(targets, logits.dtype)
  nats = jnp.sum(jax.nn.softplus(logits) - targets * logits, axis=-1)
  return jnp.sum(jnp.where(counted, weights * nats, 0)), jnp.sum(weights)


def activation(hs, weights):
  """Activation regularisation, AR: how large the outputs are.

    mean over the units of h_t^2

  Args:
    hs: [T, B, H], the outputs after dropout; anything where the weight is 0.
    weights: [T, B] float; 0 leaves a step out.

  Returns:
    The weighted sum, and the sum of the weights.

  Source: Merity et al. (2017), arXiv:1708.01009.
  """
  hs = jnp.where((weights > 0)[..., None], hs, 0)
  return jnp.sum(weights * jnp.mean(hs**2, axis=-1)), jnp.sum(weights)


def temporal_activation(hs, weights, resets):
  """Temporal activation regularisation, TAR: how far the outputs move.

    mean over the units of (h_t - h_tm1)^2

  A step counts where the step before it is of the same document and counts too.
  The first of a window does not: what was before it is not known here.

  Args:
    hs: [T, B, H], the outputs before dropout; anything where the weight is 0.
    weights: [T, B] float; 0 leaves a step out.
    resets: [T, B] bool, True on the first step of a document.

  Returns:
    The weighted sum, and the sum of the weights.

  Source: Merity et al. (2017), arXiv:1708.01009.
  """
  counted = (weights[1:] > 0) & (weights[:-1] > 0) & ~resets[1:]
  weights = jnp.where(counted, weights[1:], 0)
  return activation(hs[1:] - hs[:-1], weights)


def _pick(logits, targets):
  """logits[..., target]."""
  picked = jnp.take_along_axis(logits, targets[..., None], axis=-1)
  return jnp.squeeze(picked, axis=-1)
