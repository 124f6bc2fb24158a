"""Members of a tar archive, read one after another and never extracted."""

import gzip
import lzma
import pathlib
import re
import tarfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from seqjax import errors

_DAMAGED = (
  tarfile.TarError,
  EOFError,
  zlib.error,
  gzip.BadGzipFile,
  lzma.LZMAError,
)
# More than any archive that is meant to be read here.
_MAX_MEMBERS = 10**6
_MAX_BYTES = 2**32


def members(
  stream: BinaryIO, wanted: re.Pattern
) -> Iterator[tuple[str, bytes]]:
  """Name and content of the files in a tar archive whose whole name matches.

  In the archive's order; `./a//b` is called `a/b`. Every member is judged,
  wanted or not, but only when its turn comes: whoever must trust none of a bad
  archive takes all of them before using one.

  Args:
    stream: the archive, .tar.gz or .tar.xz, open; its `name` is used in
      messages.
    wanted: of the names to read.

  Raises:
    UserError: the archive is damaged, has too many members or bytes, or a
      member that points outside of it: an absolute name, `..`, a link, a
      device; or two that match have the same name.

  Source: the checks of Python's tarfile data filter (PEP 706), which refuse
    more here: links are of no use where nothing is extracted.
  """
  num_bytes, names = 0, set()
  try:
    with tarfile.open(fileobj=stream, mode='r:*') as archive:
      for number, member in enumerate(archive, start=1):
        num_bytes += member.size
        if reason := _refusal(member):
          raise errors.UserError(
            f'{stream.name} is not used, because its member {member.name!r} '
            f'{reason}: fetch the archive again, or from another place.'
          )
        if number > _MAX_MEMBERS or num_bytes > _MAX_BYTES:
          raise errors.UserError(
            f'{stream.name} is not used, because it holds more than '
            f'{_MAX_MEMBERS:,} members or {_MAX_BYTES:,} bytes; the first too '
            f'many is {member.name!r}.'
          )
        name = pathlib.PurePosixPath(member.name).as_posix()
        if member.isfile() and wanted.fullmatch(name):
          if name in names:
            raise errors.UserError(
              f'{stream.name} is not used, because it holds {name!r} twice: '
              'pack it anew, from a folder.'
            )
          names.add(name)
          yield name, archive.extractfile(member).read()
  except _DAMAGED as error:
    raise errors.UserError(
      f'expected a .tar.gz or .tar.xz archive, but {stream.name} is damaged or '
      'of another kind: fetch it again.'
    ) from error


def _refusal(member):
  """Why a member is not to be trusted, as the rest of a sentence, or None."""
  if member.name.startswith('/'):
    return 'has an absolute name'
  if '..' in member.name.split('/'):
    return 'points outside of it'
  if member.issym() or member.islnk():
    return f'is a link to {member.linkname!r}'
  if not (member.isfile() or member.isdir()):
    return 'is neither a file nor a folder'
  return None
