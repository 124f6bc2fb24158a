"""A cell over time."""

from seqjax.recurrence import feedback, forcing, readouts, scheduled_sampling
from seqjax.recurrence.unroll import (
  ENGINES,
  Unrolled,
  engine_for,
  refusal,
  unroll,
)

__all__ = [
  'ENGINES',
  'Unrolled',
  'engine_for',
  'feedback',
  'forcing',
  'readouts',
  'refusal',
  'scheduled_sampling',
  'unroll',
]
