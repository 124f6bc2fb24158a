"""Reading what a CTC network says: a labelling out of the scores of each step.

Each step says one of V symbols, of which one is blank. A path, one symbol per
step, is read by merging what repeats and then dropping the blanks; the
probability of a labelling is that of all paths that are read so. Any mask is
allowed: an invalid step is no part of a path, whatever stands there.

Source: Graves et al. (2006), ICML; the prefix search as in Hannun et al.
(2014), arXiv:1408.2873, without a language model.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.decoding import choosing, writing


@functools.partial(jax.jit, static_argnames='blank')
def ctc_greedy(logits, mask, blank: int = 0) -> writing.Written:
  """Reads the likeliest path.

  Args:
    logits: [T, B, V].
    mask: [T, B] bool.
    blank: the symbol that says nothing.

  Returns:
    tokens [T, B], blank from the length on; the log-probability is that of the
    path; that of the labelling is no less.

  Example:
    >>> logits = jax.nn.one_hot(jnp.array([[0], [2], [2], [0], [2], [1]]), 3)
    >>> found = ctc_greedy(logits, jnp.ones((6, 1), bool))
    >>> print(found.tokens[:, 0], found.lengths)
    [2 2 1 0 0 0] [3]
  """
  num_steps, batch_size = mask.shape
  log_probs = choosing.log_probs(logits)
  path = jnp.argmax(log_probs, axis=-1).astype(jnp.int32)
  each = jnp.where(mask, jnp.max(log_probs, axis=-1), 0)

  def follow(before, step):
    said, valid = step
    return jnp.where(valid, said, before), before

  nothing = jnp.full(batch_size, blank, jnp.int32)
  _, before = jax.lax.scan(follow, nothing, (path, mask))
  new = mask & (path != blank) & (path != before)
  # What is not new goes past the end, and is dropped there.
  places = jnp.where(new, jnp.cumsum(new, axis=0) - 1, num_steps)
  tokens = jnp.full((num_steps, batch_size), blank, jnp.int32)
  tokens = tokens.at[places, jnp.arange(batch_size)[None]].set(
    path, mode='drop'
  )
  lengths = jnp.sum(new, axis=0, dtype=jnp.int32)
  return writing.Written(tokens, lengths, jnp.sum(each, axis=0))


class _Prefixes(NamedTuple):
  """K prefixes of labellings, of one row."""

  tokens: jax.Array  # [K, T], blank from the length on
  lengths: jax.Array  # [K]
  last: jax.Array  # [K], the last token; blank where there is none
  blank_end: jax.Array  # [K], log p of the paths that end in a blank, and
  token_end: jax.Array  # [K], of those that end in the last token

  def log_probs(self):
    return jnp.logaddexp(self.blank_end, self.token_end)


@functools.partial(jax.jit, static_argnames=('beam_size', 'blank'))
def ctc_beam(logits, mask, beam_size: int, blank: int = 0) -> writing.Written:
  """Looks for the likeliest labelling.

  At each step the `beam_size` likeliest prefixes are kept; the probability of
  the labelling is the sum over the paths through these, and exact where all
  prefixes fit into the beam.

  Args:
    logits: [T, B, V].
    mask: [T, B] bool.
    beam_size: how many prefixes are followed.
    blank: the symbol that says nothing.

  Returns:
    tokens [T, B], blank from the length on; the log-probability is that of the
    labelling.

  Example:
    Each path with a 1 is less likely than the one without; their sum is not.
    >>> logits = jnp.log(jnp.full((2, 1, 2), jnp.array([0.6, 0.4])))
    >>> mask = jnp.ones((2, 1), bool)
    >>> for found in ctc_greedy(logits, mask), ctc_beam(logits, mask, 2):
    ...   print(found.lengths, f'{jnp.exp(found.log_probs[0]):.2f}')
    [0] 0.36
    [1] 0.64
  """
  log_probs = choosing.log_probs(logits)
  search = functools.partial(_search, beam_size=beam_size, blank=blank)
  tokens, *rest = jax.vmap(search, in_axes=1)(log_probs, mask)
  return writing.Written(tokens.T, *rest)


def _search(log_probs, mask, beam_size, blank):
  """One row: log_probs [T, V], mask [T]."""

  def follow(prefixes, step):
    log_p, valid = step
    grown = _grow(prefixes, log_p, blank)
    keep = lambda new, old: jnp.where(valid, new, old)
    return jax.tree.map(keep, grown, prefixes), None

  # Of K prefixes one is real, the empty one.
  never = jnp.full(beam_size, -jnp.inf, log_probs.dtype)
  start = _Prefixes(
    jnp.full((beam_size, len(mask)), blank, jnp.int32),
    jnp.zeros(beam_size, jnp.int32),
    jnp.full(beam_size, blank, jnp.int32),
    never.at[0].set(0),
    never,
  )
  prefixes, _ = jax.lax.scan(follow, start, (log_probs, mask))
  best = jnp.argmax(prefixes.log_probs())
  return (
    prefixes.tokens[best],
    prefixes.lengths[best],
    prefixes.log_probs()[best],
  )


def _grow(prefixes, log_p, blank):
  """The likeliest prefixes after one more step, which says log_p [V]."""
  num_prefixes, num_tokens = len(prefixes.last), len(log_p)
  slots = jnp.arange(num_prefixes)
  symbols = jnp.arange(num_tokens, dtype=jnp.int32)[None]
  total = prefixes.log_probs()
  # What grows by its own last token again does so after a blank only.
  repeats = symbols == prefixes.last[:, None]
  grown = jnp.where(repeats, prefixes.blank_end[:, None], total[:, None])
  grown += log_p[None]
  blank_end = total + log_p[blank]
  # The empty prefix has no last token, and no path that ends in it.
  token_end = prefixes.token_end + log_p[prefixes.last]

  # One that grows into another, [from, into], hands its paths over.
  same = (prefixes.tokens[:, None] == prefixes.tokens[None]) | (
    jnp.arange(prefixes.tokens.shape[1], dtype=jnp.int32)[None, None]
    >= prefixes.lengths[:, None, None]
  )
  becomes = (
    jnp.all(same, axis=-1)
    & (prefixes.lengths[:, None] + 1 == prefixes.lengths[None])
    & (total > -jnp.inf)[None]
  )
  handed = jnp.where(becomes, grown[:, prefixes.last], -jnp.inf)
  token_end = jnp.logaddexp(token_end, jnp.max(handed, axis=0))
  grown = grown.at[slots[:, None], prefixes.last[None]].min(
    jnp.where(becomes, -jnp.inf, jnp.inf)
  )

  # In the blank's place: the prefix stays as it is.
  grown = grown.at[:, blank].set(jnp.logaddexp(blank_end, token_end))
  log_probs, best = jax.lax.top_k(grown.reshape(-1), num_prefixes)
  parents, said = best // num_tokens, best % num_tokens
  longer = said != blank
  lengths = prefixes.lengths[parents]
  places = jnp.where(longer, lengths, prefixes.tokens.shape[1])
  return _Prefixes(
    prefixes.tokens[parents].at[slots, places].set(said, mode='drop'),
    jnp.where(longer, lengths + 1, lengths),
    jnp.where(longer, said, prefixes.last[parents]),
    jnp.where(longer, -jnp.inf, blank_end[parents]),
    jnp.where(longer, log_probs, token_end[parents]),
  )
