"""Regions of a picture, each as a vector."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax.layers import drop


class Regions(nn.Module):
  """A small convolutional network, and where each of its vectors stands.

    x <- relu(w * x + b)             once for each size, from the picture on
    v_r = relu(W (x_r + p_r) + b)    p_r is learned, one for each place

  The picture has mean 0 and deviation 1. The first w is of 3 x 3; all others
  are of 4 x 4 at every second place, and halve what they read, rounded up. With
  three sizes, 24 x 24 pixels become 6 x 6 regions, four pixels apart, of which
  each has seen 12 x 12.

  Attributes:
    sizes: channels of each convolution; the last is C.
  """

  sizes: tuple[int, ...]

  @nn.compact
  def __call__(self, pictures, *, key=None, dropout_rate=0.0):
    """Looks at pictures.

    Args:
      pictures: [B, height, width, 1 or 3] of 0 to 255.
      key: PRNG key; None for evaluation.
      dropout_rate: after each convolution and of the regions; may be traced.

    Returns:
      [R, B, C], the regions row by row.
    """
    # Of the variance that enters a relu, half comes out.
    weights = nn.initializers.he_normal()
    num_keys = len(self.sizes) + 1
    keys = (
      (None,) * num_keys if key is None else jax.random.split(key, num_keys)
    )
    x = _standard(pictures.astype(jnp.float32))
    for i, size in enumerate(self.sizes):
      # Strokes a pixel wide are lost where the first one skips places.
      width, step = (4, 2) if i else (3, 1)
      convolve = nn.Conv(
        size, (width, width), strides=(step, step), kernel_init=weights
      )
      x = drop.dropout(keys[i], nn.relu(convolve(x)), dropout_rate)
    regions = jnp.swapaxes(x.reshape(len(x), -1, x.shape[-1]), 0, 1)
    shape = (len(regions), 1, regions.shape[-1])
    places = self.param('places', nn.initializers.normal(0.02), shape)
    dense = nn.Dense(shape[-1], kernel_init=weights)
    vectors = nn.relu(dense(regions + places))
    return drop.dropout(keys[-1], vectors, dropout_rate)

  def grid(self, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the regions of a picture.

    >>> Regions((16, 32, 64)).grid(32, 30)
    (8, 8)
    """
    step = 2 ** (len(self.sizes) - 1)
    return -(-height // step), -(-width // step)


def _standard(pictures):
  """Each picture at mean 0 and deviation 1, or 0 where it is of one colour."""
  axes = (1, 2, 3)
  centred = pictures - jnp.mean(pictures, axes, keepdims=True)
  return centred / jnp.maximum(jnp.std(pictures, axes, keepdims=True), 1)
