"""Files that a person asks for."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from seqjax import errors, files


def write(path: str | os.PathLike, content: str | bytes) -> None:
  """Writes a file whole, and the folders above it.

  Raises:
    UserError: there it cannot be written.
  """
  with _refused(path):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    files.atomic_write(path, content)


def check(path: str | os.PathLike) -> None:
  """Refuses, before any work, what `write` would refuse after it.

  The folders above the file are made.
  """
  path = pathlib.Path(path)
  with _refused(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
      raise IsADirectoryError('it is a folder')
    with tempfile.TemporaryFile(dir=path.parent):
      pass


@contextlib.contextmanager
def _refused(path) -> Iterator[None]:
  try:
    yield
  except OSError as error:
    raise errors.UserError(
      f'cannot write {path}: {error.strerror or error}. Name another --output.'
    ) from error
