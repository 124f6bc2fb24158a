"""Images as sequences, beside a plain loop over the pixels."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import buckets, padding
from seqjax.data.vision import pixels

IMAGES = np.random.RandomState(0).randint(0, 256, (5, 4, 3)).astype(np.uint8)


class PixelSequencesTest(parameterized.TestCase):
  @parameterized.product(pixels_per_step=(1, 3, 4, 12), permuted=(False, True))
  def test_every_pixel_has_its_step(self, pixels_per_step, permuted):
    order = pixels.permutation(12, 3) if permuted else None
    sequences = pixels.PixelSequences(IMAGES, pixels_per_step, order)
    self.assertLen(sequences, 5)
    for image, sequence in zip(IMAGES, sequences, strict=True):
      self.assertEqual(sequence.shape, (12 // pixels_per_step, pixels_per_step))
      self.assertEqual(sequence.dtype, np.float32)
      for place in range(12):
        row, column = divmod(order[place] if permuted else place, 3)
        t, p = divmod(place, pixels_per_step)
        self.assertEqual(sequence[t, p] * 255, image[row, column])

  def test_the_numbers_are_from_0_to_1(self):
    sequence = pixels.PixelSequences(np.array([[[0, 255]]], np.uint8))[0]
    self.assertEqual(sequence.tolist(), [[0.0], [1.0]])

  def test_they_make_batches(self):
    sequences = pixels.PixelSequences(IMAGES, pixels_per_step=3)
    plan = buckets.Buckets([4] * 5, 2, 8, shuffle=False)
    batches = padding.sequence_batches(sequences, np.arange(5), plan)
    self.assertEqual((plan.num_programs, plan.density), (1, 5 / 6))
    last = batches(2)
    np.testing.assert_array_equal(
      last.inputs[:, 0], IMAGES[4].astype(np.float32) / np.float32(255)
    )
    self.assertEqual(last.weights.tolist(), [1, 0])

  @parameterized.parameters(5, 24)
  def test_a_step_that_does_not_divide_the_image_is_a_sentence(self, size):
    with self.assertRaisesRegex(
      errors.UserError, f'divide the 12 pixels of an image, got {size}'
    ):
      pixels.PixelSequences(IMAGES, size)


class PermutationTest(absltest.TestCase):
  def test_a_seed_is_an_order(self):
    first, again, other = (pixels.permutation(784, s) for s in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(np.sort(first), np.arange(784))
    np.testing.assert_array_equal(np.sort(other), np.arange(784))
    self.assertTrue((first != other).any())


class AsTextTest(absltest.TestCase):
  def test_the_darkest_and_the_lightest(self):
    image = np.array([[0, 255, 0], [25, 26, 128]], np.uint8)
    self.assertEqual(pixels.as_text(image), '  @@\n  ..++')


if __name__ == '__main__':
  absltest.main()
