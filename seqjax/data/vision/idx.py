"""The idx format: one array of bytes behind a header that gives its shape."""

import math
import os

import numpy as np

from seqjax import errors
from seqjax.data import reading

_UINT8 = 0x08


def read(path: str | os.PathLike, num_axes: int) -> np.ndarray:
  """The array of an idx file, opened if its name ends in .gz or .xz.

    0 0 8 R     two zeros, the code of uint8, the number R of axes
    R sizes     4 bytes each, the greatest first
    values      1 byte each, the last axis fastest

  Args:
    path: of the file.
    num_axes: R, how many axes are expected: 3 for images, 1 for labels.

  Returns:
    uint8, read-only.

  Raises:
    UserError: the file cannot be read, is of another kind, holds another number
      of axes, or more or fewer bytes than its header says.

  Source: LeCun, Cortes and Burges, the page of the MNIST database.
  """
  content = reading.read_bytes(path)
  magic = bytes((0, 0, _UINT8, num_axes))
  if content[:4] != magic:
    raise errors.UserError(
      f'expected an idx file of {num_axes} {_axes(num_axes)} of bytes, whose '
      f'first bytes are {magic.hex(" ")}, but those of {path} are '
      f'{content[:4].hex(" ")}: {_guess(content)}.'
    )
  header = 4 + 4 * num_axes
  if len(content) < header:
    raise errors.UserError(
      f'expected a header of {header} bytes, but {path} ends after '
      f'{len(content)}: fetch it again.'
    )
  shape = np.frombuffer(content, '>u4', num_axes, offset=4).tolist()
  if len(content) - header != math.prod(shape):
    raise errors.UserError(
      f'expected {" x ".join(map(str, shape))} = {math.prod(shape):,} bytes '
      f'after the header, as it says, but {path} has '
      f'{len(content) - header:,}: fetch it again.'
    )
  return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _axes(number):
  return 'axis' if number == 1 else 'axes'


def _guess(content):
  """What a file that is not the one expected may be."""
  if len(content) >= 4 and content[:3] == bytes((0, 0, _UINT8)):
    return f'it has {content[3]} {_axes(content[3])}; is it another of the set?'
  if content[:2] == b'\x1f\x8b':
    return 'it is a gzip archive; let its name end in .gz'
  return 'it is of another kind'
