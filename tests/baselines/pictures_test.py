"""The nearest picture, against all distances."""

import numpy as np
from absl.testing import absltest

from seqjax.baselines import pictures


class NearestPictureTest(absltest.TestCase):
  def test_it_is_the_one_that_differs_least(self):
    random = np.random.RandomState(0)
    train, asked = (
      random.randint(0, 256, (n, 5, 4, 3)).astype(np.uint8) for n in (30, 11)
    )
    asked[4] = train[17]
    distances = [
      [np.square(a.astype(int) - b.astype(int)).sum() for b in train]
      for a in asked
    ]
    found = pictures.nearest_picture(train, asked)
    np.testing.assert_array_equal(found, np.argmin(distances, axis=1))
    self.assertEqual(found[4], 17)


if __name__ == '__main__':
  absltest.main()
