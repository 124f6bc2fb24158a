"""Flax modules over `recurrence.unroll`, and what stands beside them.

Everything is time-major, [T, B, ...]. Randomness comes as an explicit key;
`key=None` means evaluation.
"""

from seqjax.layers.drop import drop_words, dropout
from seqjax.layers.pooling import POOLINGS, Pooling
from seqjax.layers.recurrent import INITIAL_CARRIES, MERGES, Recurrent

__all__ = [
  'INITIAL_CARRIES',
  'MERGES',
  'POOLINGS',
  'Pooling',
  'Recurrent',
  'drop_words',
  'dropout',
]
