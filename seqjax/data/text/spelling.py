"""Words as the characters that they are spelt with."""

from collections.abc import Sequence

import numpy as np

from seqjax.data import vocabulary


def spell(
  words: Sequence[str],
  characters: vocabulary.CharacterVocabulary,
  max_length: int,
) -> np.ndarray:
  """The ids of the characters of each word, side by side.

  Of a longer word the first and the last half of `max_length` are read: most
  languages put into its ends what says its kind.

  Args:
    words: N of them.
    characters: of the training part.
    max_length: C, at least 1.

  Returns:
    [N, C] int32; -1 to the right of a word, 0 for an unknown character.

  >>> characters = vocabulary.character_vocabulary('abcdefg')
  >>> spell(['ab', 'abcdefg', 'x'], characters, max_length=4)
  array([[ 1,  2, -1, -1],
         [ 1,  2,  6,  7],
         [ 0, -1, -1, -1]], dtype=int32)
  """
  if max_length < 1:
    raise ValueError(f'expected max_length of at least 1, got {max_length}.')
  ids = np.full((len(words), max_length), -1, np.int32)
  for row, word in zip(ids, words, strict=True):
    if (surplus := len(word) - max_length) > 0:
      start = (max_length + 1) // 2
      word = word[:start] + word[start + surplus :]
    row[: len(word)] = characters.encode(word)
  return ids
