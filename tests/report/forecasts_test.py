"""Figures of forecasts: what was given is what is drawn."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized
from matplotlib import dates

from seqjax.report import forecasts

PNG = b'\x89PNG\r\n\x1a\n'
N, K = 30, 6


def panel(**changes):
  """N hours, the last K of them forecast."""
  rng = np.random.default_rng(0)
  start = np.datetime64('2018-03-28T00:00:00')
  times = start + np.arange(N) * np.timedelta64(3600, 's')
  truth = rng.normal(size=N)
  point = np.where(np.arange(N) < N - K, np.nan, truth + 0.5)
  bands = {c: (point - 2 * c, point + 2 * c) for c in (0.5, 0.9)}
  whole = forecasts.Panel(
    'a series', times, truth, point, bands, times[[-K - 1]], 'EUR'
  )
  return whole._replace(**changes)


class FolderCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))


class ForecastFigureTest(FolderCase):
  def draw(self, *panels, **options):
    path, fig = drawn.draw(
      forecasts.forecast_figure, self.folder, panels, **options
    )
    self.assertStartsWith(path.read_bytes(), PNG)
    return path, fig

  def test_truth_forecast_bands_and_origin_stand_where_they_belong(self):
    given = panel()
    path, fig = self.draw(given)
    self.assertEqual(path, self.folder / 'figures' / 'forecast.png')
    (axes,) = fig.axes
    truth, point, origin = axes.lines
    np.testing.assert_array_equal(truth.get_ydata(), given.truth)
    np.testing.assert_array_equal(truth.get_xdata(), given.times)
    np.testing.assert_array_equal(point.get_ydata(), given.point)
    self.assertEqual(origin.get_xdata()[0], given.times[-K - 1])
    wide, narrow = axes.collections
    for band, coverage in ((wide, 0.9), (narrow, 0.5)):
      corners = np.concatenate([p.vertices for p in band.get_paths()])
      low, high = given.bands[coverage]
      self.assertAlmostEqual(corners[:, 1].min(), np.nanmin(low))
      self.assertAlmostEqual(corners[:, 1].max(), np.nanmax(high))
      days = dates.date2num(given.times[[-K, -1]])
      np.testing.assert_allclose(
        (corners[:, 0].min(), corners[:, 0].max()), days
      )
    self.assertEqual(axes.get_title(loc='left'), 'a series')
    self.assertEqual(axes.get_ylabel(), 'EUR')

  def test_the_axis_shows_dates_or_steps(self):
    _, fig = self.draw(panel(), panel(times=np.arange(N), origins=()))
    with_dates, with_steps = fig.axes
    labels = [label.get_text() for label in with_dates.get_xticklabels()]
    self.assertIn('Mar-29', labels)
    self.assertEqual(with_steps.get_xlabel(), 'step')
    self.assertLen(with_steps.lines, 2)

  def test_each_thing_is_named_once_for_all_panels(self):
    _, fig = self.draw(panel(), panel(bands={}), panel(origins=panel().times))
    (legend,) = fig.legends
    self.assertEqual(
      [text.get_text() for text in legend.get_texts()],
      ['90 % band', '50 % band', 'truth', 'forecast', 'last value known'],
    )

  def test_odd_ones_are_drawn_all_the_same(self):
    nothing = np.full(N, np.nan)
    endless = {0.9: (np.full(N, -np.inf), np.full(N, np.inf))}
    _, fig = self.draw(
      panel(truth=nothing, title='costs $1 or $2', label='a$'),
      panel(truth=nothing, point=nothing, bands=endless),
      panel(truth=np.zeros(N), point=np.zeros(N), bands={}),
      name='odd',
    )
    title, label = fig.axes[0].get_title(loc='left'), fig.axes[0].get_ylabel()
    self.assertEqual((title, label), (r'costs \$1 or \$2', r'a\$'))

  def test_one_moment(self):
    one = np.ones(1)
    self.draw(forecasts.Panel('', panel().times[:1], one, one))


class ErrorByLeadTest(FolderCase):
  def draw(self, errors):
    path, fig = drawn.draw(
      forecasts.error_by_lead, self.folder, errors, metric='mae', step='1h'
    )
    self.assertStartsWith(path.read_bytes(), PNG)
    (axes,) = fig.axes
    (legend,) = fig.legends
    return axes, [text.get_text() for text in legend.get_texts()]

  def test_each_error_stands_over_its_lead(self):
    axes, names = self.draw({'lstm': [1.0, 2, 3], 'naive': [2.0, 3, 4]})
    model, naive = axes.lines
    np.testing.assert_array_equal(model.get_xydata(), [[1, 1], [2, 2], [3, 3]])
    np.testing.assert_array_equal(naive.get_ydata(), [2, 3, 4])
    self.assertEqual(names, ['lstm', 'naive'])
    self.assertEqual(axes.get_xlabel(), 'steps ahead, of 1h each')
    np.testing.assert_allclose(axes.get_ylim(), (0, 4.2))

  def test_a_bad_baseline_does_not_press_the_others_together(self):
    axes, names = self.draw({'lstm': [1.0, 2], 'a': [3.0, 90], 'b': [50.0, 60]})
    self.assertEqual(axes.get_ylim(), (0, 4))
    self.assertEqual(names, ['lstm', 'a', 'b (above)'])

  @parameterized.parameters(
    ([np.nan, np.nan],), ([0.0, 0.0],), ([np.inf, 1.0],), ([1.0],)
  )
  def test_odd_ones_are_drawn_all_the_same(self, values):
    self.draw({'lstm': np.array(values), 'naive': np.array(values)})


if __name__ == '__main__':
  absltest.main()
