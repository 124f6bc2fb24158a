"""Regions: how many, where, and what each has seen."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import layers


def made(sizes, pictures):
  model = layers.Regions(sizes)
  return model, model.init(jax.random.key(0), pictures)


class RegionsTest(parameterized.TestCase):
  @parameterized.parameters(
    ((2, 5, 7), (16, 12, 1), (4, 3)),
    ((3,), (5, 4, 3), (5, 4)),
    ((3, 2), (5, 4, 3), (3, 2)),
    ((2, 2, 3, 4), (9, 8, 3), (2, 1)),
  )
  def test_each_size_but_the_first_halves_the_picture(self, sizes, shape, grid):
    pictures = np.zeros((2, *shape), np.uint8)
    model, params = made(sizes, pictures)
    regions = model.apply(params, pictures)
    self.assertEqual(regions.shape, (grid[0] * grid[1], 2, sizes[-1]))
    self.assertEqual(model.grid(*shape[:2]), grid)

  def test_regions_stand_row_by_row_and_see_what_is_near(self):
    random = np.random.RandomState(0)
    plain = random.randint(0, 256, (1, 32, 32, 1)).astype(np.uint8)
    moved = plain.copy()
    # Two pixels change places, so that mean and deviation stay.
    moved[0, 12, 22], moved[0, 12, 23] = plain[0, 12, 23], plain[0, 12, 22]
    model, params = made((8, 8, 8), plain)
    found = [model.apply(params, x).reshape(8, 8, 8) for x in (plain, moved)]
    changed = np.argwhere(np.abs(found[0] - found[1]).max(axis=-1) > 1e-6)
    self.assertNotEmpty(changed)
    # Around region (12 / 4, 22 / 4).
    self.assertTrue((np.abs(changed - [3, 5]) <= 1).all(), changed)

  def test_a_place_has_a_vector_of_its_own(self):
    black = np.zeros((1, 16, 16, 1), np.uint8)
    model, params = made((4, 4, 32), black)
    regions = model.apply(params, black)
    self.assertGreater(float(jnp.abs(regions[5] - regions[6]).max()), 0)
    self.assertTrue(np.isfinite(regions).all())

  def test_dropout_is_of_training_alone(self):
    pictures = np.full((2, 8, 8, 1), 9, np.uint8)
    pictures[:, 3:] = 200
    model, params = made((4, 32), pictures)
    plain = model.apply(params, pictures)
    same = model.apply(params, pictures, dropout_rate=0.5)
    np.testing.assert_array_equal(plain, same)
    keys = jax.random.split(jax.random.key(1))
    one, other = (
      model.apply(params, pictures, key=key, dropout_rate=0.5) for key in keys
    )
    self.assertGreater(float(jnp.abs(one - other).max()), 0.1)
    # Of the regions, too: beside those that a relu leaves at zero.
    zeros = [float(jnp.mean(x == 0)) for x in (plain, one)]
    self.assertGreater(zeros[1], zeros[0] + 0.1)

  def test_contrast_does_not_count(self):
    random = np.random.RandomState(0)
    bright = random.randint(0, 100, (1, 8, 8, 3)).astype(np.uint8)
    model, params = made((4, 4, 4), bright)
    np.testing.assert_allclose(
      model.apply(params, bright),
      model.apply(params, 2 * bright + 5),
      atol=1e-5,
    )


if __name__ == '__main__':
  absltest.main()
