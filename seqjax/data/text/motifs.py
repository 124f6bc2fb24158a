"""Sequences made on the spot: a motif in two parts, far apart."""

import numpy as np

from seqjax.data import labelled

# Where a ribosome binds a bacterial messenger, the letters between, and where
# it begins to read: as DNA.
BOXES = 'AGGAGG', 'ATG'
GAPS = 6, 7, 8
OTHER_GAPS = 14, 15, 16, 17, 18
MIN_LENGTH, MAX_LENGTH = 40, 80
LETTERS = np.array(list('ACGT'))


def gapped_motif(
  num_sequences: int = 4000, data_seed: int = 0
) -> labelled.Labelled:
  """Random DNA of 40 to 80 letters, half of it with the start of a gene.

  Each sequence holds both boxes once. A 'start' has them in their order and at
  their distance; an 'other' has them in reverse order, or at another distance.
  So no count of letters or short words tells which it is, nor does the order
  alone or the distance alone.

  Args:
    num_sequences: every second is a start.
    data_seed: another number, other sequences.

  Source: the box of Shine and Dalgarno (1974), PNAS 71(4), at the distances of
    Chen et al. (1994), Nucleic Acids Research 22(23).

  Example:
    >>> made = gapped_motif(num_sequences=4)
    >>> made.labels
    ('start', 'other', 'start', 'other')
    >>> made.texts[2]
    'TGAATCCGCGGCCTATAAGGAGGCCTGGGGAATGACAGCGTTGGAGTGC'
  """
  random = np.random.RandomState([data_seed])
  texts, labels = [], []
  for index in range(num_sequences):
    is_start = index % 2 == 0
    is_reversed = index % 4 == 1
    boxes = BOXES[::-1] if is_reversed else BOXES
    gaps = GAPS if is_start or is_reversed else OTHER_GAPS
    texts.append(_sequence(random, boxes, gaps))
    labels.append('start' if is_start else 'other')
  places = (f'sequence {number}' for number in range(1, num_sequences + 1))
  return labelled.collect(texts, labels, places, 'gapped_motif')


def _sequence(random, boxes, gaps):
  length = random.randint(MIN_LENGTH, MAX_LENGTH + 1)
  gap = gaps[random.randint(len(gaps))]
  room = length - len(''.join(boxes)) - gap
  before = random.randint(room + 1)
  while True:
    first, between, last = (
      ''.join(LETTERS[random.randint(len(LETTERS), size=size)])
      for size in (before, gap, room - before)
    )
    sequence = first + boxes[0] + between + boxes[1] + last
    if all(sequence.count(box) == 1 for box in boxes):  # none by chance
      return sequence
