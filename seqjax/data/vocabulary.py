"""Symbols to ids and back."""

import collections
import dataclasses
import functools
import itertools
import json
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, Self

import numpy as np

from seqjax import errors, files

UNKNOWN = '\N{REPLACEMENT CHARACTER}'


@dataclasses.dataclass(frozen=True)
class Vocabulary:
  """V symbols, which are strings; a symbol's id is its place.

  Id 0 stands for every token that is not among the symbols, and is shown as
  U+FFFD.

  >>> vocabulary = Vocabulary(('\\ufffd', 'the', 'cat'))
  >>> vocabulary.encode(['the', 'dog'])
  array([1, 0], dtype=int32)
  >>> vocabulary.decode([1, 2])
  ['the', 'cat']
  """

  symbols: tuple[str, ...]

  def __post_init__(self):
    if self.symbols[:1] != (UNKNOWN,):
      raise ValueError(
        f'expected the first symbol to be {UNKNOWN!r}, the unknown one, got '
        f'{self.symbols[:1]}.'
      )
    if not all(isinstance(symbol, str) for symbol in self.symbols):
      raise ValueError('expected symbols that are strings.')
    if len(set(self.symbols)) < len(self.symbols):
      raise ValueError('expected symbols that differ, got one of them twice.')

  def save(self, path: str | os.PathLike) -> None:
    """Writes the symbols as a JSON list."""
    files.atomic_write(path, json.dumps(self.symbols) + '\n')

  @classmethod
  def load(cls, path: str | os.PathLike) -> Self:
    """Reads what `save` wrote; UserError where it is missing or damaged."""
    return load_json(path, lambda symbols: cls(tuple(symbols)))

  def __len__(self) -> int:
    return len(self.symbols)

  def encode(self, tokens: Iterable[str]) -> np.ndarray:
    """The ids [N] int32 of N tokens."""
    ids = self._ids
    return np.fromiter((ids.get(token, 0) for token in tokens), np.int32)

  def decode(self, ids) -> list[str]:
    """The symbols of ids [N]; ValueError where one is not in [0, V)."""
    ids = np.asarray(ids, np.int64)
    outside = ids[(ids < 0) | (ids >= len(self))]
    if outside.size:
      raise ValueError(f'expected ids in [0, {len(self)}), got {outside[0]}.')
    return [self.symbols[i] for i in ids.tolist()]

  def unknown_share(self, tokens: Iterable[str]) -> float:
    """The share of the tokens that have no symbol, in [0, 1]."""
    ids = self.encode(tokens)
    return float(np.mean(ids == 0)) if ids.size else 0.0

  @functools.cached_property
  def _ids(self):
    return {symbol: i for i, symbol in enumerate(self.symbols)}


class CharacterVocabulary(Vocabulary):
  """Symbols of one character each; the tokens of a text are its characters.

  >>> vocabulary = CharacterVocabulary(('\\ufffd', 'a', 'b'))
  >>> vocabulary.encode('abc')
  array([1, 2, 0], dtype=int32)
  >>> vocabulary.decode([2, 1])
  'ba'
  """

  def __post_init__(self):
    super().__post_init__()
    if any(len(symbol) != 1 for symbol in self.symbols):
      raise ValueError('expected symbols of one character each.')

  def encode(self, text: str) -> np.ndarray:
    """The ids [N] int32 of the N characters of `text`."""
    # The last entry of the table is 0 and serves every code point beyond it.
    return self._ids[np.minimum(_code_points(text), len(self._ids) - 1)]

  def decode(self, ids) -> str:
    """The text of ids [N]; ValueError where one is not in [0, V)."""
    return ''.join(super().decode(ids))

  @functools.cached_property
  def _ids(self):
    points = _code_points(''.join(self.symbols))
    table = np.zeros(points.max() + 2, np.int32)
    table[points] = np.arange(len(self))
    return table


def character_vocabulary(
  text: str, min_count: int = 1, max_size: int | None = None
) -> CharacterVocabulary:
  """The characters that occur `min_count` times or more, by code point.

  Make it from the training part only: a character seen first in validation is
  unknown to the model, and a vocabulary that knows it would hide that.

  >>> character_vocabulary('banana', min_count=2).symbols
  ('\ufffd', 'a', 'n')

  Args:
    text: of the training part.
    min_count: rarer characters are unknown.
    max_size: V at most, the unknown symbol included; the most frequent stay.

  Raises:
    UserError: no character occurs that often.
  """
  # Of several million characters, this is much faster than a Counter.
  points, counts = np.unique(_code_points(text), return_counts=True)
  found = dict(zip(map(chr, points.tolist()), counts.tolist(), strict=True))
  frequent = _frequent('characters', found, min_count, max_size)
  return CharacterVocabulary((UNKNOWN, *sorted(frequent)))


def word_vocabulary(
  texts: Iterable[Iterable[str]],
  min_count: int = 1,
  max_size: int | None = None,
) -> Vocabulary:
  """The tokens that occur `min_count` times or more, most frequent first.

  Tokens that are equally frequent stand by code point. As with characters: from
  the training part only.

  >>> texts = [['the', 'cat'], ['a', 'dog'], ['the', 'dog']]
  >>> word_vocabulary(texts, max_size=4).symbols
  ('\ufffd', 'dog', 'the', 'a')

  Args:
    texts: of the training part, the tokens of each.
    min_count: rarer tokens are unknown.
    max_size: V at most, the unknown symbol included; the most frequent stay.

  Raises:
    UserError: no token occurs that often.
  """
  found = collections.Counter(itertools.chain.from_iterable(texts))
  return Vocabulary((UNKNOWN, *_frequent('words', found, min_count, max_size)))


def load_json(path: str | os.PathLike, make: Callable[[Any], Any]) -> Any:
  """make(the content of a JSON file that a run wrote).

  Raises:
    UserError: the file is missing or damaged, which `make` says by a KeyError,
      TypeError or ValueError.
  """
  try:
    return make(json.loads(pathlib.Path(path).read_text('utf-8')))
  except FileNotFoundError:
    raise errors.UserError(
      f'{path} is missing: this run has not begun.'
    ) from None
  except (KeyError, RecursionError, TypeError, ValueError) as error:
    raise errors.UserError(f'{path} is damaged ({error}).') from None


def _frequent(what, counts, min_count, max_size):
  if max_size is not None and max_size < 2:
    raise ValueError(f'expected max_size of at least 2, got {max_size}.')
  frequent = sorted(
    (-count, token)
    for token, count in counts.items()
    if count >= min_count and token != UNKNOWN
  )
  if not frequent:
    raise errors.UserError(
      f'expected {what} that occur at least {min_count} times, but the text of '
      f'{sum(counts.values())} {what} has none: lower the limit.'
    )
  most = None if max_size is None else max_size - 1
  return [token for _, token in frequent[:most]]


# A terminal may hand over half a surrogate pair: let it be an unknown character
# like any other, not an error.
def _code_points(text):
  return np.frombuffer(text.encode('utf-32-le', 'surrogatepass'), '<u4')
