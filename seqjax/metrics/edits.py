"""How far what was written is from what should have been."""

from collections.abc import Hashable, Sequence


def edits(predicted: Sequence[Hashable], true: Sequence[Hashable]) -> int:
  """The fewest insertions, deletions and substitutions from one to the other.

  Args:
    predicted: what was written: a string, or a list of words or numbers.
    true: what should have been written.

  Source: Levenshtein (1966), Soviet Physics Doklady 10(8), by rapidfuzz.

  >>> edits('kitten', 'sitting'), edits(['a', 'cat'], ['a', 'black', 'cat'])
  (3, 1)
  """
  from rapidfuzz.distance import Levenshtein

  return Levenshtein.distance(predicted, true)


def error_rate(
  predicted: Sequence[Sequence[Hashable]], true: Sequence[Sequence[Hashable]]
) -> float:
  """All edits over the length of all that should have been written.

  Word error rate of lists of words, character error rate of strings. It may be
  above 1, where too much was written.

  Args:
    predicted: N sequences, as of `edits`.
    true: N sequences, not all of them empty.

  >>> error_rate([['one', 'two'], []], [['one', 'too', 'few'], ['one']])
  0.75
  """
  length = sum(map(len, true))
  if not length:
    raise ValueError('expected something that should have been written.')
  pairs = zip(predicted, true, strict=True)
  return sum(edits(*pair) for pair in pairs) / length
