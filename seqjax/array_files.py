"""Named arrays in a file: how weights travel to and from other frameworks.

The files are safetensors, and the .npz of NumPy. Neither holds anything that
runs. A pickle may run any code when it is opened, so none is opened: a sentence
says how its arrays are saved instead.
"""

import difflib
import io
import json
import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from seqjax import errors, files

_ENDINGS = ('.safetensors', '.npz')
_METADATA = '__metadata__'
# More than any compressed file that is meant to be read here holds: a few bytes
# may stand for gigabytes.
_MAX_BYTES = 2**32
# The longest header that safetensors accepts.
_MAX_HEADER_BYTES = 100_000_000

_PICKLE = 'a pickle, which may run any code when it is opened'
_TORCH = (
  'in torch, safetensors.torch.save_file(model.state_dict(), '
  "'weights.safetensors')"
)
_KERAS = (
  "in Keras, np.savez('weights.npz', **{w.path: w for w in model.weights})"
)
_PYTHON = "in Python, np.savez('weights.npz', **arrays)"
_ADVICE = {
  **dict.fromkeys(('.pt', '.pth', '.bin', '.ckpt'), _TORCH),
  **dict.fromkeys(('.h5', '.hdf5', '.keras'), _KERAS),
  **dict.fromkeys(('.pkl', '.pickle', '.joblib'), _PYTHON),
}


class Arrays(NamedTuple):
  """What a file holds.

  Attributes:
    arrays: numbers or booleans by name, in the dtype of the file; bfloat16 is
      that of ml_dtypes.
    metadata: strings by name; in an .npz they are the JSON in an array
      '__metadata__'.
  """

  arrays: dict[str, np.ndarray]
  metadata: dict[str, str]


def read(path: str | os.PathLike) -> Arrays:
  """Reads a safetensors or .npz file, whatever its name ends in.

  Raises:
    UserError: the file is missing, a folder, unreadable, empty, damaged, a
      pickle or of another kind, holds no arrays, or one that is no numbers, or
      more than 2^32 bytes are compressed in it.

  Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...   path = os.path.join(folder, 'weights.npz')
    ...   np.savez(path, w=np.eye(2))
    ...   read(path)
    Arrays(arrays={'w': array([[1., 0.],
           [0., 1.]])}, metadata={})
  """
  path = pathlib.Path(os.path.expanduser(path))
  try:
    content = _read(path)
  except OSError as error:
    raise _unreachable('read', path, error) from error
  _check(path, *content)
  return content


def write(
  path: str | os.PathLike,
  arrays: Mapping[str, np.ndarray],
  metadata: Mapping[str, str] = {},
) -> None:
  """Writes arrays; an older file is replaced whole or not at all.

  Args:
    path: ends in .safetensors or .npz, which decides the format.
    arrays: numbers or booleans by name; an .npz cannot hold bfloat16.
    metadata: strings by name.

  Raises:
    UserError: another ending, no arrays, a name, dtype or metadata that the
      format cannot hold, or the file cannot be written there.

  Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...   path = os.path.join(folder, 'weights.safetensors')
    ...   write(path, {'b': np.zeros(3)}, {'cell': 'elman'})
    ...   read(path)
    Arrays(arrays={'b': array([0., 0., 0.])}, metadata={'cell': 'elman'})
  """
  path = pathlib.Path(os.path.expanduser(path))
  suffix = path.suffix.lower()
  if suffix not in _ENDINGS:
    raise errors.unknown('ending', suffix, _ENDINGS)
  # In the order of rows: safetensors writes the memory as it lies.
  arrays = {name: np.asarray(x, order='C') for name, x in arrays.items()}
  metadata = dict(metadata)
  _check(path, arrays, metadata)
  dump = _npz if suffix == '.npz' else _safetensors
  content = dump(path, arrays, metadata)
  try:
    files.atomic_write(path, content)
  except OSError as error:
    raise _unreachable('write', path, error) from error


def _read(path):
  with open(path, 'rb') as file:
    head = file.read(9)
  if not head:
    raise errors.UserError(f'expected a file of arrays, but {path} is empty.')
  header_bytes = int.from_bytes(head[:8], 'little')
  # Before pickles: a header of 128 bytes begins with 0x80 as they do.
  if head[8:] == b'{' and header_bytes <= _MAX_HEADER_BYTES:
    return _read_safetensors(path)
  if head.startswith((b'PK\x03\x04', b'PK\x05\x06')):
    return _read_npz(path)
  if head.startswith(b'\x80'):
    raise _another_kind(path, _PICKLE)
  if path.suffix.lower() in _ENDINGS:
    raise _damaged(path, 'it begins as neither .safetensors nor .npz does')
  raise _another_kind(path)


def _read_safetensors(path):
  import safetensors

  arrays = {}
  try:
    with safetensors.safe_open(path, framework='np') as file:
      for name in file.keys():
        try:
          arrays[name] = file.get_tensor(name)
        except (AttributeError, TypeError) as error:
          dtype = file.get_slice(name).get_dtype()
          raise _no_numbers(path, name, dtype) from error
      return Arrays(arrays, file.metadata() or {})
  except safetensors.SafetensorError as error:
    raise _damaged(path, error) from error


def _read_npz(path):
  arrays = {}
  try:
    # Opened here: np.load leaves it open where the archive is damaged.
    with open(path, 'rb') as file, np.load(file, allow_pickle=False) as archive:
      members = archive.zip.namelist()
      if any(pathlib.PurePath(m).name == 'data.pkl' for m in members):
        raise _another_kind(path, _PICKLE, _TORCH)
      if not all(member.endswith('.npy') for member in members):
        raise _another_kind(path)
      num_bytes = sum(info.file_size for info in archive.zip.infolist())
      # What is not compressed is as large as the file.
      if num_bytes > max(_MAX_BYTES, path.stat().st_size):
        raise errors.UserError(
          f'{path} is not used, because more than {_MAX_BYTES:,} bytes are '
          'compressed in it: save its arrays as they are, with np.savez.'
        )
      for member in members:
        name = member.removesuffix('.npy')
        # By the member's full name: 'w' and 'w.npy' may both be arrays.
        arrays[name] = archive[member]
        if not isinstance(arrays[name], np.ndarray):
          raise ValueError(f'{member} holds no array')
    return Arrays(arrays, json.loads(str(arrays.pop(_METADATA, '{}'))))
  except errors.UserError:
    raise
  # Of many types: zipfile, its decompressors and NumPy raise what they meet.
  except Exception as error:
    if 'Object arrays' in str(error):
      raise _no_numbers(path, name, 'object') from error
    raise _damaged(path, error) from error


def _safetensors(path, arrays, metadata):
  import safetensors.numpy

  try:
    return safetensors.numpy.save(arrays, metadata or None)
  except safetensors.SafetensorError as error:
    raise errors.UserError(
      f'cannot write {path}: {error}. Convert it, or write .npz.'
    ) from error


def _npz(path, arrays, metadata):
  for name, array in arrays.items():
    if array.dtype.name == 'bfloat16':
      raise errors.UserError(
        f'cannot write {path}: {name!r} is bfloat16, which .npz does not know. '
        'Write .safetensors, or convert it to float32.'
      )
  if metadata:
    arrays = {**arrays, _METADATA: np.asarray(json.dumps(metadata))}
  content = io.BytesIO()
  # Not np.savez: an array may have the name of one of its arguments.
  with zipfile.ZipFile(content, 'w') as archive:
    for name, array in arrays.items():
      with archive.open(f'{name}.npy', 'w', force_zip64=True) as member:
        np.lib.format.write_array(member, array, allow_pickle=False)
  return content.getvalue()


def _check(path, arrays, metadata):
  """Raises UserError if this is not what `Arrays` says."""
  if not arrays:
    raise errors.UserError(f'expected arrays in {path}, but there are none.')
  if _METADATA in arrays:
    raise errors.UserError(
      f'{_METADATA!r} is what {path} calls its metadata: rename that array.'
    )
  for name, array in arrays.items():
    # The kind of bfloat16 is that of raw bytes.
    if array.dtype.kind not in 'biufc' and array.dtype.name != 'bfloat16':
      raise _no_numbers(path, name, array.dtype)
  values = metadata.values() if isinstance(metadata, dict) else [None]
  if not all(isinstance(value, str) for value in values):
    raise errors.UserError(
      f'expected strings by name as metadata of {path}, got {metadata!r}.'
    )


def _no_numbers(path, name, dtype):
  return errors.UserError(
    f'expected numbers in {path}, but {name!r} has dtype {dtype}: leave it out '
    'or convert it to float32, and save the rest again.'
  )


def _damaged(path, reason):
  reason = str(reason) or type(reason).__name__
  return errors.UserError(
    f'{path} is damaged, cut short or not what its name says ({reason}): fetch '
    'it or write it again.'
  )


def _another_kind(path, what='neither', advice=None):
  everywhere = '; '.join([_TORCH, _KERAS, _PYTHON])
  advice = advice or _ADVICE.get(path.suffix.lower(), everywhere)
  return errors.UserError(
    f'expected a .safetensors or .npz file, but {path} is {what}. Save its '
    f'arrays where it was made: {advice}.'
  )


def _unreachable(act, path, error):
  folder, advice = path.parent, ''
  if os.path.isdir(path):
    advice = 'Name a file in it.'
  elif not os.path.isdir(folder):
    advice = f'There is no folder {folder}.'
  elif isinstance(error, FileNotFoundError) and os.access(folder, os.R_OK):
    near = difflib.get_close_matches(path.name, os.listdir(folder), n=1)
    advice = f'Did you mean {folder / near[0]}?' if near else ''
  return errors.UserError(
    f'cannot {act} {path}: {error.strerror or error}. {advice}'.rstrip()
  )
