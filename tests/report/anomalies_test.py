"""Tests for seqjax.report.anomalies."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest

from seqjax.report import anomalies

PNG = b'\x89PNG\r\n\x1a\n'
N = 30


def panel(**changes):
  rng = np.random.default_rng(0)
  flags = np.zeros(N, bool)
  flags[[4, 5, 20]] = True
  whole = anomalies.Panel(
    title='a $eries',
    times=np.datetime64('2024-01-01', 's') + np.arange(N),
    values=rng.normal(size=N),
    expected=rng.normal(size=N),
    scores=np.append([np.nan, np.nan], rng.normal(size=N - 2)),
    flags=flags,
    threshold=1.5,
    events=np.array([[3, 7], [18, 19]]),
    label='C',
  )
  return whole._replace(**changes)


class AnomalyFigureTest(absltest.TestCase):
  def draw(self, *panels):
    folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    path, fig = drawn.draw(anomalies.anomaly_figure, folder, panels)
    self.assertEqual(path, folder / 'figures' / 'anomalies.png')
    self.assertStartsWith(path.read_bytes(), PNG)
    return fig

  def test_what_was_given_is_what_is_drawn(self):
    given = panel()
    upper, lower = self.draw(given).axes
    expected, value, flagged = upper.lines
    np.testing.assert_array_equal(value.get_ydata(), given.values)
    np.testing.assert_array_equal(expected.get_ydata(), given.expected)
    shown = np.isfinite(flagged.get_ydata())
    np.testing.assert_array_equal(shown, given.flags)
    scores, threshold = lower.lines
    np.testing.assert_array_equal(scores.get_ydata(), given.scores)
    self.assertEqual(threshold.get_ydata()[0], 1.5)
    for axes in (upper, lower):
      self.assertLen(axes.patches, 2)
    labels = [text.get_text() for text in upper.get_legend().get_texts()]
    self.assertEqual(labels, ['expected', 'value', 'labelled', 'flagged'])

  def test_nothing_to_show_is_drawn_too(self):
    given = panel(
      times=np.arange(N),
      values=np.full(N, np.nan),
      flags=np.zeros(N, bool),
      threshold=np.inf,
      events=np.zeros((0, 2), int),
    )
    fig = self.draw(given, panel(values=np.zeros(N)))
    self.assertLen(fig.axes, 4)
    self.assertLen(fig.axes[1].lines, 1)


if __name__ == '__main__':
  absltest.main()
