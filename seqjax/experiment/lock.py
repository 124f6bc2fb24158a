"""One writer to a directory at a time."""

import contextlib
import fcntl
import os
import pathlib
import socket
from collections.abc import Iterator

from seqjax import errors


@contextlib.contextmanager
def exclusive(directory: pathlib.Path) -> Iterator[None]:
  """Makes the directory and holds it until the context or the process ends.

  The lock is the kernel's, so it ends with the process, however that ends; the
  file `lock` stays behind, says who had it last, and holds nothing by itself.
  A directory in which nothing else was written is removed again.

  Raises:
    InUse: another process has it.
    UserError: the directory cannot be made.
  """
  try:
    directory.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise errors.UserError(
      f'--workdir={directory} cannot be made ({error.strerror}). Choose '
      'another.'
    ) from None
  with open(directory / 'lock', 'a+', encoding='utf-8') as file:
    try:
      fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
      file.seek(0)
      owner = file.read().strip() or 'another process'
      raise errors.InUse(
        f'{directory} is in use by {owner}. Let it end, or choose another '
        '--workdir.'
      ) from None
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}\n')
    file.flush()
    try:
      yield
    finally:
      # A command that was refused leaves no empty run behind.
      if os.listdir(directory) == ['lock']:
        (directory / 'lock').unlink()
        directory.rmdir()
