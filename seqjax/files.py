"""Writing files so that a crash leaves the old one or the new one, whole."""

import os
import pathlib
import secrets


def atomic_write(path: str | os.PathLike, content: str | bytes) -> None:
  """Replaces `path` by `content`, or leaves it as it was; durable on return.

  The new file is written beside the old one, because a rename is atomic only
  within one file system. Text is UTF-8.

  Raises:
    OSError: the disk is full, the folder is missing or not writable; the old
      file is untouched, and nothing is left beside it.

  Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...   path = pathlib.Path(folder, 'result.json')
    ...   atomic_write(path, 'done')
    ...   path.read_text()
    'done'
  """
  path = pathlib.Path(path)
  content = content.encode() if isinstance(content, str) else content
  # A name of its own, so that two writers never mix their bytes.
  temporary = path.with_name(f'.{path.name}.{secrets.token_hex(4)}.tmp')
  try:
    with open(temporary, 'xb') as file:
      file.write(content)
      file.flush()
      os.fsync(file.fileno())
    os.replace(temporary, path)
  except BaseException:
    temporary.unlink(missing_ok=True)
    raise
  fsync_directory(path.parent)


def fsync_directory(path: str | os.PathLike) -> None:
  """Makes the names in a directory durable: a rename alone is not."""
  descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
  try:
    os.fsync(descriptor)
  finally:
    os.close(descriptor)
