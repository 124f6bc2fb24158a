"""What may not be written."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.decoding import choosing


class Rules(NamedTuple):
  """What a text may not hold, and what ends it.

  Where the rules leave nothing to write, the end comes all the same, and any
  text within the rules ranks before.

  Example:
    >>> Rules(end=3, min_length=1, banned=(0,))
    Rules(end=3, min_length=1, no_repeat_ngram=0, banned=(0,))
  """

  # The token that ends a text; -1 for none.
  end: int
  # How many tokens come before the end, at least.
  min_length: int = 0
  # No run of this many tokens comes twice (Paulus et al., 2017); 0 for any.
  no_repeat_ngram: int = 0
  # Tokens that are never written.
  banned: tuple[int, ...] = ()


def narrow(rules: Rules, logits, num_written, texts):
  """The model's log-probabilities of the next token, -inf where ruled out.

  They are not normalised anew: what the rules take away is lost. Where nothing
  is left, the end keeps what the model gives it, or the lowest number there is
  if it gives nothing. Logits that are no numbers stay NaN.

  Args:
    rules: as they are.
    logits: [..., V] of the next token.
    num_written: [] int, how many tokens are written.
    texts: [L, ...] int, of which the first `num_written` are; read only where
      `rules.no_repeat_ngram` is set.

  Returns:
    [..., V], float32 or wider; and [...] bool, whether the rules left nothing.

  Raises:
    ValueError: the rules do not fit V tokens, or may leave nothing to write
      where there is no end.
  """
  num_tokens = logits.shape[-1]
  _check(rules, num_tokens)
  # Of scores that are all -inf the softmax would make NaN.
  nothing = jnp.all(logits == -jnp.inf, axis=-1, keepdims=True)
  log_probs = jnp.where(nothing, -jnp.inf, choosing.log_probs(logits))
  scores = choosing.ban(log_probs, rules.banned)
  if rules.no_repeat_ngram:
    repeats = _repeats(texts, num_written, rules.no_repeat_ngram, num_tokens)
    scores = jnp.where(repeats, -jnp.inf, scores)
  if rules.end < 0:
    return scores, jnp.zeros(scores.shape[:-1], bool)
  if rules.min_length:
    too_early = num_written < rules.min_length
    end = jnp.where(too_early, -jnp.inf, scores[..., rules.end])
    scores = scores.at[..., rules.end].set(end)
  stuck = jnp.all(scores == -jnp.inf, axis=-1)
  lowest = jnp.finfo(scores.dtype).min
  forced = jnp.maximum(log_probs[..., rules.end], lowest)
  end = jnp.where(stuck, forced, scores[..., rules.end])
  return scores.at[..., rules.end].set(end), stuck


def _repeats(texts, num_written, n: int, num_tokens: int):
  """Whether a token would end a run of n that was written before, [..., V]."""
  length, *batch = texts.shape
  if n > length:
    return jnp.zeros((*batch, num_tokens), bool)
  last = jax.lax.dynamic_slice_in_dim(texts, num_written - n + 1, n - 1)
  starts = length - n + 1
  same = jnp.ones((starts, *batch), bool)
  for i in range(n - 1):
    same &= texts[i : starts + i] == last[None, i]
  ends = jnp.arange(n - 1, length, dtype=jnp.int32).reshape(
    -1, *[1] * len(batch)
  )
  same &= ends < num_written
  flat = same.reshape(starts, -1)
  rows = jnp.arange(flat.shape[1])[None]
  found = jnp.zeros((flat.shape[1], num_tokens), bool)
  found = found.at[rows, texts[n - 1 :].reshape(starts, -1)].max(flat)
  return found.reshape(*batch, num_tokens)


def _check(rules, num_tokens):
  known = range(num_tokens)
  wrong = [x for x in (rules.end, *rules.banned) if x not in known and x != -1]
  if wrong or -1 in rules.banned:
    raise ValueError(f'{rules} does not fit {num_tokens} tokens.')
  if rules.end < 0 and (
    rules.no_repeat_ngram or len(set(rules.banned)) == num_tokens
  ):
    raise ValueError(f'{rules} may leave nothing to write, and has no end.')
