"""Characters to ids and back."""

import dataclasses
import functools
import json
import os
import pathlib

import numpy as np

from seqjax import errors, files

UNKNOWN = '\N{REPLACEMENT CHARACTER}'


@dataclasses.dataclass(frozen=True)
class Vocabulary:
  """V symbols of one character each; a symbol's id is its place.

  Id 0 stands for every character that is not among the symbols, and is shown
  as U+FFFD.

  >>> vocabulary = Vocabulary(('\\ufffd', 'a', 'b'))
  >>> vocabulary.encode('abc')
  array([1, 2, 0], dtype=int32)
  >>> vocabulary.decode([2, 1])
  'ba'
  """

  symbols: tuple[str, ...]

  def __post_init__(self):
    if self.symbols[:1] != (UNKNOWN,):
      raise ValueError(
        f'expected the first symbol to be {UNKNOWN!r}, the unknown character, '
        f'got {self.symbols[:1]}.'
      )
    if any(len(symbol) != 1 for symbol in self.symbols):
      raise ValueError('expected symbols of one character each.')
    if len(set(self.symbols)) < len(self.symbols):
      raise ValueError('expected symbols that differ, got one of them twice.')

  def save(self, path: str | os.PathLike) -> None:
    """Writes the symbols as JSON."""
    files.atomic_write(path, json.dumps(self.symbols) + '\n')

  @classmethod
  def load(cls, path: str | os.PathLike) -> 'Vocabulary':
    """Reads what `save` wrote; UserError where it is missing or damaged."""
    try:
      return cls(tuple(json.loads(pathlib.Path(path).read_text('utf-8'))))
    except FileNotFoundError:
      raise errors.UserError(
        f'{path} is missing: this run has not begun.'
      ) from None
    except (ValueError, TypeError) as error:
      raise errors.UserError(f'{path} is damaged ({error}).') from None

  def __len__(self) -> int:
    return len(self.symbols)

  def encode(self, text: str) -> np.ndarray:
    """The ids [N] int32 of the N characters of `text`."""
    # The last entry of the table is 0 and serves every code point beyond it.
    return self._ids[np.minimum(_code_points(text), len(self._ids) - 1)]

  def decode(self, ids) -> str:
    """The text of ids [N]; ValueError where one is not in [0, V)."""
    ids = np.asarray(ids, np.int64)
    outside = ids[(ids < 0) | (ids >= len(self))]
    if outside.size:
      raise ValueError(f'expected ids in [0, {len(self)}), got {outside[0]}.')
    return _string(self._code_points[ids])

  def unknown_share(self, text: str) -> float:
    """The share of the characters of `text` that have no symbol, in [0, 1]."""
    return float(np.mean(self.encode(text) == 0)) if text else 0.0

  @functools.cached_property
  def _code_points(self):
    return _code_points(''.join(self.symbols))

  @functools.cached_property
  def _ids(self):
    table = np.zeros(self._code_points.max() + 2, np.int32)
    table[self._code_points] = np.arange(len(self))
    return table


def character_vocabulary(text: str, min_count: int = 1) -> Vocabulary:
  """The characters that occur `min_count` times or more, by code point.

  Make it from the training part only: a character seen first in validation is
  unknown to the model, and a vocabulary that knows it would hide that.

  >>> character_vocabulary('banana', min_count=2).symbols
  ('\ufffd', 'a', 'n')

  Raises:
    UserError: no character occurs that often.
  """
  points, counts = np.unique(_code_points(text), return_counts=True)
  frequent = points[(counts >= min_count) & (points != ord(UNKNOWN))]
  if not frequent.size:
    raise errors.UserError(
      f'expected characters that occur at least {min_count} times, but the '
      f'text of {len(text)} characters has none: lower the limit.'
    )
  return Vocabulary((UNKNOWN, *_string(frequent)))


# A terminal may hand over half a surrogate pair: let it be an unknown character
# like any other, not an error.
def _code_points(text):
  return np.frombuffer(text.encode('utf-32-le', 'surrogatepass'), '<u4')


def _string(code_points):
  return (
    code_points.astype('<u4').tobytes().decode('utf-32-le', 'surrogatepass')
  )
