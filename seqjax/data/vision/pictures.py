"""Pictures of files: a photo, a folder of them, an .npz of many."""

import collections
import io
import os
import pathlib
import warnings
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from seqjax import array_files, errors
from seqjax.data import labelled, reading

# How Pillow calls pictures of one and of three numbers of 8 bits a pixel.
_MODES = {1: 'L', 3: 'RGB'}
_GREY = ('1', 'L', 'LA', 'La')
# Of more bits, which Pillow would cut off above 255.
_DEEP = ('I', 'F', 'I;16', 'I;16L', 'I;16B', 'I;16N')


class Picture(NamedTuple):
  """A picture as a model sees it, and what was done to the file's."""

  pixels: np.ndarray  # [size, size, 1 or 3] uint8
  # 'scaled to 24 x 24' -> what to say of this one: ', from 640 x 480', or ''.
  remarks: Mapping[str, str]


class Shelf(NamedTuple):
  """Pictures by name."""

  path: pathlib.Path
  names: frozenset[str]
  read: Callable[..., Picture]  # (name, size, colours=None), as `read`
  notes: tuple[str, ...] = ()  # sentences on files that are no pictures


def read(
  path: str | os.PathLike, size: int, colours: int | None = None
) -> Picture:
  """A picture, scaled to a square whatever its shape, so that all of it stays.

  What is transparent is laid on white, and what a camera held is upright.

  Args:
    path: a file of any kind that Pillow reads; .gz and .xz are opened.
    size: pixels of each side.
    colours: 1 makes it grey, 3 coloured; None leaves it as it is.

  Raises:
    UserError: the file is missing or no picture, or has more than 8 bits for
      each colour of a pixel, or more pixels than Pillow trusts.
  """
  from PIL import Image, ImageOps

  content = io.BytesIO(reading.read_bytes(path))
  with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter('always', UserWarning)
    warnings.simplefilter('error', Image.DecompressionBombWarning)
    try:
      with Image.open(content) as image:
        if image.mode in _DEEP:
          raise errors.UserError(
            f'expected 8 bits for each colour of a pixel, but {path} has more '
            f'(mode {image.mode}): save it with 8.'
          )
        # Cameras write down how they were held, and leave the pixels.
        found = _scaled(ImageOps.exif_transpose(image), size, colours)
    except errors.UserError:
      raise
    except (
      Image.DecompressionBombWarning,
      Image.DecompressionBombError,
    ) as error:
      raise errors.UserError(
        f'expected at most {Image.MAX_IMAGE_PIXELS:,} pixels, but {path} has '
        'more: save it smaller.'
      ) from error
    # Of many types: every reader of Pillow raises what it meets.
    except Exception as error:
      raise errors.UserError(
        f'expected a picture, but {path} cannot be read as one ({error}): save '
        'it again, as PNG or JPEG.'
      ) from error
  said = {f'read with a warning ({x.message})': '' for x in heard}
  return found._replace(remarks=found.remarks | said)


def notes(seen: Mapping[str, Picture], whose: str = '') -> list[str]:
  """Sentences on what was done to pictures, of each how many and the first.

  Args:
    seen: name -> picture, at least one.
    whose: of which, as in ' of train'.

  >>> seen = {'a.png': Picture(None, {'scaled to 8 x 8': ', from 9 x 12'})}
  >>> notes(seen, ' of train')
  ['Pictures of train scaled to 8 x 8: 1 of 1, the first a.png, from 9 x 12.']
  """
  firsts, counts = {}, collections.Counter()
  for name, picture in seen.items():
    counts.update(picture.remarks.keys())
    for what, more in picture.remarks.items():
      firsts.setdefault(what, name + more)
  return [
    f'Pictures{whose} {what}: {count:,} of {len(seen):,}, the first '
    f'{firsts[what]}.'
    for what, count in counts.items()
  ]


def write(path: str | os.PathLike, picture: np.ndarray) -> None:
  """Writes a picture [H, W, 1 or 3] of uint8, in a folder that there may be."""
  from PIL import Image

  path = pathlib.Path(path)
  path.parent.mkdir(exist_ok=True)
  grey = picture.shape[-1] == 1
  Image.fromarray(picture[..., 0] if grey else picture).save(path)


def shelf(path: str | os.PathLike) -> Shelf:
  """The pictures of a folder and its folders, or of an .npz.

  Of the files of a folder those are pictures whose names end as those of a kind
  that Pillow reads, but for the ._* that macOS leaves beside them. What is no
  file, such as a link to nothing, is none.

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

  def is_picture(file):
    return (
      file.is_file()
      and endings.get(file.suffix.lower()) in Image.OPEN
      and not file.name.startswith('._')
    )

  files = {
    file.relative_to(path).as_posix(): is_picture(file)
    for file in path.rglob('*')
    if not file.is_dir()
  }
  names = frozenset(name for name in files if files[name])
  if not names:
    raise errors.UserError(
      f'expected pictures, such as .png or .jpg, but {path} has none.'
    )
  notes = ()
  if others := labelled.natural_order(files.keys() - names):
    notes = (
      f'Files of {path} that are no pictures, left out: {len(others):,}, the '
      f'first {others[0]}.',
    )
  return Shelf(path, names, lambda name, *how: read(path / name, *how), notes)


def _scaled(image, size, colours) -> Picture:
  """An image of Pillow as a picture."""
  own = 1 if image.mode in _GREY else 3
  colours = colours or own
  remarks = {}
  if colours < own:
    remarks['coloured, made grey'] = ''
  if 'A' in image.getbands() or 'transparency' in image.info:
    image, is_transparent = _on_white(image)
    if is_transparent:
      remarks['transparent, laid on white'] = ''
  if image.size != (size, size):
    before = f', from {image.width} x {image.height}'
    remarks[f'scaled to {size} x {size}'] = before
  # By way of its own colours: Pillow makes not every kind grey.
  image = image.convert(_MODES[own]).convert(_MODES[colours])
  scaled = image.resize((size, size))
  return Picture(np.asarray(scaled).reshape(size, size, colours), remarks)


def _on_white(image):
  """An image above white, and whether any of that is seen."""
  from PIL import Image

  image = image.convert('RGBA')
  white = Image.new('RGBA', image.size, 'white')
  least, _ = image.getchannel('A').getextrema()
  return Image.alpha_composite(white, image), least < 255
