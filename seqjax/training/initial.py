"""The parameters that a run begins with, where it does not draw them."""

import hashlib
import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from seqjax import array_files, errors
from seqjax.training import checkpoint_format

NAME = 'initial.safetensors'
# Part of a parameter's name -> the flag that gives a network such parameters.
_FLAGS = {'_initial/': '--initial_carry=learned', '/shortcut_': '--residual'}


class Initial(NamedTuple):
  """What `initial.safetensors` in the directory of a run holds.

  Attributes:
    path: of the file.
    sha256: of the file, in hex.
    arrays: the parameters, by the names of `checkpoint_format.named_leaves`.
    cell: a name in `cells.CELLS`.
    cell_options: of its builder, e.g. {'projection': 3}.
    symbols: of the vocabulary that the embedding has, or None.
  """

  path: pathlib.Path
  sha256: str
  arrays: dict[str, np.ndarray]
  cell: str
  cell_options: dict[str, Any]
  symbols: tuple[str, ...] | None = None

  def params(self, template: Any) -> Any:
    """The parameters in the structure of the network that they are for.

    Args:
      template: params of that network, as arrays or `jax.ShapeDtypeStruct`.

    Raises:
      UserError: a name, a shape or a dtype differs.
    """
    expected = checkpoint_format.named_leaves(template)
    difference = checkpoint_format.difference(
      *map(checkpoint_format.specs, (self.arrays, expected))
    )
    if difference:
      raise errors.UserError(
        f'{self.path} does not fit the network that the flags describe: '
        f'{difference}. {self._advice(expected)}'
      )
    leaves = [self.arrays[name] for name in expected]
    return jax.tree.unflatten(jax.tree.structure(template), leaves)

  def _advice(self, expected: dict[str, Any]) -> str:
    shapes = lambda leaves: {name: x.shape for name, x in leaves.items()}
    if shapes(self.arrays) == shapes(expected):
      return 'Write it in the dtype that is expected.'
    missing = expected.keys() - self.arrays.keys()
    advice = [
      f'Leave out {flag}, for which it has no parameters.'
      for part, flag in _FLAGS.items()
      if any(part in name for name in missing)
    ]
    return ' '.join(advice) or (
      'The flags (--cell, --cell_options, --hidden_size, --hidden_sizes, '
      '--num_layers, --embedding_size, ...) and the data must be those of that '
      'network.'
    )


def read(directory: str | os.PathLike) -> Initial | None:
  """Reads `initial.safetensors` in a directory; None if it is not there.

  Its metadata are strings: 'cell'; 'cell_options' and 'symbols', in JSON.

  Raises:
    UserError: the file is damaged or lacks its metadata, or a number is NaN or
      infinite.
  """
  path = pathlib.Path(directory, NAME)
  if (digest := sha256(directory)) is None:
    return None
  arrays, metadata = array_files.read(path)
  try:
    cell = metadata['cell']
    options = dict(json.loads(metadata.get('cell_options', '{}')))
    symbols = json.loads(metadata.get('symbols', 'null'))
  except (KeyError, RecursionError, TypeError, ValueError):
    raise errors.UserError(
      f'{path} does not say of which cell it is: expected the metadata '
      f"'cell', a name, and 'cell_options', a JSON object, got {metadata}. "
      'Write it with python -m seqjax.exchange.'
    ) from None
  for name, array in arrays.items():
    if not np.isfinite(array).all():
      raise errors.UserError(
        f'{path}: {name} holds numbers that are not finite, and no training '
        'would mend them. Write it from weights that are.'
      )
  symbols = None if symbols is None else tuple(symbols)
  return Initial(path, digest, arrays, cell, options, symbols)


def write(
  directory: str | os.PathLike,
  arrays: dict[str, np.ndarray],
  cell: str,
  options: dict[str, Any],
  symbols: Sequence[str] | None = None,
) -> None:
  """Writes `initial.safetensors` into a directory; the inverse of `read`."""
  metadata = {'cell': cell, 'cell_options': json.dumps(options)}
  if symbols is not None:
    metadata['symbols'] = json.dumps(symbols)
  array_files.write(pathlib.Path(directory, NAME), arrays, metadata)


def sha256(directory: str | os.PathLike) -> str | None:
  """The hash of `initial.safetensors` in a directory; None without one."""
  path = pathlib.Path(directory, NAME)
  try:
    with open(path, 'rb') as file:
      return hashlib.file_digest(file, 'sha256').hexdigest()
  except FileNotFoundError:
    return None
  except IsADirectoryError:
    raise errors.UserError(
      f'{path} is a directory: expected a file of weights.'
    ) from None


def describe(sha256: str | None) -> str:
  """What a run begins from, as a person reads it.

  >>> describe('1234567890abcdef'), describe(None)
  ('initial.safetensors (sha256 1234567890ab)', 'no initial.safetensors')
  """
  return f'{NAME} (sha256 {sha256[:12]})' if sha256 else f'no {NAME}'
