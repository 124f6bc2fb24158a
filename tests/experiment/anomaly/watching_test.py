"""Tests for seqjax.experiment.anomaly.watching."""

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import surprise
from seqjax.experiment.anomaly import watching

K, D = 3, 2
SETTINGS = {'smoothing': 4, 'memory': 60}


def say(params, carry, values, missing, past):
  """A network whose forecast at lead k is k + 1 times the last values."""
  del past
  # It also counts what is missing, to see that it is told.
  leads = np.arange(1, K + 1)[:, None]
  counts = carry + np.cumsum(missing.sum(axis=1))
  said = params * leads * values[:, None] + 0.01 * counts[:, None, None]
  return counts[-1] if len(counts) else carry, said


def some_values(n=130):
  values = np.random.RandomState([0]).randn(n, D)
  values[[0, 7], 0] = np.nan
  values[60:62] = np.nan
  return values


def watch(values, cuts=(), **options):
  state, found = watching.begin(0, K, D), []
  for rows in np.split(values, cuts):
    past = np.zeros((len(rows), 1))
    state, said = watching.watch(
      say, 2.0, state, rows, past, **SETTINGS, **options
    )
    found.append(said)
  arrays = (np.concatenate(x) for x in zip(*found, strict=True))
  return state, watching.Watched(*arrays)


class WatchTest(parameterized.TestCase):
  def test_an_error_is_the_mean_over_forecasts_and_columns(self):
    values = some_values()
    _, found = watch(values)
    filled, missed, last = [], [], np.zeros(D)
    for row in values:
      missed.append(np.isnan(row).sum() + (missed[-1] if missed else 0))
      last = np.where(np.isnan(row), last, row)
      filled.append(last)
    for t, row in enumerate(values):
      misses = [
        abs(2.0 * k * filled[t - k][d] + 0.01 * missed[t - k] - row[d])
        for k in range(1, min(K, t) + 1)
        for d in range(D)
        if not np.isnan(row[d])
      ]
      expected = np.mean(misses) if misses else np.nan
      np.testing.assert_allclose(found.errors[t], expected, rtol=1e-12)
      if t:
        np.testing.assert_allclose(
          found.expected[t], 2.0 * filled[t - 1] + 0.01 * missed[t - 1]
        )
    self.assertTrue(np.isnan(found.expected[0]).all())
    self.assertTrue(np.isnan(found.errors[[0, 60, 61]]).all())
    np.testing.assert_array_equal(
      found.scores, surprise.scores(found.errors, **SETTINGS)
    )

  @parameterized.parameters(((1, 2, 3, 50, 50, 61, 62),), (range(1, 130),))
  def test_it_does_not_matter_how_rows_arrive(self, cuts):
    whole_state, whole = watch(some_values())
    state, found = watch(some_values(), list(cuts))
    for one, other in zip(found, whole, strict=True):
      np.testing.assert_array_equal(one, other)
    self.assertEqual(state.num_rows, 130)
    self.assertEqual(state.surprise, whole_state.surprise)
    np.testing.assert_array_equal(state.forecasts, whole_state.forecasts)
    np.testing.assert_array_equal(state.values, whole_state.values)

  def test_rows_that_were_learnt_from_tell_nothing_of_what_is_usual(self):
    _, plain = watch(some_values())
    _, found = watch(some_values(), num_learnt=40)
    np.testing.assert_array_equal(found.errors, plain.errors)
    np.testing.assert_array_equal(
      found.scores[40:], surprise.scores(plain.errors[40:], **SETTINGS)
    )
    self.assertTrue(np.isnan(found.scores[:40]).all())

  @parameterized.parameters(1e200, 1.7e308, np.inf)
  def test_a_huge_value_is_bounded(self, huge):
    values = some_values()
    values[70] = huge
    with np.errstate(all='raise'):
      state, found = watch(values)
    self.assertTrue(np.isfinite(found.scores[80:]).all())
    self.assertEqual(state.values.shape, (1, D))
    self.assertTrue(np.isfinite(found.errors[70]))


if __name__ == '__main__':
  absltest.main()
