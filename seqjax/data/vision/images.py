"""Labelled images: scikit-learn's digits, and folders as MNIST comes."""

import hashlib
import os
import pathlib
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data.vision import idx

# Of the digits, how many at the end are the test set: a fifth.
_NUM_TEST_DIGITS = 360
_PARTS = {'train': 'train', 'test': 't10k'}


class Images(NamedTuple):
  """N labelled images of one size in shades of grey."""

  images: np.ndarray  # [N, H, W] uint8, 0 is the background
  labels: np.ndarray  # [N] int32, 0 to K - 1
  name: str
  sha256: str  # of sizes, pixels and labels


def labelled_images(images, labels, name: str) -> Images:
  """Checks images and their labels, and notes their hash.

  Args:
    images: [N, H, W] uint8.
    labels: [N] integers of at least 0.
    name: what the images are called in messages.

  Raises:
    UserError: there is no image, none of a pixel, or not one label for each.

  Example:
    >>> two = labelled_images(np.zeros((2, 3, 3), np.uint8), [4, 0], 'two')
    >>> two.labels, two.sha256[:8]
    (array([4, 0], dtype=int32), '0a5de4b6')
  """
  images, labels = np.asarray(images), np.asarray(labels, np.int32)
  if images.dtype != np.uint8 or images.ndim != 3 or labels.ndim != 1:
    raise ValueError(
      'expected images [N, H, W] of uint8 and labels [N], got '
      f'{images.shape} of {images.dtype} and {labels.shape}.'
    )
  if not images.size:
    raise errors.UserError(
      f'expected images, but {name} has {" x ".join(map(str, images.shape))}.'
    )
  if len(images) != len(labels):
    raise errors.UserError(
      f'expected one label for each image, but {name} has {len(images):,} '
      f'images and {len(labels):,} labels.'
    )
  sha256 = hashlib.sha256(repr(images.shape).encode())
  sha256.update(np.ascontiguousarray(images))
  sha256.update(labels.astype('<i4'))
  return Images(images, labels, name, sha256.hexdigest())


def digits() -> tuple[Images, Images]:
  """The 1,797 handwritten digits of 8 x 8 pixels in scikit-learn: train, test.

  The 17 shades are spread over 0 to 255. The test set is the last 360, not a
  random part: those that stand near each other are often of one hand, and a
  random part would be easier (logistic regression 0.96 instead of 0.90).

  Source: Alpaydin and Kaynak (1998), Optical Recognition of Handwritten Digits,
    UCI Machine Learning Repository: its test part.
  """
  from sklearn import datasets

  all_digits = datasets.load_digits()
  pixels = np.round(all_digits.images * (255 / 16)).astype(np.uint8)
  cut = len(pixels) - _NUM_TEST_DIGITS
  return (
    labelled_images(pixels[:cut], all_digits.target[:cut], 'digits, train'),
    labelled_images(pixels[cut:], all_digits.target[cut:], 'digits, test'),
  )


def idx_folder(path: str | os.PathLike) -> tuple[Images, Images]:
  """Train and test images of a folder with the four files of MNIST.

  `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, and the same with `t10k`
  for the test set, or with a dot before `idx`; plain, or compressed with its
  .gz or .xz. Fashion-MNIST and Kuzushiji-MNIST come so too.

  Raises:
    UserError: a file is missing, damaged or of another kind, or there are more
      or fewer labels than images.
  """
  folder = pathlib.Path(os.path.expanduser(path))
  train, test = (_read_part(folder, part) for part in _PARTS)
  return train, test


def num_classes(train: Images, test: Images) -> int:
  """K, after checking that what is learnt can be asked.

  Raises:
    UserError: the parts differ in the size of their images, there is one label
      only, or the test has one that no image to learn from has.
  """
  sizes = ['{} x {}'.format(*part.images.shape[1:]) for part in (train, test)]
  if sizes[0] != sizes[1]:
    raise errors.UserError(
      f'expected images of one size, but those of {train.name} have {sizes[0]} '
      f'pixels and those of {test.name} {sizes[1]}.'
    )
  known = np.unique(train.labels)
  if len(known) < 2:
    raise errors.UserError(
      f'expected at least two labels to tell apart, but the '
      f'{len(train.labels)} images of {train.name} have only {known[0]}.'
    )
  unseen = np.flatnonzero(~np.isin(test.labels, known))
  if unseen.size:
    raise errors.UserError(
      f'image {unseen[0]} of {test.name} has the label '
      f'{test.labels[unseen[0]]}, but those of {train.name}, to learn from, '
      f'have only {", ".join(map(str, known))}.'
    )
  return int(known[-1]) + 1


def _read_part(folder, part):
  images, labels = (
    idx.read(_find(folder, f'{_PARTS[part]}-{what}', num_axes), num_axes)
    for what, num_axes in (('images', 3), ('labels', 1))
  )
  return labelled_images(images, labels, f'{folder.name}, {part}')


def _find(folder, stem, num_axes):
  names = [
    f'{stem}{mark}idx{num_axes}-ubyte{suffix}'
    for mark in '-.'
    for suffix in ('', '.gz', '.xz')
  ]
  for name in names:
    if (folder / name).is_file():
      return folder / name
  raise errors.UserError(
    f'expected the four files of MNIST in {folder}, but there is no {names[0]} '
    '(nor one that ends in .gz or .xz, or has a dot before idx).'
  )
