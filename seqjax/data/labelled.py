"""Texts that carry one label each, wherever they come from."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from typing import NamedTuple

from seqjax import errors, files
from seqjax.data import vocabulary


class Labelled(NamedTuple):
  """N texts and their labels, and what a run writes down to know them again."""

  texts: tuple[str, ...]  # [N]; one may be empty
  labels: tuple[str, ...]  # [N], or none at all where only texts were asked
  places: tuple[str, ...]  # [N], for a message: 'train.tsv, line 7'
  name: str
  sha256: str  # of texts and labels in their order, however they are stored
  notes: tuple[str, ...] = ()  # sentences on what was left out


def collect(
  texts: Iterable[str],
  labels: Iterable[str],
  places: Iterable[str],
  name: str,
  notes: Iterable[str] = (),
) -> Labelled:
  """Puts texts and labels together, with their hash.

  Example:
    >>> collect(['Good.'], ['pos'], ['a.tsv, line 2'], 'a.tsv').sha256[:8]
    'df6b59a2'
  """
  texts, labels = tuple(texts), tuple(labels)
  # As JSON, so that no two data sets are the same bytes.
  content = json.dumps([texts, labels]).encode()
  return Labelled(
    texts,
    labels,
    tuple(places),
    name,
    hashlib.sha256(content).hexdigest(),
    tuple(notes),
  )


def take(whole: Labelled, ids: Iterable[int], name: str) -> Labelled:
  """Some of the texts, under a name of their own.

  Example:
    >>> whole = collect(['Good.', 'Bad.'], ['pos', 'neg'], ['', ''], 'all')
    >>> take(whole, [1], 'valid').texts
    ('Bad.',)
  """
  ids = list(ids)
  return collect(*([column[i] for i in ids] for column in whole[:3]), name=name)


def natural_order(names: Iterable[str]) -> list[str]:
  """Sorts names so that the numbers in them count as numbers.

  Example:
    >>> natural_order(['10_7.txt', '9_2.txt', '9_10.txt'])
    ['9_2.txt', '9_10.txt', '10_7.txt']
  """
  return sorted(names, key=_numbers_and_name)


def label_names(train: Labelled, *others: Labelled) -> tuple[str, ...]:
  """The K names that labels of the training part have, in natural order.

  Args:
    train: the training part: what it does not hold cannot be learnt.
    *others: parts that must not hold any other label.

  Raises:
    UserError: another part has a label of its own, or there is one label only,
      or one with a tab or a line end in it.

  Example:
    >>> train = collect(['Good.', 'Bad.'], ['pos', 'neg'], ['', ''], 'train')
    >>> label_names(train)
    ('neg', 'pos')
  """
  names = set(train.labels)
  if len(names) < 2:
    raise errors.UserError(
      f'expected at least two labels to tell apart, but {train.name} has '
      f'{len(train.labels)} texts and of labels only {sorted(names)}.'
    )
  for name in names:
    if not name.isprintable():
      raise errors.UserError(
        f'expected a label to be one line of text, but {train.name} has the '
        f'label {name!r}.'
      )
  for other in others:
    for label, place in zip(other.labels, other.places, strict=True):
      if label not in names:
        raise errors.UserError(
          f'{place}: {errors.unknown("label", label, names)} The training '
          f'part, {train.name}, has no text with it.'
        )
  return tuple(natural_order(names))


def save_names(path: str | os.PathLike, names: Iterable[str]) -> None:
  """Writes the names of labels as JSON."""
  files.atomic_write(path, json.dumps(list(names)) + '\n')


def load_names(path: str | os.PathLike, *parts: Labelled) -> tuple[str, ...]:
  """Reads what `save_names` wrote.

  Args:
    path: of the file.
    *parts: the data that the names are of, as for `label_names`, where they are
      at hand: names in another order would give wrong numbers.

  Raises:
    UserError: the file is missing or damaged, or has other names.
  """

  def make(names):
    if not isinstance(names, list) or not all(
      isinstance(n, str) for n in names
    ):
      raise TypeError('no list of names')
    if not names:
      raise ValueError('no name')
    if len(set(names)) < len(names):
      raise ValueError('a name stands there twice')
    return tuple(names)

  names = vocabulary.load_json(path, make)
  if parts and names != label_names(*parts):
    raise errors.UserError(
      f'{path} is damaged: expected {", ".join(label_names(*parts))}, got '
      f'{", ".join(names)}.'
    )
  return names


def _numbers_and_name(name):
  # Text and digits alternate, so that only like is compared with like.
  parts = re.split('0*([0-9]+)', name)
  parts[1::2] = [(len(digits), digits) for digits in parts[1::2]]
  return parts, name
