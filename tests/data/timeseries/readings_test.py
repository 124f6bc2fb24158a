"""Series as a model reads them: nothing later, missing or huge."""

import made_series
import numpy as np
from absl.testing import absltest, parameterized

from seqjax.data.timeseries import frequency, readings

HORIZON = 3


def make(known_future=0, **fields):
  """A series of 40 rows with one covariate of each kind."""
  random = np.random.RandomState(0)
  n, more = 40, known_future
  targets = np.concatenate([random.randn(n, 1), np.full((more, 1), np.nan)])
  targets[7] = np.nan
  fields = {
    'targets': (targets,),
    'past': (random.randn(n + more, 1),),
    'known': (random.randn(n + more, 1),),
    'static': np.array([[5.0]]),
  } | fields
  return made_series.make_series(n, future=more)._replace(**fields)


def read(series, rows=(30,), clock='none'):
  scalings = readings.fit_scalings('standard', series, rows)
  filled = readings.fill(series, scalings, (4,))
  known = readings.known_ahead(series, scalings, (4,), HORIZON, clock)
  base = [np.zeros((len(y), HORIZON, 1)) for y in filled]
  nothing = [np.zeros((len(y), HORIZON, 0)) for y in filled]
  changes = [y[:, :0] for y in filled]
  return readings.readings(
    series, scalings, filled, known, changes, nothing, base
  )[0]


class ReadingsTest(parameterized.TestCase):
  def test_rows_to_come_are_known_and_not_observed(self):
    found = read(make(known_future=5))
    self.assertLen(found.values, 40 + HORIZON)
    self.assertFalse(found.observed[40:].any())
    self.assertEqual(found.observed[:40].sum(), 39)
    self.assertTrue(np.isfinite(found.known).all())

  def test_what_is_told_of_rows_to_come_is_taken(self):
    series = make(known_future=5)
    found = read(series)
    train = series.known[0][:30]
    expected = (series.known[0][:43] - train.mean()) / train.std()
    np.testing.assert_allclose(found.known, expected, rtol=1e-5)

  def test_what_is_not_told_is_that_of_the_season_before(self):
    found = read(make())
    np.testing.assert_allclose(found.known[40:43], found.known[36:39])

  def test_a_mistyped_covariate_does_not_drown_the_others(self):
    series = make()
    series.past[0][35], series.known[0][36] = 1e9, -1e9
    found = read(series)
    self.assertEqual((found.past[35], found.known[36]), (5, -5))

  def test_scales_are_of_the_rows_to_learn_from(self):
    series, other = make(), make()
    for arrays in (other.targets, other.past, other.known):
      arrays[0][30:] = 1e3
    before, after = read(series), read(other)
    for name in ('values', 'past', 'known'):
      np.testing.assert_array_equal(
        getattr(before, name)[:30], getattr(after, name)[:30]
      )

  @parameterized.parameters(('none', 1), ('week', 14), ('year', 16))
  def test_the_clock_is_read_as_far_as_is_asked(self, clock, width):
    hours = np.datetime64('2024-01-01', 's') + 3600 * np.arange(40)
    series = make(times=(hours,), frequency=frequency.parse('1h'))
    self.assertEqual(read(series, clock=clock).known.shape, (43, width))

  def test_without_a_clock_rows_are_counted(self):
    found = read(make(), clock='week').known[:, 1:]
    self.assertEqual(found.shape, (43, 4))
    np.testing.assert_allclose(found[4:], found[:-4], atol=1e-6)

  def test_of_one_series_static_covariates_say_nothing(self):
    np.testing.assert_array_equal(read(make()).static, [0])


if __name__ == '__main__':
  absltest.main()
