"""Tests for seqjax.data.timeseries.scaling."""

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import scaling

LENGTHS = 9, 4


def two_series():
  rng = np.random.default_rng(0)
  values = [rng.normal(5, 3, (n, 2)) for n in (12, 7)]
  values[0][2:5, 1] = np.nan
  return values


class ScalingTest(folder_case.FolderTestCase):
  def test_standard_is_the_mean_and_the_deviation_of_what_was_seen(self):
    values = two_series()
    found = scaling.fit(values, LENGTHS)
    for s, d in np.ndindex(2, 2):
      seen = [y for y in values[s][: LENGTHS[s], d] if not np.isnan(y)]
      mean = sum(seen) / len(seen)
      deviation = (sum((y - mean) ** 2 for y in seen) / len(seen)) ** 0.5
      self.assertAlmostEqual(found.shift[s, d], mean, places=12)
      self.assertAlmostEqual(found.scale[s, d], deviation, places=12)

  def test_mean_divides_by_the_size_and_keeps_0(self):
    values = two_series()
    values[1][0, 0] = -50
    found = scaling.fit(values, LENGTHS, 'mean')
    np.testing.assert_array_equal(found.shift, 0)
    for s, d in np.ndindex(2, 2):
      seen = [abs(y) for y in values[s][: LENGTHS[s], d] if not np.isnan(y)]
      self.assertAlmostEqual(
        found.scale[s, d], sum(seen) / len(seen), places=12
      )

  def test_none_changes_nothing(self):
    values = two_series()
    found = scaling.fit(values, LENGTHS, 'none')
    np.testing.assert_array_equal(found.apply(values[1], 1), values[1])

  @parameterized.parameters(*scaling.KINDS)
  def test_what_stands_after_the_training_part_changes_nothing(self, kind):
    values = two_series()
    before = scaling.fit(values, LENGTHS, kind)
    for array, length in zip(values, LENGTHS, strict=True):
      array[length:] = 1e9
      array[-1] = np.nan
    after = scaling.fit(values, LENGTHS, kind)
    np.testing.assert_array_equal(before.shift, after.shift)
    np.testing.assert_array_equal(before.scale, after.scale)

  @parameterized.product(kind=scaling.KINDS, value=[0.0, 0.1, -7.3, np.nan])
  def test_a_constant_or_unseen_column_divides_by_no_0(self, kind, value):
    values = np.full((1000, 1), value)
    found = scaling.fit([values], [900], kind)
    self.assertGreater(found.scale[0, 0], 1e-3)
    self.assertTrue(np.isfinite(found.shift).all())
    if kind == 'standard':
      self.assertEqual(found.scale[0, 0], 1)
      if not np.isnan(value):
        np.testing.assert_allclose(found.apply(values, 0), 0, atol=1e-12)

  @parameterized.parameters(*scaling.KINDS)
  def test_invert_gives_back_what_apply_was_given(self, kind):
    values = two_series()
    found = scaling.fit(values, LENGTHS, kind)
    there = found.apply(values[0], 0)
    np.testing.assert_allclose(found.invert(there, 0), values[0], rtol=1e-12)
    # Rows of different series side by side.
    rows, series = np.stack([values[1][0], values[0][0]]), np.array([1, 0])
    mixed = found.apply(rows, series)
    np.testing.assert_array_equal(mixed[0], found.apply(rows[0], 1))
    np.testing.assert_array_equal(mixed[1], found.apply(rows[1], 0))

  def test_no_columns_and_no_rows(self):
    found = scaling.fit([np.zeros((4, 0)), np.zeros((0, 0))], [2, 0])
    self.assertEqual(found.scale.shape, (2, 0))
    found = scaling.fit([np.ones((4, 1))], [0])
    self.assertEqual((found.shift.item(), found.scale.item()), (0, 1))

  def test_an_unknown_kind_is_named(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'standard'"):
      scaling.fit([np.ones((2, 1))], [2], 'standart')


if __name__ == '__main__':
  absltest.main()
