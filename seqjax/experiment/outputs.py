"""Files that a person asks for."""

import os
import pathlib

from seqjax import errors, files


def write(path: str | os.PathLike, content: str | bytes) -> None:
  """Writes a file whole, and the folders above it.

  Raises:
    UserError: there it cannot be written.
  """
  path = pathlib.Path(path)
  try:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.atomic_write(path, content)
  except OSError as error:
    raise errors.UserError(
      f'cannot write {path}: {error.strerror or error}. Name another --output.'
    ) from error
