"""Sequences that are longer than a limit."""

from collections.abc import Sequence
from typing import TypeVar

from seqjax import errors

S = TypeVar('S', bound=Sequence)

# What is kept of a sequence that is too long -> what it loses.
KEEPS = {'start': 'end', 'end': 'start'}


def cut(
  sequences: Sequence[S], max_length: int, keep: str = 'start'
) -> tuple[list[S], int]:
  """Sequences of at most `max_length` steps, and how many had more.

  >>> cut(['abcd', 'ab'], 3)
  (['abc', 'ab'], 1)
  >>> cut(['abcd', 'ab'], 3, keep='end')
  (['bcd', 'ab'], 1)

  Args:
    sequences: strings, lists or arrays.
    max_length: at least 1.
    keep: 'start' or 'end'.
  """
  if max_length < 1:
    raise ValueError(f'expected max_length of at least 1, got {max_length}.')
  if keep not in KEEPS:
    raise errors.unknown('part to keep', keep, KEEPS)
  part = slice(max_length) if keep == 'start' else slice(-max_length, None)
  num_cut = sum(len(sequence) > max_length for sequence in sequences)
  return [sequence[part] for sequence in sequences], num_cut


def cut_report(
  num_cut: int, num_texts: int, max_length: int, keep: str = 'start'
) -> str:
  """What `cut` did, as a sentence.

  >>> cut_report(312, 25_000, 400)
  '312 of 25,000 texts are longer than --max_length=400 and lose their end.'
  """
  limit = f'longer than --max_length={max_length}'
  if num_cut == 0:
    return f'None of {num_texts:,} texts is {limit}.'
  verb, loss = ('is', 'loses its') if num_cut == 1 else ('are', 'lose their')
  return (
    f'{num_cut:,} of {num_texts:,} texts {verb} {limit} and {loss} '
    f'{KEEPS[keep]}.'
  )
