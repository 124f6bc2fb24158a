"""Writing one text per row until it ends."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax.decoding import choosing
from seqjax.decoding import rules as rules_lib


class Written(NamedTuple):
  """Texts, one per row."""

  tokens: jax.Array  # [L, B] int32, the end and what follows it: the end
  lengths: jax.Array  # [B] int32, without the end; L where it did not come
  # [B], the model's, of all tokens and the end; NaN where it gave no numbers.
  log_probs: jax.Array


@functools.partial(
  jax.jit, static_argnames=('step', 'max_length', 'rules', 'top_k', 'top_p')
)
def write(
  step,
  params,
  carry,
  first,
  key,
  *,
  max_length: int,
  rules: rules_lib.Rules,
  temperature=0.0,
  top_k: int = 0,
  top_p: float = 1.0,
) -> Written:
  """Writes until the end: the likeliest token every time, or by chance.

  It stops as soon as every row has ended. What a row becomes depends on its
  place in the batch where chance decides, and never on the other rows.

  Args:
    step: (params, carry, token [B]) -> (carry, logits [B, V]); compiled once
      per function object.
    params, carry: of the model; carry before the first token is read.
    first: [B] int, what is read first.
    key: PRNG key; not read at temperature 0.
    max_length: how many tokens are written at most, L; with the end where it
      comes.
    rules: what may not be written, and the end.
    temperature: a number >= 0; 0 takes the likeliest token, 1 draws as learnt.
    top_k: how many of the likeliest tokens may be drawn; 0 for all.
    top_p: of these, the fewest that have this probability together may be
      drawn (Holtzman et al., 2020); 1 for all.

  Example:
    >>> table = jnp.array([[0.1, 0.6, 0.3], [0.2, 0.1, 0.7], [1, 0, 0]])
    >>> step = lambda table, carry, token: (carry, jnp.log(table)[token])
    >>> text = write(
    ...   *(step, table, (), jnp.array([2]), jax.random.key(0)),
    ...   **dict(max_length=4, rules=rules_lib.Rules(end=2)),
    ... )
    >>> print(text.tokens[:, 0], f'{jnp.exp(text.log_probs[0]):.2f}')
    [0 1 2 2] 0.42
  """
  temperature = jnp.asarray(temperature, jnp.float32)
  rows = jnp.arange(first.shape[0])
  choose = functools.partial(choosing.choose, top_k=top_k, top_p=top_p)

  def proceed(state):
    t, token, carry, ended, text = state
    carry, logits = step(params, carry, token)
    log_probs, _ = rules_lib.narrow(rules, logits, t, text.tokens)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(
      jax.random.fold_in(key, t), rows
    )
    token = jax.vmap(choose, (0, 0, None))(keys, log_probs, temperature)
    token = jnp.where(ended, rules.end, token)
    gained = jnp.where(ended, 0, log_probs[rows, token])
    ended |= token == rules.end
    text = Written(
      text.tokens.at[t].set(token),
      jnp.where(ended, text.lengths, t + 1),
      text.log_probs + gained,
    )
    return t + 1, token, carry, ended, text

  def goes_on(state):
    t, _, _, ended, _ = state
    return (t < max_length) & ~jnp.all(ended)

  first = first.astype(jnp.int32)
  _, logits = jax.eval_shape(step, params, carry, first)
  dtype = jax.eval_shape(choosing.log_probs, logits).dtype
  nothing = Written(
    jnp.full((max_length, *first.shape), rules.end, jnp.int32),
    jnp.zeros_like(first),
    jnp.zeros(first.shape, dtype),
  )
  ended = jnp.zeros(first.shape, bool)
  state = (jnp.int32(0), first, carry, ended, nothing)
  return jax.lax.while_loop(goes_on, proceed, state)[-1]
