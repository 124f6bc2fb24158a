"""A cell over time."""

from seqjax.recurrence.unroll import (
  ENGINES,
  Unrolled,
  engine_for,
  refusal,
  unroll,
)

__all__ = ['ENGINES', 'Unrolled', 'engine_for', 'refusal', 'unroll']
