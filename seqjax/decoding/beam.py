"""Beam search: the best of many texts, without reading them all."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax.decoding import choosing
from seqjax.decoding import rules as rules_lib


class Beams(NamedTuple):
  """The best texts of each row, best first.

  Where a row has fewer than N texts, the rest have length 0 and a
  log-probability of -inf; of NaN where the model gave no numbers.
  """

  tokens: jax.Array  # [N, L, B] int32, the end and what follows it: the end
  lengths: jax.Array  # [N, B] int32, without the end; L where it did not come
  log_probs: jax.Array  # [N, B], the model's, of all tokens and the end
  scores: jax.Array  # [N, B], by which they are ordered


class _State(NamedTuple):
  """The hypotheses after t steps, one per slot; those that ended come first."""

  t: jax.Array  # []
  carry: Any  # [K, B, ...]
  token: jax.Array  # [K, B], the last
  log_probs: jax.Array  # [K, B]; -inf where the slot is empty
  lengths: jax.Array  # [K, B]
  ended: jax.Array  # [K, B] bool
  forced: jax.Array  # [K, B] bool, by an end that the rules forbid
  tokens: jax.Array  # [L, K, B], written at each step,
  parents: jax.Array  # [L, K, B], into the slot that came from this one
  texts: jax.Array  # [L, K, B] of each slot, where a rule reads them


@functools.partial(
  jax.jit, static_argnames=('step', 'beam_size', 'max_length', 'rules')
)
def beam_search(
  step,
  params,
  carry,
  first,
  *,
  beam_size: int,
  max_length: int,
  rules: rules_lib.Rules,
  length_penalty=1.0,
) -> Beams:
  """Looks for the texts with the best score.

    score(y) = log p(y) / n ** length_penalty

  where n counts the tokens of y and its end. A hypothesis that ends keeps its
  place for good, and the others go on in the places that are left, those with
  the best log p(y), until all have ended or are as long as may be. So a beam of
  1 takes the likeliest token every time, as `write` does. Texts that did not
  end rank after all that did. Of equal ones that of the better beginning comes
  first, then the smaller token. An end that comes because the rules leave
  nothing else ranks after all of these.

  Args:
    step: (params, carry, token [B]) -> (carry, logits [B, V]); compiled once
      per function object. It is mapped over the hypotheses, and `params` is
      shared by them.
    params, carry: of the model; carry before the first token is read, [B, ...]
      each.
    first: [B] int, what is read first.
    beam_size: how many hypotheses are followed, and texts returned, N.
    max_length: how many tokens are written at most, L; with the end where it
      comes.
    rules: what may not be written, and the end.
    length_penalty: a number >= 0; 0 orders by log p, which favours the short,
      and 1 by its mean over what was written.

  Source: Graves (2012), arXiv:1211.3711; hypotheses that end narrow the beam as
  in Sutskever et al. (2014), arXiv:1409.3215.

  Example:
    >>> table = jnp.array([[0.1, 0.1, 0.8], [0.4, 0.3, 0.3], [0.4, 0.6, 0]])
    >>> step = lambda table, carry, token: (carry, jnp.log(table)[token])
    >>> texts = beam_search(
    ...   *(step, table, (), jnp.array([2])),
    ...   **dict(beam_size=2, max_length=4, rules=rules_lib.Rules(end=2)),
    ... )
    >>> for n in range(2):
    ...   print(texts.tokens[n, :, 0], f'{jnp.exp(texts.log_probs[n, 0]):.3f}')
    [1 0 2 2] 0.192
    [0 2 2 2] 0.320
  """
  rows = jnp.arange(first.shape[0])[None]
  of_slots = jax.vmap(step, (None, 0, 0))

  def proceed(state):
    carry, logits = of_slots(params, state.carry, state.token)
    gains, stuck = rules_lib.narrow(rules, logits, state.t, state.texts)
    # Of each hypothesis no more than this many can be among the best.
    gains, tokens = jax.lax.top_k(gains, min(beam_size, logits.shape[-1]))
    num_ways = tokens.shape[-1]
    # One that has ended goes on in one way, without a gain.
    goes_on = ~state.ended[..., None]
    only = jnp.arange(num_ways).reshape(1, 1, -1) == 0
    gains = jnp.where(goes_on, gains, jnp.where(only, 0, -jnp.inf))
    tokens = jnp.where(goes_on, tokens, rules.end)
    log_probs = state.log_probs[..., None] + gains
    rank = jnp.where(~goes_on & only, jnp.inf, log_probs)
    stuck &= ~state.ended
    last = stuck[..., None] & (log_probs > -jnp.inf)
    rank = jnp.where(last, jnp.finfo(rank.dtype).min, rank)

    flat = lambda x: x.swapaxes(0, 1).reshape(x.shape[1], -1)
    _, best = jax.lax.top_k(flat(rank), beam_size)
    of_best = lambda x: jnp.take_along_axis(flat(x), best, axis=1).T
    parents = best.T // num_ways
    of_parents = lambda x: x[parents, rows]

    token, log_probs = of_best(tokens), of_best(log_probs)
    has_ended = (token == rules.end) & (log_probs > -jnp.inf)
    texts = state.texts
    if rules.no_repeat_ngram:
      texts = texts[:, parents, rows].at[state.t].set(token)
    return _State(
      state.t + 1,
      jax.tree.map(of_parents, carry),
      token,
      log_probs,
      jnp.where(has_ended, of_parents(state.lengths), state.t + 1),
      has_ended,
      of_parents(state.forced | stuck),
      state.tokens.at[state.t].set(token),
      state.parents.at[state.t].set(parents),
      texts,
    )

  def goes_on(state):
    open_ = ~state.ended & (state.log_probs > -jnp.inf)
    return (state.t < max_length) & jnp.any(open_)

  state = _start(step, params, carry, first, beam_size, max_length, rules)
  state = jax.lax.while_loop(goes_on, proceed, state)
  return _in_order(state, length_penalty, rules.end)


def _start(step, params, carry, first, beam_size, max_length, rules) -> _State:
  """Of all slots one is in use, the first."""
  spread = lambda x: jnp.broadcast_to(x, (beam_size, *x.shape))
  token = spread(first.astype(jnp.int32))
  slots = jax.lax.broadcasted_iota(jnp.int32, token.shape, 0)
  _, logits = jax.eval_shape(step, params, carry, token[0])
  dtype = jax.eval_shape(choosing.log_probs, logits).dtype
  nothing = jnp.full((max_length, *token.shape), rules.end, jnp.int32)
  return _State(
    t=jnp.int32(0),
    carry=jax.tree.map(spread, carry),
    token=token,
    log_probs=jnp.where(slots == 0, 0, -jnp.inf).astype(dtype),
    lengths=jnp.zeros_like(slots),
    ended=jnp.zeros(slots.shape, bool),
    forced=jnp.zeros(slots.shape, bool),
    tokens=nothing,
    parents=jnp.broadcast_to(slots[None], nothing.shape),
    texts=nothing if rules.no_repeat_ngram else nothing[:0],
  )


def _in_order(state, length_penalty, end) -> Beams:
  """The texts of all slots, best first."""
  count = jnp.where(state.ended, state.lengths + 1, state.lengths)
  count = jnp.maximum(count, 1).astype(state.log_probs.dtype)
  scores = state.log_probs / count**length_penalty
  rows = jnp.arange(scores.shape[1])[None]
  slots = jax.lax.broadcasted_iota(jnp.int32, scores.shape, 0)
  # The sort keeps the order of what is equal.
  keys = (state.forced, ~state.ended, -scores)
  *_, best = jax.lax.sort((*keys, slots), dimension=0, num_keys=len(keys))

  def back(slot, step):
    tokens, parents = step
    return parents[slot, rows], tokens[slot, rows]

  _, tokens = jax.lax.scan(
    back, best, (state.tokens, state.parents), reverse=True
  )
  of_best = lambda x: x[best, rows]
  log_probs = of_best(state.log_probs)
  found = log_probs > -jnp.inf
  return Beams(
    jnp.where(found[:, None], tokens.swapaxes(0, 1), end),
    jnp.where(found, of_best(state.lengths), 0),
    log_probs,
    of_best(scores),
  )
