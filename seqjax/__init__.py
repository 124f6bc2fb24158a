"""Recurrent sequence models in JAX: pure cells, one runner, exact resume."""

from seqjax import (
  cells,
  decoding,
  errors,
  layers,
  losses,
  metrics,
  models,
  recurrence,
)
from seqjax.recurrence import unroll

__all__ = [
  'cells',
  'decoding',
  'errors',
  'layers',
  'losses',
  'metrics',
  'models',
  'recurrence',
  'unroll',
]
