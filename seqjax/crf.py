"""A linear-chain conditional random field: tags that depend on each other.

A path through the K tags is scored by what each step says of its tag and by
how the tags follow each other:

  score(tags) = start[tag_1] + sum_t logits[t, tag_t]
                + sum_t between[tag_tm1, tag_t] + end[tag_T]
  p(tags) = exp(score(tags)) / sum over all paths of exp(score)

Everything is time-major. Any mask is allowed: an invalid step is no part of the
chain, which goes from the last valid step to the next one, and what stands
there, NaN included, changes nothing. A row without a valid step scores 0.

Source: Lafferty et al. (2001), ICML; the forward algorithm and Viterbi's as in
Rabiner (1989), Proc. IEEE 77(2), section III.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Transitions(NamedTuple):
  """What a path scores for the order of its tags."""

  start: jax.Array  # [K], of the first tag
  between: jax.Array  # [K, K], from a tag (row) to the next (column)
  end: jax.Array  # [K], of the last tag


def zeros(num_tags: int) -> Transitions:
  """Transitions without a preference: the field is a softmax at every step."""
  return Transitions(
    jnp.zeros(num_tags), jnp.zeros((num_tags, num_tags)), jnp.zeros(num_tags)
  )


def score(params: Transitions, logits, tags, mask):
  """The score of one path per row.

  Args:
    params: of K tags.
    logits: [T, B, K].
    tags: [T, B] int, in [0, K) where valid.
    mask: [T, B] bool.

  Returns:
    [B].
  """
  steps = jnp.arange(mask.shape[0])[:, None]
  # The last valid step up to each, and before it; -1 where there is none.
  last = jax.lax.cummax(jnp.where(mask, steps, -1))
  before = jnp.roll(last, 1, axis=0).at[0].set(-1)
  tags_before = jnp.take_along_axis(tags, jnp.maximum(before, 0), axis=0)
  arrived = jnp.where(
    before < 0, params.start[tags], params.between[tags_before, tags]
  )
  said = jnp.take_along_axis(logits, tags[..., None], axis=-1)[..., 0]
  said = said.astype(params.start.dtype)
  tags_last = jnp.take_along_axis(tags, jnp.maximum(last[-1:], 0), axis=0)[0]
  ended = jnp.where(mask.any(axis=0), params.end[tags_last], 0)
  return jnp.sum(jnp.where(mask, arrived + said, 0), axis=0) + ended


def log_partition(params: Transitions, logits, mask):
  """The logarithm of the sum of exp(score) over all paths.

  Args:
    params: of K tags.
    logits: [T, B, K]; read in the dtype of `params`.
    mask: [T, B] bool.

  Returns:
    [B].

  Example:
    >>> mask = jnp.ones((5, 1), bool)
    >>> log_z = log_partition(zeros(3), jnp.zeros((5, 1, 3)), mask)
    >>> print(f'{log_z[0]:.4f}')  # 5 log 3
    5.4931
  """
  alpha, _ = _forward(
    params,
    logits,
    mask,
    lambda paths: (jax.nn.logsumexp(paths, axis=1), None),
  )
  total = jax.nn.logsumexp(alpha + params.end[None], axis=-1)
  return jnp.where(mask.any(axis=0), total, 0)


def marginals(params: Transitions, logits, mask):
  """The probability of each tag at each step, given the whole sequence.

  Args:
    params, logits, mask: as in `log_partition`.

  Returns:
    [T, B, K]; sums to 1 where valid, zero elsewhere.
  """
  return jax.grad(lambda x: jnp.sum(log_partition(params, x, mask)))(logits)


def viterbi(params: Transitions, logits, mask):
  """The best path.

  Args:
    params, logits, mask: as in `log_partition`.

  Returns:
    tags [T, B] int32, 0 where invalid, and their score [B].
  """
  alpha, pointers = _forward(
    params,
    logits,
    mask,
    lambda paths: (jnp.max(paths, axis=1), jnp.argmax(paths, axis=1)),
  )
  ends = alpha + params.end[None]

  def back(tag, inputs):
    pointers_t, mask_t, first_t = inputs
    before = jnp.take_along_axis(pointers_t, tag[:, None], axis=-1)[:, 0]
    return jnp.where(mask_t & ~first_t, before, tag), tag

  _, tags = jax.lax.scan(
    back,
    jnp.argmax(ends, axis=-1),
    (pointers, mask, _first(mask)),
    reverse=True,
  )
  best = jnp.where(mask.any(axis=0), jnp.max(ends, axis=-1), 0)
  return jnp.where(mask, tags, 0).astype(jnp.int32), best


def nats(params: Transitions, logits, tags, weights):
  """-log p(tags), as `losses.cross_entropy` is that of a softmax.

  A sequence has one probability, not one per step: it counts as a whole, by
  the mean of the weights of its steps.

  Args:
    params: of K tags.
    logits: [T, B, K].
    tags: [T, B] int.
    weights: [T, B] float; 0 leaves a step out of the chain, whatever its logits
      and its tag are.

  Returns:
    The weighted sum of -log p in nats, and the sum of the weights.
  """
  mask = weights > 0
  count = jnp.sum(mask, axis=0).astype(weights.dtype)
  weight = jnp.sum(weights, axis=0)
  each = log_partition(params, logits, mask) - score(params, logits, tags, mask)
  return jnp.sum(each * weight / jnp.maximum(count, 1)), jnp.sum(weight)


def _forward(params, logits, mask, combine):
  """The scores of the paths that end in each tag, from left to right.

  Args:
    params, logits, mask: as in `log_partition`.
    combine: paths [B, K before, K] -> ([B, K], what to keep of the step).

  Returns:
    The scores after the last step [B, K], and what was kept [T, ...].
  """

  def step(alpha, inputs):
    logits_t, mask_t, first_t = inputs
    arrived, kept = combine(alpha[:, :, None] + params.between[None])
    arrived = jnp.where(first_t[:, None], params.start[None], arrived)
    # Garbage is only added to here, and dropped: zero is its exact gradient.
    return jnp.where(mask_t[:, None], arrived + logits_t, alpha), kept

  logits = logits.astype(params.start.dtype)
  return jax.lax.scan(
    step, jnp.zeros_like(logits[0]), (logits, mask, _first(mask))
  )


def _first(mask):
  """True at the first valid step of each row, [T, B]."""
  return mask & (jnp.cumsum(mask, axis=0) == 1)
