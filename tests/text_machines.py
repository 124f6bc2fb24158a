"""Models whose every number is looked up: rows cannot touch each other.

A state, a small number, stands for all that was read; the logits are those of
the state. A row begins in a state of its own.
"""

import jax.numpy as jnp
import numpy as np

STATES = 61


def table(num_tokens, seed=0, scale=2.0):
  """Logits [STATES, V]."""
  rng = np.random.RandomState(seed)
  return (scale * rng.normal(size=(STATES, num_tokens))).astype(np.float32)


def step(params, state, token):
  """As `decoding` takes it: params is a table, state and token are [B]."""
  state = (state * 7 + token * 11 + 3) % STATES
  return state, params[state]


def first(batch_size, num_tokens):
  """What is read first, and where each row begins."""
  token = jnp.full(batch_size, num_tokens - 1, jnp.int32)
  return token, jnp.arange(batch_size, dtype=jnp.int32) * 5


def model(params, row):
  """The same for `oracle.texts`: (tokens) -> logits [V]."""
  num_tokens = params.shape[1]

  def logits(tokens):
    state = row * 5
    for token in (num_tokens - 1, *tokens):
      state = (state * 7 + token * 11 + 3) % STATES
    return params[state]

  return logits
