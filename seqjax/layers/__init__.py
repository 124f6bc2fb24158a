"""Flax modules over `recurrence.unroll`, and what stands beside them.

Everything is time-major, [T, B, ...]. Randomness comes as an explicit key;
`key=None` means evaluation.
"""

from seqjax.layers.attention import ATTENTIONS, Attention, Memory
from seqjax.layers.convolutions import Regions
from seqjax.layers.drop import drop_words, dropout
from seqjax.layers.pooling import POOLINGS, Pooling
from seqjax.layers.recurrent import INITIAL_CARRIES, MERGES, Recurrent

__all__ = [
  'ATTENTIONS',
  'Attention',
  'INITIAL_CARRIES',
  'MERGES',
  'Memory',
  'POOLINGS',
  'Pooling',
  'Recurrent',
  'Regions',
  'drop_words',
  'dropout',
]
