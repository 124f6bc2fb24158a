"""Attention: where to look in what was read."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors

ATTENTIONS = ('none', 'dot', 'general', 'additive')


class Memory(NamedTuple):
  """What may be looked at, and how it is found."""

  keys: Any  # [S, B, A]; None where nothing looks
  values: Any  # [S, B, C]
  mask: Any  # [S, B] bool, True where there is something


class Attention(nn.Module):
  """A mean of the values, weighted by how well each fits a query.

    a_s = softmax over s (score(q, v_s))
    context = sum over s a_s v_s

    dot:      score = q . v_s
    general:  score = q . (W v_s)
    additive: score = w . tanh(U q + W v_s)

  Attributes:
    kind: of `ATTENTIONS`; 'none' looks nowhere: the context has no features.
    query_size: H, the width of a query.
    size: A, inside 'additive'; the width of a query if 0.

  Raises:
    UserError: unknown kind, or 'dot' of values that are not as wide as queries.

  Source: Bahdanau, Cho and Bengio (2015) for additive; Luong, Pham and Manning
  (2015) for the others.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> attention = Attention('general', query_size=4)
    >>> values, mask = jnp.ones((3, 2, 6)), jnp.ones((3, 2), bool)
    >>> seen = (values, mask, jnp.ones((2, 4)))
    >>> params = attention.init(jax.random.key(0), *seen)
    >>> context, weights = attention.apply(params, *seen)
    >>> context.shape, weights.shape
    ((2, 6), (2, 3))
  """

  kind: str
  query_size: int
  size: int = 0

  def __post_init__(self):
    if self.kind not in ATTENTIONS:
      raise errors.unknown('attention', self.kind, ATTENTIONS)
    super().__post_init__()

  def setup(self):
    if self.kind == 'general':
      self.key = nn.Dense(self.query_size, use_bias=False)
    if self.kind == 'additive':
      size = self.size or self.query_size
      self.key = nn.Dense(size)
      self.query = nn.Dense(size, use_bias=False)
      self.score = nn.Dense(1, use_bias=False)

  def __call__(self, values, mask, queries):
    """Remembers values and looks at them, see `remember` and `look`."""
    return self.look(queries, self.remember(values, mask))

  def remember(self, values, mask) -> Memory:
    """What of the keys does not depend on a query, once for all queries.

    Args:
      values: [S, B, C].
      mask: [S, B] bool.
    """
    if self.kind == 'none':
      return Memory(None, values, mask)
    if self.kind == 'dot':
      if values.shape[-1] != self.query_size:
        raise errors.UserError(
          'attention=dot multiplies what is sought with what was read: the '
          f'first has width {self.query_size}, the second '
          f'{values.shape[-1]}. Make them equal, or use attention=general.'
        )
      return Memory(values, values, mask)
    return Memory(self.key(values), values, mask)

  def look(self, queries, memory: Memory):
    """Looks once for every query.

    Args:
      queries: [B, H], or [T, B, H].
      memory: of `remember`.

    Returns:
      Context [..., B, C], and the weights [..., B, S], which sum to 1; of a row
      that holds nothing both are zero.
    """
    if queries.ndim == 2:
      context, weights = self.look(queries[None], memory)
      return context[0], weights[0]
    if self.kind == 'none':
      return queries[..., :0], queries[..., :0]
    if self.kind == 'additive':
      # [T, B, S, A]: the one kind that holds a number per query, key and unit.
      query = self.query(queries)[:, :, None]
      key = jnp.swapaxes(memory.keys, 0, 1)[None]
      scores = self.score(jnp.tanh(query + key))[..., 0]
    else:
      scores = jnp.einsum('tbh,sbh->tbs', queries, memory.keys)
    valid = memory.mask.T[None]
    # Not -inf, of which a row that holds nothing would make NaN.
    scores = jnp.where(valid, scores, jnp.finfo(scores.dtype).min)
    weights = jnp.where(valid, jax.nn.softmax(scores, axis=-1), 0)
    return jnp.einsum('tbs,sbc->tbc', weights, memory.values), weights
