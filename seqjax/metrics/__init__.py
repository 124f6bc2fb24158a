"""Numbers that say how well a model does; units stand in their names."""

from seqjax.metrics.classification import classification, confusion
from seqjax.metrics.edits import error_rate
from seqjax.metrics.forecasts import forecasts, mase_scale
from seqjax.metrics.pairs import (
  NATS_PER_BIT,
  accuracy,
  add,
  divide,
  likelihood,
)

__all__ = [
  'NATS_PER_BIT',
  'accuracy',
  'add',
  'classification',
  'confusion',
  'divide',
  'error_rate',
  'forecasts',
  'likelihood',
  'mase_scale',
]
