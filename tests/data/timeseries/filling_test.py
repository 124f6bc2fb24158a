"""Tests for seqjax.data.timeseries.filling."""

import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.data.timeseries import filling


def slow_fill(values, seasons):
  """The rule, cell by cell."""
  filled = values.copy()
  for d in range(values.shape[1]):
    first = None
    for t in range(len(values)):
      if not math.isnan(values[t, d]):
        first = t if first is None else first
        last = values[t, d]
      elif first is None:
        filled[t, d] = 0
      else:
        past = [
          filled[t - season, d]
          for season in seasons
          if season > 1 and t - season >= first
        ]
        filled[t, d] = sum(past) / len(past) if past else last
  return filled


def with_gaps(seed, n=60):
  rng = np.random.default_rng(seed)
  values = rng.normal(size=(n, 4))
  values[rng.random((n, 4)) < 0.4] = np.nan
  values[:11, 1] = np.nan
  values[5:45, 2] = np.nan
  values[:, 3] = np.nan
  return values


class FillTest(parameterized.TestCase):
  @parameterized.product(
    seasons=[(), (1,), (2,), (4, 9), (9, 4), (1, 5), (90,)], seed=[0, 1]
  )
  def test_it_is_a_plain_loop(self, seasons, seed):
    values = with_gaps(seed)
    found = filling.fill(values, seasons)
    np.testing.assert_allclose(found, slow_fill(values, seasons), rtol=1e-12)

  @parameterized.parameters((), (4, 9))
  def test_it_never_looks_ahead(self, *seasons):
    values = with_gaps(2)
    whole = filling.fill(values, seasons)
    for t in range(len(values) + 1):
      grown = filling.fill(values[:t], seasons)
      np.testing.assert_array_equal(grown, whole[:t])

  def test_what_was_observed_stays_and_the_argument_too(self):
    values = with_gaps(3)
    before = values.copy()
    found = filling.fill(values, (4,))
    seen = np.isfinite(values)
    np.testing.assert_array_equal(found[seen], values[seen])
    np.testing.assert_array_equal(values, before)

  def test_without_gaps_it_is_a_copy(self):
    values = np.ones((5, 2))
    found = filling.fill(values, (4,))
    found[0] = 7
    np.testing.assert_array_equal(values, 1)

  def test_without_rows_or_columns(self):
    self.assertEqual(filling.fill(np.zeros((0, 2)), (3,)).shape, (0, 2))
    self.assertEqual(filling.fill(np.zeros((5, 0)), (3,)).shape, (5, 0))


if __name__ == '__main__':
  absltest.main()
