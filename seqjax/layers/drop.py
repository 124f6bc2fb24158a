"""Dropout of units and of whole words, at rates that may be traced numbers.

A sweep over rates is then one program; Flax's Dropout wants to know the rate
when it traces.
"""

import jax
import jax.numpy as jnp

from seqjax.cells import regularizers


def dropout(key, x, rate, *, same_over_time: bool = False):
  """Sets a share `rate` of `x` to zero and scales up the rest.

  Args:
    key: PRNG key; None (evaluation) returns `x`.
    x: [T, B, ...].
    rate: probability of dropping, in [0, 1). A Python 0 costs nothing.
    same_over_time: one mask per sequence, the variational dropout of Gal and
      Ghahramani (2016), instead of one per step.
  """
  if key is None or regularizers.is_off(rate):
    return x
  shape = (1, *x.shape[1:]) if same_over_time else x.shape
  keep_rate = 1 - jnp.asarray(rate, x.dtype)
  kept = jnp.broadcast_to(jax.random.bernoulli(key, keep_rate, shape), x.shape)
  return jnp.where(kept, x / keep_rate, 0)


def drop_words(key, tokens, rate):
  """Makes a share `rate` of the tokens unknown.

  The embedding of the unknown word is trained by this, and a model learns to do
  without any one word.

  Args:
    key: PRNG key; None (evaluation) returns `tokens`.
    tokens: [T, B] int32; 0 is the unknown word.
    rate: probability of dropping, in [0, 1). A Python 0 costs nothing.

  Source: Iyyer et al. (2015), ACL, "word dropout".
  """
  if key is None or regularizers.is_off(rate):
    return tokens
  return jnp.where(jax.random.bernoulli(key, rate, tokens.shape), 0, tokens)
