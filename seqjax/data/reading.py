"""Opening a file that somebody named: its content, or a sentence."""

import difflib
import gzip
import lzma
import os
import pathlib
import zlib

from seqjax import errors

_OPENERS = {'.gz': gzip.open, '.xz': lzma.open}
_DAMAGED = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
# More than any file that is meant to be read here has beneath its .gz or .xz: a
# few bytes may stand for gigabytes.
_MAX_BYTES = 2**32
_CHUNK = 2**20
_UTF16_MARKS = (b'\xff\xfe', b'\xfe\xff')


def read_text(path: str | os.PathLike) -> str:
  """A UTF-8 file, opened if its name ends in .gz or .xz.

  A byte order mark is removed and every line ends in one '\\n', so that a file
  from another system has the same hash and adds no symbol.

  Raises:
    UserError: what `read_bytes` raises, and where the file is not UTF-8 (at
      which byte, in which line) or empty.
  """
  text = decode(read_bytes(path), path)
  if not text:
    raise errors.UserError(f'expected text, but {path} is empty.')
  return text


def read_bytes(path: str | os.PathLike) -> bytes:
  """The bytes of a file, beneath its .gz or .xz.

  Raises:
    UserError: the file is missing, a directory, unreadable or damaged, or has
      more than 2^32 bytes beneath its .gz or .xz.
  """
  path = pathlib.Path(os.path.expanduser(path))
  opener = _OPENERS.get(path.suffix.lower())
  try:
    if opener is None:
      return path.read_bytes()
    with opener(path, 'rb') as file:
      return _unpacked(file, path)
  except FileNotFoundError as error:
    raise errors.UserError(
      f'expected a file, but {path} does not exist{why_missing(path)}'
    ) from error
  except IsADirectoryError as error:
    raise errors.UserError(
      f'expected a file, but {path} is a directory: name a file in it.'
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


def decode(data: bytes, path: str | os.PathLike) -> str:
  """The text in the bytes of a UTF-8 file; it may be empty.

  Args:
    data: with or without a byte order mark, and with any line ends.
    path: where they come from, for the message.

  Raises:
    UserError: they are not UTF-8.

  Example:
    >>> decode(b'one\\r\\ntwo', 'a.txt')
    'one\\ntwo'
  """
  try:
    text = data.decode('utf-8')
  except UnicodeDecodeError as error:
    encoding = 'UTF-16' if data.startswith(_UTF16_MARKS) else 'ISO-8859-1'
    line = _unix(data[: error.start].decode('utf-8')).count('\n') + 1
    raise errors.UserError(
      f'expected UTF-8 text, but {path} has 0x{data[error.start]:02x} at byte '
      f'offset {error.start} in line {line} ({error.reason}): convert it, for '
      f'example with iconv -f {encoding} -t UTF-8.'
    ) from error
  return _unix(text.removeprefix('\ufeff'))


def suffix(path: str | os.PathLike) -> str:
  """What the file holds by its name, beneath .gz or .xz.

  Example:
    >>> suffix('train.TSV.xz')
    '.tsv'
  """
  path = pathlib.Path(path)
  if path.suffix.lower() in _OPENERS:
    path = path.with_suffix('')
  return path.suffix.lower()


def why_missing(path: pathlib.Path) -> str:
  """The rest of a sentence that says that nothing of this name exists."""
  folder = path.parent
  if not folder.is_dir():
    return f', nor does its folder {folder}.'
  names = os.listdir(folder) if os.access(folder, os.R_OK) else []
  nearest = difflib.get_close_matches(path.name, names, n=1)
  return f'; did you mean {folder / nearest[0]}?' if nearest else '.'


def _unpacked(file, path):
  """All that is packed in a file, as long as it is not too much."""
  chunks, num_bytes = [], 0
  while chunk := file.read(_CHUNK):
    chunks.append(chunk)
    num_bytes += len(chunk)
    if num_bytes > _MAX_BYTES:
      raise errors.UserError(
        f'{path} is not used, because more than {_MAX_BYTES:,} bytes are '
        'packed in it: unpack it, and read a part.'
      )
  return b''.join(chunks)


def _unix(text):
  return text.replace('\r\n', '\n').replace('\r', '\n')
