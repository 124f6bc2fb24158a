"""Where values stand on an axis."""

import itertools

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.report import scales


class ScaleTest(parameterized.TestCase):
  @parameterized.parameters(
    ([1, 4, 2], [0, 1 / 3, 1]),
    ([-3.0, 1.0], [0, 1]),
    # Less than a decade.
    ([0.1, 0.3, 0.9], [0, 0.25, 1]),
    # A decade and more.
    ([1e-3, 1e-1, 1e-2], [0, 0.5, 1]),
    ([1, 10], [0, 1]),
    # A zero has no logarithm.
    ([0.0, 1e-6, 1e-2], [1 / 6, 1 / 2, 5 / 6]),
    ([0, 1, 2, 3, 4, 5, 20], [0, 0.05, 0.1, 0.15, 0.2, 0.25, 1]),
    ([5], [0.5]),
    (['b', 'a'], [0.25, 0.75]),
    ([True, False], [0.25, 0.75]),
    ([(64,), (128, 64)], [0.25, 0.75]),
  )
  def test_values_stand_by_their_size_or_one_by_one(self, values, places):
    scale = scales.Scale(values)
    np.testing.assert_allclose([scale.at(x) for x in sorted(values)], places)

  def test_a_logarithm_may_be_forbidden(self):
    scale = scales.Scale([1.0, 10.0, 100.0], logarithm=False)
    self.assertAlmostEqual(scale.at(10.0), 1 / 11)

  @parameterized.product(
    low=(1e-5, 0.003, 1.0, 7.0),
    span=(1.001, 1.2, 5.0, 20.0, 900.0, 1e7),
    n=(2, 5, 100),
  )
  def test_labels_are_within_the_range_and_apart(self, low, span, n):
    scale = scales.Scale(np.geomspace(low, low * span, n).tolist())
    places = [place for place, shown in scale.ticks() if shown]
    self.assertGreaterEqual(len(places), 2)
    self.assertGreaterEqual(min(places), 0)
    self.assertLessEqual(max(places), 1)
    gaps = [b - a for a, b in itertools.pairwise(places)]
    self.assertGreater(min(gaps), 0.12)

  def test_labels_are_numbers_or_names(self):
    def labels(*values):
      return [shown for _, shown in scales.Scale(values).ticks()]

    self.assertEqual(labels(0.001, 0.1, 0.01), ['0.001', '0.01', '0.1'])
    self.assertEqual(labels(0.0, 1e-6, 0.1), ['0', '1e-06', '0.1'])
    self.assertEqual(labels(1.23456789), ['1.235'])
    self.assertEqual(labels(True, False), ['false', 'true'])
    self.assertEqual(labels((64,), (128, 64)), ['64', '128,64'])
    self.assertEqual(labels(*range(100)), ['0', '20', '40', '60', '80'])
    # Too close to the one before.
    self.assertEqual(labels(1.0, 1.01, 5.0), ['1', '', '5'])
    # What would stop the drawing, and two paths that begin alike.
    self.assertEqual(labels('$x$'), [r'\$x\$'])
    paths = '/home/me/somewhere/a.txt', '/home/me/somewhere/b.txt'
    self.assertEqual(
      labels(*paths), ['/home/me/…re/a.txt', '/home/me/…re/b.txt']
    )


if __name__ == '__main__':
  absltest.main()
