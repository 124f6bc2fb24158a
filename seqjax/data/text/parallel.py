"""Texts and what they are in another language, pair by pair."""

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import reading, splits


class Parallel(NamedTuple):
  """N pairs of texts, and how a run knows them again."""

  sources: tuple[str, ...]  # [N]
  targets: tuple[str, ...]  # [N]
  name: str
  sha256: str  # of the texts in their order, however they are stored
  notes: tuple[str, ...] = ()  # phrases on what was left out


def collect(
  pairs: Iterable[tuple[str, str]], name: str, notes: Iterable[str] = ()
) -> Parallel:
  """Puts pairs together, with their hash.

  Args:
    pairs: a text and its translation each.
    name: what a report calls them.
    notes: as in `Parallel`.

  Example:
    >>> collect([('Go.', 'Ve.'), ('Stop!', 'Para')], 'two').targets
    ('Ve.', 'Para')
  """
  sources, targets = zip(*pairs, strict=True)
  content = json.dumps([sources, targets]).encode()
  digest = hashlib.sha256(content).hexdigest()
  return Parallel(sources, targets, name, digest, tuple(notes))


def take(parallel: Parallel, ids: Iterable[int]) -> Parallel:
  """Some of the pairs, under the same name, and without notes.

  Example:
    >>> take(collect([('Go.', 'Ve.'), ('Stop!', 'Para')], 'two'), [1]).sources
    ('Stop!',)
  """
  sources, targets = parallel.sources, parallel.targets
  return collect([(sources[i], targets[i]) for i in ids], parallel.name)


def swapped(parallel: Parallel) -> Parallel:
  """The same pairs to be translated the other way.

  Example:
    >>> swapped(collect([('Go.', 'Ve.')], 'one')).sources
    ('Ve.',)
  """
  pairs = zip(parallel.targets, parallel.sources, strict=True)
  return collect(pairs, parallel.name, parallel.notes)


def two_files(
  source_path: str | os.PathLike, target_path: str | os.PathLike
) -> Parallel:
  """Two files of which line n of the one translates line n of the other.

  Pairs in which a line is empty are left out, which a note says.

  Args:
    source_path, target_path: UTF-8 text; .gz and .xz are opened.

  Raises:
    UserError: as `reading.read_text`; there are more lines in one than in the
      other, or no pair.
  """
  sources, targets = map(_lines, (source_path, target_path))
  if len(sources) != len(targets):
    raise errors.UserError(
      f'expected line after line of one text and its translation, but '
      f'{source_path} has {len(sources):,} lines and {target_path} has '
      f'{len(targets):,}.'
    )
  names = map(os.path.basename, (source_path, target_path))
  return filled(zip(sources, targets, strict=True), ' and '.join(names))


def two_columns(path: str | os.PathLike) -> Parallel:
  """A file with a text, a tab and its translation per line.

  Further columns are left out, and so are pairs in which a text is empty. Notes
  say so.

  Args:
    path: UTF-8 text; .gz and .xz are opened.

  Raises:
    UserError: as `reading.read_text`; a line has no tab, or there is no pair.
  """
  rows = [line.split('\t') for line in _lines(path)]
  for number, row in enumerate(rows, 1):
    if len(row) == 1 and row[0]:
      raise errors.UserError(
        f'{path}, line {number}: expected a text, a tab and its translation, '
        f'got {row[0][:40]!r}. Where the translations are a file of their own, '
        'name it by --train_target_file.'
      )
  further = sum(len(row) > 2 for row in rows)
  notes = [f'lines with further columns, left out: {further:,}']
  pairs = [(*row, '')[:2] for row in rows]
  return filled(pairs, os.path.basename(path), notes if further else ())


def filled(
  pairs: Iterable[tuple[str, str]], name: str, notes: Iterable[str] = ()
) -> Parallel:
  """As `collect`, without pairs of which a text is empty, which a note says.

  Characters are composed (Unicode NFC), and blanks made one, as in what is
  written and compared with them.

  Raises:
    UserError: there is no pair.
  """
  pairs = [tuple(map(_plain, pair)) for pair in pairs]
  found = [pair for pair in pairs if all(pair)]
  if not found:
    raise errors.UserError(
      f'expected texts with their translations, but {name} has none.'
    )
  if empty := len(pairs) - len(found):
    notes = [*notes, f'pairs with an empty text, left out: {empty:,}']
  return collect(found, name, notes)


def hold_out(
  parallel: Parallel, fraction: float, data_seed: int = 0
) -> tuple[Parallel, Parallel]:
  """Pairs to learn from, and pairs held out; no source stands in both.

  Args:
    parallel: the whole.
    fraction: share of the different sources that is held out.
    data_seed: another number, other sources.

  Raises:
    UserError: there are too few sources to hold one out.

  Example:
    >>> pairs = [('Go.', 'Ve.'), ('Go.', 'Vete.'), ('Hi.', 'Hola.')]
    >>> rest, held = hold_out(collect(pairs, 'three'), 0.4)
    >>> rest.targets, held.targets
    (('Ve.', 'Vete.'), ('Hola.',))
  """
  different = sorted(set(parallel.sources))
  # Sources have no class of which each part should have its share.
  _, ids = splits.hold_out([0] * len(different), fraction, data_seed)
  held = {different[i] for i in ids}
  is_held = np.array([source in held for source in parallel.sources])
  rest, held = (
    take(parallel, np.flatnonzero(x).tolist()) for x in (~is_held, is_held)
  )
  return (
    rest._replace(notes=parallel.notes),
    held._replace(name=f'{parallel.name}, held out'),
  )


def num_known(train: Parallel, part: Parallel) -> int:
  """How many pairs of a part are pairs of the training part as well."""
  known = set(zip(train.sources, train.targets, strict=True))
  return sum(x in known for x in zip(part.sources, part.targets, strict=True))


def _plain(text):
  return ' '.join(unicodedata.normalize('NFC', text).split())


def _lines(path):
  return reading.read_text(path).removesuffix('\n').split('\n')
