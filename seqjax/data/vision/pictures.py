"""Pictures of files: a photo, a folder of them, an .npz of many."""

import io
import os
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqjax import array_files, errors
from seqjax.data import reading

# How Pillow calls pictures of one and of three numbers of 8 bits a pixel.
_MODES = {1: 'L', 3: 'RGB'}
_GREY = ('1', 'L', 'LA', 'La')
# Of more bits, which Pillow would cut off above 255.
_DEEP = ('I', 'F', 'I;16', 'I;16L', 'I;16B', 'I;16N')


class Shelf(NamedTuple):
  """Pictures by name."""

  path: pathlib.Path
  names: frozenset[str]
  read: Callable[..., np.ndarray]  # (name, size, colours=None), as `read`


def read(
  path: str | os.PathLike, size: int, colours: int | None = None
) -> np.ndarray:
  """A picture, scaled to a square whatever its shape, so that all of it stays.

  Args:
    path: a file of any kind that Pillow reads; .gz and .xz are opened.
    size: pixels of each side.
    colours: 1 makes it grey, 3 coloured; None leaves it as it is.

  Returns:
    [size, size, 1 or 3] uint8.

  Raises:
    UserError: the file is missing or no picture, or has more than 8 bits for
      each colour of a pixel.
  """
  from PIL import Image, ImageOps

  content = io.BytesIO(reading.read_bytes(path))
  try:
    with Image.open(content) as image:
      mode = image.mode
      # Cameras write down how they were held, and leave the pixels.
      upright = ImageOps.exif_transpose(image)
  # Of many types: every reader of Pillow raises what it meets.
  except Exception as error:
    raise errors.UserError(
      f'expected a picture, but {path} cannot be read as one ({error}): save '
      'it again, as PNG or JPEG.'
    ) from error
  if mode in _DEEP:
    raise errors.UserError(
      f'expected 8 bits for each colour of a pixel, but {path} has more (mode '
      f'{mode}): save it with 8.'
    )
  return _scaled(upright, size, colours)


def write(path: str | os.PathLike, picture: np.ndarray) -> None:
  """Writes a picture [H, W, 1 or 3] of uint8, in a folder that there may be."""
  from PIL import Image

  path = pathlib.Path(path)
  path.parent.mkdir(exist_ok=True)
  grey = picture.shape[-1] == 1
  Image.fromarray(picture[..., 0] if grey else picture).save(path)


def shelf(path: str | os.PathLike) -> Shelf:
  """The pictures of a folder and its folders, or of an .npz.

  Args:
    path: a folder, where names are those of its files, as in `dog.jpg` or
      `train/dog.jpg`; or an .npz with an array `images`, [N, H, W] or
      [N, H, W, 1 or 3] of uint8, where they are the places in it, from 0.

  Raises:
    UserError: there is no such folder or file, or no picture in it.
  """
  path = pathlib.Path(os.path.expanduser(path))
  if path.is_dir():
    return _folder(path)
  if path.suffix.lower() != '.npz':
    raise errors.UserError(
      f'expected a folder of pictures or an .npz, but {path} is neither.'
    )
  arrays = array_files.read(path).arrays
  if 'images' not in arrays:
    raise errors.UserError(
      f'{path}: {errors.unknown("array", "images", arrays)}'
    )
  images = arrays['images']
  if images.ndim == 3:
    images = images[..., None]
  if (
    images.dtype != np.uint8
    or images.ndim != 4
    or images.shape[-1] not in _MODES
    or not images.size
  ):
    raise errors.UserError(
      'expected images [N, H, W] or [N, H, W, 1 or 3] of uint8, but those of '
      f'{path} are {list(images.shape)} of {images.dtype}.'
    )

  def open_one(name, size, colours=None):
    from PIL import Image

    image = images[int(name)]
    grey = image.shape[-1] == 1
    opened = Image.fromarray(image[..., 0] if grey else image)
    return _scaled(opened, size, colours)

  return Shelf(path, frozenset(map(str, range(len(images)))), open_one)


def _folder(path):
  from PIL import Image

  endings = Image.registered_extensions()
  names = frozenset(
    file.relative_to(path).as_posix()
    for file in path.rglob('*')
    if file.suffix.lower() in endings
  )
  if not names:
    raise errors.UserError(
      f'expected pictures, such as .png or .jpg, but {path} has none.'
    )
  return Shelf(path, names, lambda name, *how: read(path / name, *how))


def _scaled(image, size, colours):
  colours = colours or (1 if image.mode in _GREY else 3)
  scaled = image.convert(_MODES[colours]).resize((size, size))
  return np.asarray(scaled).reshape(size, size, colours)
