"""Public files known by their hash: found in their place, or downloaded."""

import contextlib
import hashlib
import http.client
import os
import pathlib
import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent import futures
from typing import BinaryIO, NamedTuple

from seqjax import errors, files

# To wait for an answer, after which the network counts as missing; and for more
# of a file that has begun to come.
_ANSWER_S = 4
_STALL_S = 30
_CHUNK = 2**20


class Registered(NamedTuple):
  """A file that tensorflow_datasets registers, with the hash it must have."""

  url: str
  num_bytes: int
  sha256: str

  @property
  def name(self) -> str:
    return self.url.rsplit('/', 1)[-1]


def place(file: Registered, data_dir: str | os.PathLike) -> pathlib.Path:
  """Where the file stands, or is to be put: the same place as for tfds.

  Example:
    >>> place(Registered('http://a.org/b/texts.tar.gz', 9, '5f'), 'data')
    PosixPath('data/downloads/manual/texts.tar.gz')
  """
  return pathlib.Path(data_dir, 'downloads', 'manual', file.name)


@contextlib.contextmanager
def opened(file: Registered, data_dir: str | os.PathLike) -> Iterator[BinaryIO]:
  """The file, open to be read; downloaded first where it is not in its place.

  Its hash is compared before a byte is handed out, and the bytes handed out are
  of the file that was compared. Nothing in its place was ever half a download.

  Raises:
    UserError: it has another hash, cannot be opened, or is missing and there is
      no network; the last within seconds.
    TryAgain: the connection broke on the way.
  """
  path = place(file, data_dir)
  if not path.exists():
    _download(file, path)
  try:
    stream = path.open('rb')
  except OSError as error:
    raise errors.UserError(
      f'cannot read {path}: {error.strerror or error}.'
    ) from error
  with stream:
    sha256 = hashlib.file_digest(stream, 'sha256').hexdigest()
    _compare(file, sha256, stream.tell(), str(path))
    stream.seek(0)
    yield stream


def _download(file, path):
  with _connect(file, path) as response:
    print(
      f'Downloading {file.name}, {file.num_bytes:,} bytes, from {file.url} to '
      f'{path.parent}'
    )
    try:
      path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
      raise errors.UserError(
        f'expected a folder for data sets, but {path.parent} cannot be one '
        f'({error.strerror}): name another.'
      ) from error
    # A name of its own, so that two runs never mix their bytes.
    part = path.with_name(f'{path.name}.{secrets.token_hex(4)}.part')
    try:
      with part.open('xb') as stream:
        sha256 = hashlib.sha256()
        for chunk in _chunks(response, file):
          stream.write(chunk)
          sha256.update(chunk)
        _compare(file, sha256.hexdigest(), stream.tell(), file.url)
        stream.flush()
        os.fsync(stream.fileno())
      os.replace(part, path)
    finally:
      part.unlink(missing_ok=True)
  files.fsync_directory(path.parent)


def _connect(file, path):
  answer = futures.Future()

  def ask():
    try:
      answer.set_result(urllib.request.urlopen(file.url, timeout=_STALL_S))
    except Exception as error:
      answer.set_exception(error)

  # In a thread, because nothing else limits how long a name is looked up.
  threading.Thread(target=ask, daemon=True).start()
  try:
    return answer.result(_ANSWER_S)
  except (OSError, http.client.HTTPException) as error:
    if isinstance(error, urllib.error.HTTPError):
      error.close()
    reason = getattr(error, 'reason', error)
    reason = str(reason) or f'no answer within {_ANSWER_S} seconds'
    raise errors.UserError(
      f'{file.name} is not in {path.parent} and {file.url} cannot be reached '
      f'({reason}): fetch it from there where there is a network, '
      f'{file.num_bytes:,} bytes with sha256 {file.sha256}, and place it as '
      f'{path}.'
    ) from error


def _chunks(response, file):
  """The bytes of the answer, at most one more than there should be."""
  left = file.num_bytes + 1
  while left:
    try:
      chunk = response.read(min(left, _CHUNK))
    except (OSError, http.client.HTTPException) as error:
      raise errors.TryAgain(
        f'the download of {file.url} broke off '
        f'({error or type(error).__name__}).'
      ) from error
    if not chunk:
      break
    left -= len(chunk)
    yield chunk
  if left > 1:
    raise errors.TryAgain(
      f'the download of {file.url} broke off after '
      f'{file.num_bytes + 1 - left:,} of {file.num_bytes:,} bytes.'
    )


def _compare(file, sha256, num_bytes, where):
  if sha256 != file.sha256:
    raise errors.UserError(
      f'expected {file.name} with sha256 {file.sha256} ({file.num_bytes:,} '
      f'bytes), but {where} has {sha256} ({num_bytes:,} bytes); nothing of it '
      f'was read. The whole file comes from {file.url}.'
    )
