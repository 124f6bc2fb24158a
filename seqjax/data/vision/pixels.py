"""Images as sequences: some pixels a step, in their order or in another."""

import numpy as np

from seqjax import errors


class PixelSequences:
  """N images as N sequences, each made when it is asked for.

  The numbers of all of them would take four times the room of the bytes.

  Args:
    images: [N, H, W] uint8.
    pixels_per_step: P; T = H W / P steps. W reads a row at a time.
    order: [H W], a permutation: which pixel is read when. None reads the rows
      from top to bottom, each from left to right.

  Raises:
    UserError: P does not divide the number of pixels.

  >>> images = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)
  >>> sequences = PixelSequences(images, pixels_per_step=2, order=[3, 2, 1, 0])
  >>> len(sequences), sequences[1] * 255
  (2, array([[7., 6.],
         [5., 4.]], dtype=float32))
  """

  def __init__(self, images, pixels_per_step=1, order=None):
    flat = np.asarray(images).reshape(len(images), -1)
    num_pixels = flat.shape[1]
    if num_pixels % pixels_per_step:
      raise errors.UserError(
        f'expected pixels_per_step to divide the {num_pixels} pixels of an '
        f'image, got {pixels_per_step}.'
      )
    if order is not None:
      flat = flat[:, order]
    self._steps = flat.reshape(len(flat), -1, pixels_per_step)

  def __len__(self) -> int:
    return len(self._steps)

  def __getitem__(self, index: int) -> np.ndarray:
    """The sequence [T, P] float32 of an image, from 0 to 1."""
    return self._steps[index].astype(np.float32) / np.float32(255)


def permutation(num_pixels: int, permutation_seed: int) -> np.ndarray:
  """An order of the pixels, the same for every image; a seed draws one.

  >>> permutation(6, permutation_seed=0)
  array([3, 0, 1, 2, 4, 5])
  """
  # Not a Generator: NumPy may change what that draws.
  return np.random.RandomState([permutation_seed]).permutation(num_pixels)


def as_text(image: np.ndarray) -> str:
  """An image [H, W] uint8 in characters, two for a pixel, the more the darker.

  >>> print(as_text(np.array([[0, 90], [255, 0]], np.uint8)))
    --
  @@
  """
  shades = np.array(list(' .:-=+*#%@'))
  rows = shades[image.astype(int) * len(shades) // 256].repeat(2, axis=1)
  return '\n'.join(''.join(row).rstrip() for row in rows)
