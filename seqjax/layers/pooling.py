"""From the outputs of all valid steps to one vector per sequence.

Invalid steps may hold anything: they reach neither the result nor the gradient.
A row without a valid step gives zeros.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors

POOLINGS = ('last', 'mean', 'max', 'attention')


class Pooling(nn.Module):
  """One vector per sequence.

    last       y at the last valid step; of two directions, each at the step
               where it has read everything
    mean, max  over the valid steps
    attention  sum_t a_t y_t, a = softmax over the valid t of
               v . tanh(w y_t + b)

  Attributes:
    kind: of `POOLINGS`.
    bidirectional: the second half of the features was read from right to left.
    reverse: all of them were.

  Raises:
    UserError: unknown kind.

  Source: attention as in Yang et al. (2016), NAACL, section 2.2.
  """

  kind: str = 'last'
  bidirectional: bool = False
  reverse: bool = False

  def __post_init__(self):
    if self.kind not in POOLINGS:
      raise errors.unknown('pooling', self.kind, POOLINGS)
    super().__post_init__()

  @nn.compact
  def __call__(self, ys, mask):
    """Pools.

    Args:
      ys: [T, B, H], outputs of a recurrent stack.
      mask: [T, B] bool; any mask, holes included.

    Returns:
      [B, H], and with 'attention' the weights a [T, B], which sum to 1 over the
      valid steps, else None.
    """
    ys = jnp.where(mask[..., None], ys, 0)
    if self.kind == 'attention':
      weights = self._attention(ys, mask)
      return jnp.einsum('tb,tbh->bh', weights, ys), weights
    if self.kind == 'mean':
      count = jnp.sum(mask, axis=0)[:, None].astype(ys.dtype)
      return jnp.sum(ys, axis=0) / jnp.maximum(count, 1), None
    if self.kind == 'max':
      largest = jnp.max(jnp.where(mask[..., None], ys, -jnp.inf), axis=0)
      return jnp.where(mask.any(axis=0)[:, None], largest, 0), None
    first, last = jnp.argmax(mask, axis=0), _last(mask)
    if not self.bidirectional:
      return _at(ys, first if self.reverse else last), None
    forward, backward = jnp.split(ys, 2, axis=-1)
    ends = _at(forward, last), _at(backward, first)
    return jnp.concatenate(ends, axis=-1), None

  def _attention(self, ys, mask):
    hidden = nn.tanh(nn.Dense(ys.shape[-1], name='attention_hidden')(ys))
    scores = nn.Dense(1, use_bias=False, name='attention_score')(hidden)
    # A finite floor: a row of minus infinities alone has no softmax.
    scores = jnp.where(mask, scores[..., 0], jnp.finfo(scores.dtype).min)
    return jnp.where(mask, jax.nn.softmax(scores, axis=0), 0)


def _last(mask):
  """The last valid step of each row, [B]; some step where none is valid."""
  return mask.shape[0] - 1 - jnp.argmax(mask[::-1], axis=0)


def _at(ys, steps):
  """ys[steps[b], b] for every row b."""
  return jnp.take_along_axis(ys, steps[None, :, None], axis=0)[0]
