"""Where text comes from: the Python installation, or the user's file."""

import difflib
import gzip
import hashlib
import importlib
import lzma
import os
import pathlib
import zlib
from typing import NamedTuple

from seqjax import errors

_OPENERS = {'.gz': gzip.open, '.xz': lzma.open}
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
_UTF16_MARKS = (b'\xff\xfe', b'\xfe\xff')


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
  return _text(
    '\n\n'.join(topics[name] for name in sorted(topics)), 'python_reference'
  )


def text_file(path: str | os.PathLike) -> Text:
  """A UTF-8 file, opened if its name ends in .gz or .xz.

  A byte order mark is removed and every line ends in one '\\n', so that a file
  from another system has the same hash and adds no symbol.

  Raises:
    UserError: the file is missing, a directory, unreadable, damaged, not UTF-8
      (at which byte) or empty.
  """
  path = pathlib.Path(os.path.expanduser(path))
  try:
    with _OPENERS.get(path.suffix.lower(), open)(path, 'rb') as file:
      data = file.read()
  except FileNotFoundError as error:
    raise errors.UserError(
      f'expected a text file, but {path} does not exist{_hint(path)}'
    ) from error
  except IsADirectoryError as error:
    raise errors.UserError(
      f'expected a text file, but {path} is a directory: name a file in it.'
    ) from error
  except _DAMAGED as error:
    raise errors.UserError(
      f'expected a {path.suffix} archive, but {path} is damaged or of another '
      f'kind ({error}): fetch it again, or rename it.'
    ) from error
  except OSError as error:
    raise errors.UserError(
      f'cannot read {path}: {error.strerror or error}.'
    ) from error

  try:
    text = data.decode('utf-8')
  except UnicodeDecodeError as error:
    encoding = 'UTF-16' if data.startswith(_UTF16_MARKS) else 'ISO-8859-1'
    raise errors.UserError(
      f'expected UTF-8 text, but {path} has 0x{data[error.start]:02x} at byte '
      f'offset {error.start} ({error.reason}): convert it, for example with '
      f'iconv -f {encoding} -t UTF-8.'
    ) from error
  text = text.removeprefix('\ufeff').replace('\r\n', '\n').replace('\r', '\n')
  if not text:
    raise errors.UserError(f'expected text, but {path} is empty.')
  return _text(text, path.name)


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


def _text(text, name):
  return Text(text, name, hashlib.sha256(text.encode('utf-8')).hexdigest())


def _hint(path):
  """The rest of a sentence: why `path` may be missing."""
  folder = path.parent
  if not folder.is_dir():
    return f', nor does its folder {folder}.'
  names = os.listdir(folder) if os.access(folder, os.R_OK) else []
  nearest = difflib.get_close_matches(path.name, names, n=1)
  return f'; did you mean {folder / nearest[0]}?' if nearest else '.'
