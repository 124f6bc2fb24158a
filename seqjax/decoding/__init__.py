"""Writing with a model that offers one step at a time, and reading CTC.

A step is (params, carry, token [B]) -> (carry, logits [B, V]); `params` may be
a tuple with what a model remembers of its source. Programs are compiled once
per function object, so keep the step that you made.
"""

from seqjax.decoding.beam import Beams, beam_search
from seqjax.decoding.choosing import temper
from seqjax.decoding.ctc import ctc_beam, ctc_greedy
from seqjax.decoding.rules import Rules
from seqjax.decoding.sampling import sample, sample_frames
from seqjax.decoding.writing import Written, write

__all__ = [
  'Beams',
  'Rules',
  'Written',
  'beam_search',
  'ctc_beam',
  'ctc_greedy',
  'sample',
  'sample_frames',
  'temper',
  'write',
]
