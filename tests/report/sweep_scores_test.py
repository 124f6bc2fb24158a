"""The figure of the metric against each setting."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized
from sweep_groups import ODD, group

from seqjax.report import sweep_scores


class MetricBySettingTest(parameterized.TestCase):
  def draw(self, groups, **options):
    """The lines of each panel by label, and the axes."""
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path, fig = drawn.draw(
      sweep_scores.metric_by_setting, folder, groups, metric='v/a_b', **options
    )
    self.assertEqual(
      path, pathlib.Path(folder, 'figures', 'metric_by_setting.png')
    )
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    shown = [x for x in fig.axes if x.get_visible()]
    return [{x.get_label(): x for x in axes.lines} for axes in shown], shown

  @parameterized.product(name=tuple(ODD), higher=(True, False))
  def test_whatever_was_swept_has_a_figure(self, name, higher):
    groups = ODD[name]
    _, axes = self.draw(groups, higher_is_better=higher)
    self.assertLen(axes, len(groups[0].settings) or 1)

  def test_every_trial_is_a_dot_at_its_value(self):
    groups = [
      group({'rate': 0.01, 'cell': 'gru'}, [1.0, 1.25]),
      group({'rate': 0.1, 'cell': 'gru'}, [1.5, 1.5]),
      group({'rate': 1.0, 'cell': 'lru'}, [1.75, 2.0]),
    ]
    (rate, cell), axes = self.draw(groups)
    np.testing.assert_allclose(
      rate['trial'].get_xydata(),
      [(0, 1), (0, 1.25), (0.5, 1.5), (0.5, 1.5), (1, 1.75), (1, 2)],
    )
    places = cell['trial'].get_xdata()
    self.assertBetween(min(places), 0, 0.25)
    np.testing.assert_allclose(places[:4], 0.25, atol=0.16)
    np.testing.assert_allclose(places[4:], 0.75, atol=0.16)
    self.assertLen(set(places), 6)
    labels = [[x.get_text() for x in a.get_xticklabels()] for a in axes]
    self.assertEqual(labels, [['0.01', '0.1', '1'], ['gru', 'lru']])
    self.assertEqual([x.get_xlabel() for x in axes], ['rate', 'cell'])
    self.assertEqual([x.get_ylabel() for x in axes], ['v/a b', ''])

  def test_the_interval_stands_around_the_best_mean_of_each_value(self):
    groups = [
      group({'rate': 1, 'cell': 'a'}, [1.0, 1.2]),
      group({'rate': 2, 'cell': 'a'}, [2.0, 2.2, 2.7]),
      group({'rate': 1, 'cell': 'b'}, [3.0, 3.2]),
      group({'rate': 2, 'cell': 'b'}, [4.0, 4.2]),
    ]
    _, (rate, cell) = self.draw(groups)
    (mean,) = [x for x in rate.lines if x.get_marker() == 'D']
    np.testing.assert_allclose(mean.get_xydata(), [(0, 1.1), (1, 2.3)])
    (band,) = rate.collections
    ends = {tuple(x.round(6)) for x in band.get_paths()[0].vertices}
    width = round(2.3 - groups[1].half_width, 6)
    self.assertIn((1, width), ends)
    # The values of cell are words: bars without a line.
    (mean,) = [x for x in cell.lines if x.get_marker() == 'D']
    self.assertEqual(mean.get_linestyle(), 'None')
    np.testing.assert_allclose(mean.get_ydata(), [1.1, 3.1])
    (bars,) = cell.collections
    np.testing.assert_allclose(
      bars.get_segments()[0][:, 1],
      [1.1 - groups[0].half_width, 1.1 + groups[0].half_width],
    )

  def test_draws_have_no_line_from_one_to_the_next(self):
    groups = [
      group({'rate': 1 + 0.1 * i, 'size': 2 * i}, [float(i)]) for i in range(9)
    ]
    for lines in self.draw(groups)[0]:
      self.assertEqual(list(lines), ['trial'])

  @parameterized.parameters(False, True)
  def test_trials_without_a_place_are_counted_above(self, higher):
    scores = [1.0, 1.1, 1.2, 'diverged', 'diverged', 'failed']
    groups = [group({'x': 1}, scores), group({'x': 3}, [1.1, 'diverged', 99.0])]
    if higher:
      groups[1] = group({'x': 3}, [1.1, 'diverged', -99.0])
    (lines,), (axes,) = self.draw(groups, higher_is_better=higher)
    places = {
      name: sorted(lines[name].get_xdata())
      for name in ('diverged', 'failed', 'far worse')
    }
    self.assertEqual(
      places, {'diverged': [0, 1], 'failed': [0], 'far worse': [1]}
    )
    heights = {lines[name].get_ydata()[0] for name in places}
    self.assertLen(heights, 3)
    self.assertGreater(min(heights), 1)  # of the height of the panel
    self.assertEqual([x.get_text() for x in axes.texts], ['2'])
    # They do not press the others together.
    low, high = axes.get_ylim()
    self.assertTrue(0.9 < low < 1 and 1.2 < high < 1.3, (low, high))

  def test_what_has_no_score_has_no_mean(self):
    alive, dead = group({'x': 1}, [1.0, 1.5]), group({'x': 2}, ['diverged'] * 2)
    _, (axes,) = self.draw([alive, dead])
    (mean,) = [x for x in axes.lines if x.get_marker() == 'D']
    np.testing.assert_array_equal(mean.get_xydata(), [(0, 1.25)])
    (lines,), _ = self.draw([dead])
    self.assertEqual(list(lines), ['diverged'])

  def test_a_loss_over_decades_has_a_logarithmic_axis(self):
    groups = ODD['decades']
    self.assertEqual(self.draw(groups)[1][0].get_yscale(), 'log')
    _, (axes,) = self.draw(groups, higher_is_better=True)
    self.assertEqual(axes.get_yscale(), 'linear')


if __name__ == '__main__':
  absltest.main()
