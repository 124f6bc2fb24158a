"""Networks to exchange: random weights, no number like another."""

import jax
import numpy as np

from seqjax import cells, exchange, layers

D, H, K, V = 3, 4, 6, 7


def network(cell, options=(), bidirectional=False, sizes=(H, H)):
  """One with an embedding [V, D] before it and a dense layer [., K] behind."""
  options = dict(options)
  module = layers.Recurrent(
    cells.CELLS[cell](**options), sizes, bidirectional=bidirectional
  )
  shapes = jax.eval_shape(
    lambda key: module.init(key, np.ones((2, 1, D), np.float32)),
    jax.random.key(0),
  )['params']
  rng = np.random.default_rng(0)
  draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
  width = options.get('projection', sizes[-1]) * (1 + bidirectional)
  return exchange.Network(
    cell,
    options,
    jax.tree.map(lambda s: draw(*s.shape), shapes),
    draw(V, D),
    exchange.Dense(draw(width, K), draw(K)),
  )
