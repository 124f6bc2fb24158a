"""The wav files of a folder, or of an archive of one."""

import os
import pathlib
import re
from collections.abc import Iterator

from seqjax import errors
from seqjax.data import archives, labelled, reading

_ARCHIVES = ('.tar.gz', '.tgz', '.tar.xz', '.txz')


def read(path: str | os.PathLike) -> dict[str, bytes]:
  """Name, from the folder on, -> content of every wav file, in natural order.

  Args:
    path: of the folder, or of a .tar.gz or .tar.xz of one.

  Raises:
    UserError: there is no such folder or archive, or no wav file in it; a file
      cannot be read, or its name is not UTF-8.
  """
  path = pathlib.Path(os.path.expanduser(path))
  contents = dict(_members(path))
  if not contents:
    raise errors.UserError(f'expected wav files in {path}, but it has none.')
  for name in contents:
    # What is no UTF-8 comes as halves of surrogate pairs.
    plain = name.encode(errors='surrogateescape').decode(
      errors='backslashreplace'
    )
    if plain != name:
      raise errors.UserError(
        f'expected names in UTF-8, but {path} has {plain}: rename it.'
      )
  return {name: contents[name] for name in labelled.natural_order(contents)}


def _members(path) -> Iterator[tuple[str, bytes]]:
  if path.name.lower().endswith(_ARCHIVES) and path.is_file():
    with open(path, 'rb') as stream:
      yield from archives.members(stream, re.compile(r'(?i).*\.wav'))
    return
  if not path.is_dir():
    if path.exists():
      raise errors.UserError(
        f'expected a folder of wav files or an archive of one '
        f'({", ".join(_ARCHIVES)}), got {path}.'
      )
    raise errors.UserError(
      f'expected a folder, but {path} does not exist{reading.why_missing(path)}'
    )
  for file in sorted(path.rglob('*')):
    if file.suffix.lower() == '.wav' and not file.is_fifo():
      yield file.relative_to(path).as_posix(), reading.read_bytes(file)
