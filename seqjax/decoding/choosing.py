"""One token out of the scores of all."""

import jax
import jax.numpy as jnp
import numpy as np


def log_probs(logits):
  """log softmax over the last axis, in float32 or wider."""
  dtype = np.promote_types(logits.dtype, jnp.float32)
  return jax.nn.log_softmax(logits.astype(dtype), axis=-1)


def ban(logits, banned: tuple[int, ...]):
  """Logits [..., V] in which the tokens `banned` have -inf."""
  if not banned:
    return logits
  return logits.at[..., np.array(banned)].set(-jnp.inf)


def temper(logits, temperature, banned=()):
  """log-probabilities at a temperature, with some tokens ruled out.

  Args:
    logits: [..., V].
    temperature: > 0; below 1 the likely becomes likelier, above 1 rarer.
    banned: tokens that get probability zero.
  """
  logits = ban(logits, banned)
  # Below the largest one before dividing: a tiny temperature gives -inf, not
  # inf - inf; and what is ruled out stays so at an infinite one.
  scaled = (logits - jnp.max(logits, axis=-1, keepdims=True)) / temperature
  scaled = jnp.where(logits == -jnp.inf, -jnp.inf, scaled)
  return jax.nn.log_softmax(scaled, axis=-1)


def choose(key, logits, temperature, top_k: int = 0, top_p: float = 1.0):
  """Draws a token of each row, or takes the likeliest.

    token ~ softmax(logits / temperature), among the likeliest

  Of equally likely tokens the smaller comes first.

  Args:
    key: PRNG key.
    logits: [..., V].
    temperature: [], an array >= 0; 0 takes the likeliest token.
    top_k: how many of the likeliest tokens may be drawn; 0 for all.
    top_p: of these, the fewest that have this probability together may be
      drawn (nucleus sampling: Holtzman et al., 2020); 1 for all.

  Returns:
    tokens [...] int32.

  Raises:
    ValueError: top_k is below 0, or top_p not in (0, 1].
  """
  if top_k < 0 or not 0 < top_p <= 1:
    raise ValueError(
      f'Expected top_k >= 0 and 0 < top_p <= 1; got {top_k} and {top_p}.'
    )

  def draw(key):
    scores = temper(logits, temperature.astype(logits.dtype))
    if not top_k and top_p == 1:
      return jax.random.categorical(key, scores)
    num_tokens = logits.shape[-1]
    scores, tokens = jax.lax.top_k(scores, min(top_k or num_tokens, num_tokens))
    if top_p < 1:
      p = jax.nn.softmax(scores, axis=-1)
      likelier = jnp.cumsum(p, axis=-1) - p
      scores = jnp.where(likelier < top_p, scores, -jnp.inf)
    rank = jax.random.categorical(key, scores)
    return jnp.take_along_axis(tokens, rank[..., None], axis=-1)[..., 0]

  # A branch, and no choice between two results: random numbers for a large
  # vocabulary cost more than a small model.
  return jax.lax.cond(
    temperature > 0,
    lambda key: draw(key).astype(jnp.int32),
    lambda _: jnp.argmax(logits, axis=-1).astype(jnp.int32),
    key,
  )
