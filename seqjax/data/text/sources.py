"""Where text comes from: the Python installation, or the user's file."""

import hashlib
import importlib
import os
import pathlib
from typing import NamedTuple

from seqjax import errors
from seqjax.data import reading


class Text(NamedTuple):
  """A text, and what a run writes down to know it again."""

  text: str
  name: str
  sha256: str  # of the UTF-8 bytes of `text`


def python_reference() -> Text:
  """The Python language reference that every CPython carries, 0.5 MB or so.

  The topics of `help()`, in sorted order, with an empty line between them. It
  differs between Python versions, so a run records its hash.

  Raises:
    UserError: this Python was packaged without it.
  """
  try:
    topics = importlib.import_module('pydoc_data.topics').topics
  except ModuleNotFoundError as error:
    raise errors.UserError(
      'this Python carries no language reference (module pydoc_data.topics): '
      'give a text file of your own, or use another Python.'
    ) from error
  return named_text(
    '\n\n'.join(topics[name] for name in sorted(topics)), 'python_reference'
  )


def text_file(path: str | os.PathLike) -> Text:
  """A UTF-8 file, opened if its name ends in .gz or .xz.

  A byte order mark is removed and every line ends in one '\\n', so that a file
  from another system has the same hash and adds no symbol.

  Raises:
    UserError: the file is missing, a directory, unreadable, damaged, not UTF-8
      (at which byte, in which line) or empty.
  """
  return named_text(reading.read_text(path), pathlib.Path(path).name)


def split(text: str, valid_fraction: float = 0.1) -> tuple[str, str]:
  """The text's beginning for training and its end for validation.

  The end, not a random part: neighbouring sentences share their subject, so a
  random part would be easier than text that is really new.

  >>> split('abcdefghij', valid_fraction=0.2)
  ('abcdefgh', 'ij')

  Raises:
    UserError: the text has fewer than two characters.
  """
  if not 0 < valid_fraction < 1:
    raise ValueError(
      f'expected valid_fraction between 0 and 1, got {valid_fraction}.'
    )
  if len(text) < 2:
    raise errors.UserError(
      'expected at least two characters of text, one to train and one to '
      f'validate on, got {len(text)}.'
    )
  num_valid = min(max(round(valid_fraction * len(text)), 1), len(text) - 1)
  return text[:-num_valid], text[-num_valid:]


def named_text(text: str, name: str) -> Text:
  """A text with its hash."""
  return Text(text, name, hashlib.sha256(text.encode('utf-8')).hexdigest())
