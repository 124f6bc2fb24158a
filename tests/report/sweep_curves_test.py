"""The figure of a sweep's learning curves."""

import math
import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized
from sweep_groups import ODD, group

from seqjax import errors
from seqjax.report import sweep_curves
from seqjax.training import logs

METRIC = 'valid/loss'


class LearningCurvesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.directory = pathlib.Path(folder)

  def log(self, name, values, metric=METRIC):
    """Writes values at steps 0, 10, ..."""
    (self.directory / name).mkdir(exist_ok=True)
    log = logs.MetricsLog(self.directory / name / 'metrics.jsonl')
    for i, value in enumerate(values):
      log.write(10 * i, {'train/grad_norm': 1.0})
      log.write(10 * i, {metric: value})
    log.close()

  def draw(self, groups, metric=METRIC, **options):
    """The panels, without their scales of colours, and the figure."""
    path, fig = drawn.draw(
      sweep_curves.learning_curves,
      self.directory,
      groups,
      metric=metric,
      **options,
    )
    self.assertEqual(path, self.directory / 'figures' / 'learning_curves.png')
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    return [x for x in fig.axes if x.get_title()], fig

  @parameterized.product(name=tuple(ODD), logged=(True, False))
  def test_whatever_was_swept_has_a_figure(self, name, logged):
    groups = ODD[name]
    for one in groups:
      for trial, score in zip(one.names, one.scores, strict=True):
        if logged:
          self.log(trial, [7.0, score, score])
    panels, _ = self.draw(groups)
    self.assertLen(panels, len(groups[0].settings) or 1)

  def test_a_line_is_the_median_and_a_band_the_range(self):
    self.log('a-s0', [6.0, 2.0, 1.0])
    self.log('a-s1', [6.5, 4.0, 2.0])
    self.log('a-s2', [7.0, 3.0, 4.0])
    self.log('b-s0', [6.0, 5.0, 5.0])
    groups = [
      group({'cell': 'gru', 'rate': 1.0}, [1.0, 2.0, 4.0], 'a'),
      group({'cell': 'gru', 'rate': 3.0}, [5.0], 'b'),
    ]
    (cell, rate), _ = self.draw(groups)
    self.assertEqual([cell.get_title(), rate.get_title()], ['cell', 'rate'])
    for axes in cell, rate:
      other, line = axes.lines  # The best is drawn last.
      np.testing.assert_array_equal(
        line.get_xydata(), [(0, 6.5), (10, 3), (20, 2)]
      )
      np.testing.assert_array_equal(other.get_ydata(), [6, 5, 5])
      (band,) = axes.collections
      corners = {tuple(x) for x in band.get_paths()[0].vertices}
      self.assertContainsSubset({(10, 2), (10, 4), (20, 1), (20, 4)}, corners)
    colours = [[x.get_color() for x in axes.lines] for axes in (cell, rate)]
    self.assertEqual(*colours[0])
    self.assertNotEqual(*colours[1])

  def test_a_trial_that_diverged_is_a_line_of_its_own_up_to_a_mark(self):
    self.log('a-s0', [6.0, 2.0, 1.0])
    self.log('a-s1', [6.0, 1e9, math.nan])
    self.log('a-s2', [6.0, 5.0])
    groups = [group({'x': 1}, [1.0, 'diverged', 'failed'], 'a')]
    (axes,), fig = self.draw(groups)
    line, diverged, cross, failed, plus = axes.lines
    np.testing.assert_array_equal(line.get_ydata(), [6, 2, 1])
    np.testing.assert_array_equal(diverged.get_ydata(), [6, 1e9])
    self.assertEqual(diverged.get_linestyle(), '--')
    np.testing.assert_array_equal(failed.get_ydata(), [6, 5])
    # The axis is that of what is done; the mark stands at its edge.
    low, high = axes.get_ylim()
    self.assertTrue(0 < low < 1 and 6 < high < 7, (low, high))
    self.assertEqual((cross.get_xdata()[0], cross.get_ydata()[0]), (10, high))
    self.assertEqual((plus.get_xdata()[0], plus.get_ydata()[0]), (10, 5))
    (legend,) = fig.legends
    shown = [x.get_text() for x in legend.get_texts()]
    self.assertEqual(shown, ['diverged', 'failed'])

  def test_trials_without_a_curve_are_counted(self):
    self.log('a-s0', [6.0, 2.0])
    self.log('a-s1', [6.0, 2.0], metric='valid/other')
    _, fig = self.draw([group({'x': 1}, [2.0, 2.0, 'failed'], 'a')])
    (legend,) = fig.legends
    self.assertEqual(
      legend.get_title().get_text(), '2 of 3 trials have no curve'
    )

  def test_what_is_measured_at_the_end_alone_is_drawn_as_of_valid(self):
    self.log('a-s0', [6.0, 2.0])
    (axes,), _ = self.draw([group({'x': 1}, [2.5], 'a')], metric='test/loss')
    self.assertEqual(axes.get_ylabel(), 'valid/loss')
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), [6, 2])

  def test_a_damaged_log_is_a_sentence(self):
    (self.directory / 'a-s0').mkdir()
    (self.directory / 'a-s0' / 'metrics.jsonl').write_text('{"step"\n')
    with self.assertRaisesRegex(errors.UserError, 'a-s0.*line 1'):
      self.draw([group({'x': 1}, [2.5], 'a')])


if __name__ == '__main__':
  absltest.main()
