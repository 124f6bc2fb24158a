"""Elementwise functions by the names that a flag may give."""

import jax
import jax.numpy as jnp

ACTIVATIONS = {
  'elu': jax.nn.elu,
  'gelu': jax.nn.gelu,
  'hard_sigmoid': jax.nn.hard_sigmoid,
  'hard_tanh': jax.nn.hard_tanh,
  'identity': lambda x: x,
  'leaky_relu': jax.nn.leaky_relu,
  'relu': jax.nn.relu,
  'sigmoid': jax.nn.sigmoid,
  'silu': jax.nn.silu,
  'sin': jnp.sin,
  'softplus': jax.nn.softplus,
  'softsign': jax.nn.soft_sign,
  'tanh': jnp.tanh,
}
