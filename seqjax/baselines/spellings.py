"""The word that is spelt most alike."""

from collections.abc import Sequence

import numpy as np

_CELLS = 2**26  # Distances at once: 64 MB.


def nearest_spelling(known: Sequence[str], asked: Sequence[str]) -> np.ndarray:
  """Which of the known words fewest edits lead to, for each that is asked for.

  Of equally near ones the first is taken; of words further than 255 edits, any.

  Args:
    known: N words.
    asked: M words.

  Returns:
    [M] integers in [0, N).

  Example:
    >>> nearest_spelling(['cat', 'dog'], ['bat', 'do', 'cats'])
    array([0, 1, 0])
  """
  from rapidfuzz import distance, process

  step = max(1, _CELLS // len(known))
  found = [
    process.cdist(
      asked[start : start + step],
      known,
      scorer=distance.Levenshtein.distance,
      dtype=np.uint8,
    ).argmin(axis=1)
    for start in range(0, len(asked), step)
  ]
  return np.concatenate(found)
