"""How one checkpoint lies on disk: durable, and verified when it is read.

  300/          a step of orbax's `CheckpointManager`, with two items:
    state/        the bytes of all leaves, end to end, as one array
    meta/         JSON: format, step, fingerprint, whether it is an anchor, {key
                  path: dtype and shape} in the order of the bytes, {key path:
                  SHA-256}, and its own

Orbax commits a step by renaming a folder, so a killed save leaves nothing that
could be mistaken for a checkpoint. Three things that it does not do are done
here. It reads a flipped bit back as a wrong number: hence the SHA-256. It casts
to the dtype that it is asked for: hence dtypes are compared. It leaves its last
files, and the rename, to the page cache: hence they are fsynced.

One array rather than one per leaf: it is twice as fast, and where one of many
concurrent transfers fails, the others each print a traceback of their own. It
is not compressed: a tenth less to store would cost three times the CPU time.
"""

import errno
import hashlib
import json
import math
import os
import pathlib
import shutil
from collections.abc import Collection
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import errors, files
from seqjax.training import orbax_manager

_FORMAT = 2
_NAME = 'checkpoint'  # Of the array within its item: orbax's own choice.
_SIZE = f'state/{_NAME}/.zarray'  # The file that says how long it is.
# Ends the names that the next write removes, whoever left them.
TEMPORARY = '.orbax-checkpoint-tmp'


def write(
  directory: pathlib.Path,
  step: int,
  arrays: dict[str, np.ndarray],
  *,
  fingerprint: str,
  keep: int,
  anchor: bool = True,
  kept: Collection[int] = (),
) -> None:
  """Writes a step, durable on return; of the others, few are kept.

  Args:
    directory, step: where.
    arrays: as `named_leaves` gives them.
    fingerprint: of the run.
    keep: how many of the newest steps stay.
    anchor: whether a roll-back may lead to it.
    kept: steps that stay as well.
  """
  parts = {name: a.reshape(-1).view(np.uint8) for name, a in arrays.items()}
  content = {
    'format': _FORMAT,
    'step': step,
    'fingerprint': fingerprint,
    'anchor': anchor,
    'leaves': specs(arrays),
    'sha256': {name: _sha256(part) for name, part in parts.items()},
  }
  meta = {'content': content, 'sha256': _sha256_of_json(content)}
  args = orbax_manager.load().args
  directory.mkdir(parents=True, exist_ok=True)
  with orbax_manager.manager(directory, keep=keep, kept=kept) as manager:
    saved = manager.save(
      step,
      args=args.Composite(
        state=args.PyTreeSave({_NAME: np.concatenate([*parts.values()])}),
        meta=args.JsonSave(meta),
      ),
    )
  if not saved:
    raise RuntimeError(f'orbax declined to save step {step} in {directory}.')
  for folder, _, names in os.walk(directory / str(step)):
    for name in names:
      with open(os.path.join(folder, name), 'rb') as file:
        os.fsync(file.fileno())
    files.fsync_directory(folder)
  files.fsync_directory(directory)
  files.fsync_directory(directory.parent)


def read(
  directory: pathlib.Path,
  step: int,
  expected: dict[str, Any] | None,
  *,
  fingerprint: str | None,
) -> dict[str, np.ndarray]:
  """Reads the leaves of a step, bit for bit as they were written.

  Args:
    expected: {name: array or `jax.ShapeDtypeStruct`}, as `named_leaves` gives;
      None takes what there is, of whatever run.
    fingerprint: of the run, where something is expected.

  Raises:
    UserError: the step is of another run, by its metadata, which are whole.
    Exception: the step is damaged. Of any type: orbax raises what it stumbles
      over, a KeyError as well as an OSError.
  """
  ocp = orbax_manager.load()
  items = ocp.args.Composite
  in_memory = ocp.RestoreArgs(restore_type=np.ndarray)
  with orbax_manager.manager(directory) as manager:
    content = _read_meta(manager, step)
    mismatch = _mismatch(content, expected, fingerprint)
    if mismatch:
      raise errors.UserError(
        f'The checkpoint of step {step} in {directory} does not fit: '
        f'{mismatch}. Choose another --workdir, or run with the flags and '
        'the data that it was made with.'
      )
    # Or a size that is damaged would ask for more memory than there is.
    size = json.loads((directory / str(step) / _SIZE).read_text())['shape']
    if size != [sum(map(_num_bytes, content['leaves'].values()))]:
      raise ValueError(f'its size is {size}')
    data = manager.restore(
      step, args=items(state=ocp.args.ArrayRestore(restore_args=in_memory))
    ).state
  arrays, end = {}, 0
  for name, spec in content['leaves'].items():
    dtype, shape = _parse(spec)
    start, end = end, end + _num_bytes(spec)
    part = data[start:end]
    if _sha256(part) != content['sha256'][name]:
      raise ValueError(f'the SHA-256 of {name} differs')
    arrays[name] = part.copy().view(dtype).reshape(shape)  # Aligned.
  return arrays


def is_anchor(directory: pathlib.Path, step: int) -> bool:
  """Whether a roll-back may lead to a step.

  Raises:
    Exception: its metadata are damaged, as of `read`.
  """
  with orbax_manager.manager(directory) as manager:
    return _read_meta(manager, step)['anchor']


def remove_temporaries(directory: pathlib.Path) -> None:
  """Removes what a failed write left; no other may be under way."""
  for path in directory.glob(f'*{TEMPORARY}*'):
    shutil.rmtree(path)


def named_leaves(tree: Any) -> dict[str, Any]:
  """Gives {key path: leaf} in the order of `jax.tree.leaves`.

  Raises:
    TypeError: a leaf is neither an array nor a `jax.ShapeDtypeStruct`.
    ValueError: two leaves would have the same name.

  Example:
    >>> named_leaves({'lstm': [np.ones(2)]})
    {'lstm/0': array([1., 1.])}
  """
  paths, _ = jax.tree_util.tree_flatten_with_path(tree)
  leaves = {
    jax.tree_util.keystr(path, simple=True, separator='/'): leaf
    for path, leaf in paths
  }
  if len(leaves) != len(paths):
    raise ValueError('two leaves have the same key path when joined by "/".')
  for name, leaf in leaves.items():
    if not isinstance(getattr(leaf, 'dtype', None), np.dtype):
      raise TypeError(
        f'{name}: expected a JAX or numpy array, got {leaf!r}; a PRNG key is '
        'saved as its `jax.random.key_data`.'
      )
  return leaves


def specs(leaves: dict[str, Any]) -> dict[str, str]:
  """Dtype and shape of each leaf.

  >>> specs({'w': np.ones((2, 3))})
  {'w': 'float64[2,3]'}
  """
  return {
    name: f'{leaf.dtype.name}[{",".join(map(str, leaf.shape))}]'
    for name, leaf in leaves.items()
  }


def difference(found: dict[str, str], wanted: dict[str, str]) -> str:
  """How two `specs` differ, in words; '' if they do not.

  >>> difference({'w': 'float64[2]', 'b': 'float32[3]'}, {'w': 'float32[2]'})
  'w is float64[2], expected float32[2]; b is float32[3], expected nothing'
  """
  differences = [
    f'{k} is {found.get(k, "missing")}, expected {wanted.get(k, "nothing")}'
    for k in found | wanted
    if found.get(k) != wanted.get(k)
  ]
  if len(differences) > 5:
    differences[5:] = [f'and {len(differences) - 5} more']
  return '; '.join(differences)


def is_disk_full(error: Exception) -> bool:
  """Whether a write failed for want of space or quota.

  Tensorstore raises a ValueError that says so in its text alone.
  """
  codes = errno.ENOSPC, errno.EDQUOT, errno.EFBIG
  return any(os.strerror(code) in str(error) for code in codes)


def _read_meta(manager, step: int) -> dict[str, Any]:
  args = orbax_manager.load().args
  items = args.Composite(meta=args.JsonRestore())
  meta = manager.restore(step, args=items).meta
  content = meta['content']
  if _sha256_of_json(content) != meta['sha256']:
    raise ValueError('the SHA-256 of its metadata differs')
  if content['step'] != step:
    raise ValueError(f'it is a copy of step {content["step"]}')
  return content


def _mismatch(content: dict, expected: dict[str, Any], fingerprint: str):
  """What does not fit, in words; '' if all does."""
  if content['format'] != _FORMAT:
    return f'its format is {content["format"]}, expected {_FORMAT}'
  if expected is None:
    return ''
  if content['fingerprint'] != fingerprint:
    return (
      'it belongs to another configuration or to other data (its fingerprint '
      f'is {content["fingerprint"]}, expected {fingerprint})'
    )
  return difference(content['leaves'], specs(expected))


def _parse(spec: str) -> tuple[np.dtype, tuple[int, ...]]:
  """The dtype and shape of an entry of `specs`."""
  dtype, sizes = spec.removesuffix(']').split('[')
  return jnp.dtype(dtype), tuple(map(int, filter(None, sizes.split(','))))


def _num_bytes(spec: str) -> int:
  dtype, shape = _parse(spec)
  return math.prod(shape) * dtype.itemsize


def _sha256(data: bytes | np.ndarray) -> str:
  return hashlib.sha256(data).hexdigest()


def _sha256_of_json(content: Any) -> str:
  return _sha256(json.dumps(content).encode())
