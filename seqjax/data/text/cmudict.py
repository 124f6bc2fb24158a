"""Pronouncing dictionaries: words, and the sounds that each is said with."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from seqjax import errors
from seqjax.data import reading

_COMMENT = re.compile(r'(?:^|\s)#(?:\s.*)?$|^;;;.*')
_NUMBER = re.compile(r'(?<=.)\(\d+\)$')  # Of an alternative: `read(2)`.
# Letters of any script, with what stands above them, and the stress.
_SOUND = re.compile(r'((?:[^\W\d_][\u0300-\u036f]*)+)([012]?)')

Sounds = tuple[str, ...]  # [T] names of phones: ('R', 'EH', 'D')


class Dictionary(NamedTuple):
  """N words with their pronunciations, and how a run knows them again."""

  words: tuple[str, ...]  # [N], each once
  variants: tuple[tuple[Sounds, ...], ...]  # [N], one or more of each word
  name: str
  sha256: str  # of words and variants in their order, however they are stored
  notes: tuple[str, ...] = ()  # sentences on what was left out


def collect(
  entries: Iterable[tuple[str, Sounds]], name: str, notes: Iterable[str] = ()
) -> Dictionary:
  """Puts words and their sounds together, with their hash.

  Args:
    entries: a word and one way to say it. Further ways may stand anywhere; the
      same way twice counts once.
    name: what a report calls them.
    notes: as in `Dictionary`.

  Example:
    >>> entries = ('read', ('R', 'EH', 'D')), ('read', ('R', 'IY', 'D'))
    >>> collect(entries, 'short').variants
    ((('R', 'EH', 'D'), ('R', 'IY', 'D')),)
  """
  ways = {}
  for word, sounds in entries:
    ways.setdefault(word, {})[tuple(sounds)] = None
  words, variants = tuple(ways), tuple(tuple(x) for x in ways.values())
  content = json.dumps([words, variants]).encode()
  digest = hashlib.sha256(content).hexdigest()
  return Dictionary(words, variants, name, digest, tuple(notes))


def entries(dictionary: Dictionary) -> list[tuple[str, Sounds]]:
  """Every word with every way to say it: what there is to learn from."""
  return [
    (word, sounds)
    for word, variants in zip(
      dictionary.words, dictionary.variants, strict=True
    )
    for sounds in variants
  ]


def take(whole: Dictionary, ids: Iterable[int]) -> Dictionary:
  """Some of the words with all their variants, under the same name.

  Example:
    >>> whole = collect([('a', ('AH',)), ('I', ('AY',))], 'short')
    >>> take(whole, [1]).words
    ('I',)
  """
  rows = ((whole.words[i], s) for i in ids for s in whole.variants[i])
  return collect(rows, whole.name, whole.notes)


def read(path: str | os.PathLike) -> Dictionary:
  """A dictionary in the format of the CMU Pronouncing Dictionary.

  A line is a word, blanks, and its sounds with blanks between them. A further
  way to say a word has a number: `read(2) R IY1 D`. What follows a # between
  blanks is a comment, and so is a line that begins with ;;; or is empty. Words
  are read in lower case, and sounds, which are letters, without the digits that
  tell the stress: of ways that differ in nothing else one is kept.

  Args:
    path: UTF-8 text; .gz and .xz are opened.

  Raises:
    UserError: as `reading.read_text`; a word without sounds, or what is no
      sound, with its line; or there is no word at all.

  Source: Carnegie Mellon University, http://www.speech.cs.cmu.edu/cgi-bin/cmudict
  """
  rows, num_stressed = [], 0
  for number, line in enumerate(reading.read_text(path).split('\n'), 1):
    cells = _COMMENT.sub('', line.strip()).split()
    if not cells:
      continue
    word, *sounds = cells
    if not sounds:
      raise errors.UserError(
        f'{path}, line {number}: expected a word and its sounds with blanks '
        f'between them, got {line[:40]!r}.'
      )
    found = [_SOUND.fullmatch(sound) for sound in sounds]
    if None in found:
      raise errors.UserError(
        f'{path}, line {number}: expected sounds such as AH or AH0, letters '
        'with or without a digit for the stress, got '
        f'{sounds[found.index(None)][:40]!r}: is it a dictionary?'
      )
    sounds, stress = zip(*(each.groups() for each in found), strict=True)
    num_stressed += sum(map(bool, stress))
    rows.append((_NUMBER.sub('', word).lower(), sounds))
  if not rows:
    raise errors.UserError(
      f'expected words with their sounds, one per line, but {path} has none.'
    )
  notes = []
  if num_stressed:
    notes.append(f'digits of stress that are not read: {num_stressed:,}')
  if equal := len(rows) - len(set(rows)):
    notes.append(f'left out {equal:,} that differ in nothing but stress')
  return collect(rows, os.path.basename(path), notes)
