"""Figures from metrics as a run writes them, the odd ones included."""

import math
import os
import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized

from seqjax.report import figures
from seqjax.training import logs

PNG = b'\x89PNG\r\n\x1a\n'


def train_lines(losses, norms=None):
  norms = [1.0] * len(losses) if norms is None else norms
  return [
    (n, {'train/nats_per_char': x, 'train/grad_norm': norm})
    for n, (x, norm) in enumerate(zip(losses, norms, strict=True), start=1)
  ]


class LearningCurvesTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.directory = pathlib.Path(folder)

  def draw(self, lines, **options):
    """The path, and the figure that was saved there."""
    log = logs.MetricsLog(self.directory / 'metrics.jsonl')
    for step, metrics in lines:
      log.write(step, metrics)
    log.close()
    return drawn.draw(
      figures.learning_curves,
      self.directory,
      metric='nats_per_char',
      **options,
    )

  @parameterized.named_parameters(
    ('plain', train_lines([3.0, 2.0, 1.5])),
    ('one_step', train_lines([3.0])),
    ('nan', train_lines([3.0, math.nan, 1.5], [1.0, math.nan, 2.0])),
    ('only_nan', train_lines([math.nan] * 3, [math.nan] * 3)),
    ('infinite', train_lines([3.0, math.inf, 1.5], [1.0, math.inf, 2.0])),
    ('only_valid', [(0, {'valid/nats_per_char': 3.0})]),
    ('nothing', []),
  )
  def test_a_png_is_written(self, lines):
    path, _ = self.draw(lines, baselines={'4-gram': 1.5}, clip_norm=1.0)
    self.assertEqual(path, self.directory / 'figures' / 'learning_curves.png')
    self.assertStartsWith(path.read_bytes(), PNG)
    self.assertGreater(path.stat().st_size, 1000)
    self.assertEqual(os.listdir(path.parent), ['learning_curves.png'])

  def test_the_lines_are_those_of_the_log(self):
    losses = np.linspace(3, 1, 60)
    losses[30] = 9  # A spike stays visible behind the mean.
    lines = train_lines(losses, 1 + np.arange(60.0))
    lines += [(0, {'valid/nats_per_char': 4.0})]
    lines += [(60, {'valid/nats_per_char': 1.5, 'valid/other': 7.0})]
    _, fig = self.draw(lines, baselines={'1-gram': 2.5}, clip_norm=5.0)
    loss, norm = fig.axes
    raw, smooth, valid, baseline = loss.lines
    np.testing.assert_array_equal(raw.get_xdata(), np.arange(1, 61))
    np.testing.assert_allclose(raw.get_ydata(), losses, rtol=1e-6)
    self.assertLess(max(smooth.get_ydata()), 4)
    np.testing.assert_array_equal(valid.get_xydata(), [[0, 4], [60, 1.5]])
    self.assertEqual(set(baseline.get_ydata()), {2.5})
    self.assertEqual(loss.texts[0].get_text(), '1-gram')
    self.assertEqual(loss.get_ylabel(), 'nats per char')
    np.testing.assert_array_equal(norm.lines[0].get_ydata(), np.arange(1, 61))
    self.assertEqual(set(norm.lines[1].get_ydata()), {5})
    self.assertEqual((norm.get_yscale(), norm.get_xlabel()), ('log', 'step'))

  def test_a_metric_that_training_lacks_has_no_line_and_no_name(self):
    without = [(0, {'valid/nats_per_char': 3.0}), (1, {'train/other': 1.0})]
    for lines, names in (
      (without, ['valid']),
      (without + train_lines([3.0]), ['train', 'valid']),
    ):
      _, fig = self.draw(lines)
      legend = fig.axes[0].get_legend()
      self.assertEqual([x.get_text() for x in legend.get_texts()], names)

  def test_no_clip_draws_no_clip(self):
    _, fig = self.draw(train_lines([3.0, 2.0]))
    self.assertLen(fig.axes[1].lines, 1)

  def test_a_second_figure_takes_the_place_of_the_first(self):
    path, _ = self.draw(train_lines([3.0, 2.0]))
    first = path.read_bytes()
    second, _ = self.draw([(3, {'train/nats_per_char': 9.0})])
    self.assertEqual(path, second)
    self.assertNotEqual(second.read_bytes(), first)


class SmoothTest(parameterized.TestCase):
  @parameterized.parameters((0, 3), (1, 3), (2, 3), (60, 25), (60, 1))
  def test_it_is_the_mean_of_the_last_values(self, size, window):
    values = np.random.default_rng(0).normal(size=size)
    expected = [
      np.mean(values[max(0, i + 1 - window) : i + 1]) for i in range(size)
    ]
    np.testing.assert_allclose(figures._smooth(values, window), expected)

  def test_what_is_not_finite_is_left_out_of_the_mean(self):
    values = np.array([np.nan, 3.0, np.inf, 1.0, np.nan, np.nan, 5.0])
    expected = [np.nan, 3.0, 3.0, 1.0, 1.0, np.nan, 5.0]
    np.testing.assert_allclose(figures._smooth(values, 2), expected)


class DrawableTest(parameterized.TestCase):
  @parameterized.parameters(
    ('a cat', 'a cat'),
    ('Ünï ▁ …', 'Ünï ▁ …'),
    ('$x$', r'\$x\$'),
    ('a\tb', r'a\tb'),
    ('猫!', r'\u732b!'),
    ('a' * 20, 'a' * 20),
    ('a' * 21, 'a' * 19 + '…'),
    ('猫' * 4, r'\u732b\u732b\u732b\…'),
  )
  def test_what_cannot_be_drawn_is_named(self, name, expected):
    self.assertEqual(figures.drawable(name), expected)


class ConfusionMatrixTest(absltest.TestCase):
  def test_of_many_labels_or_odd_ones_the_figure_stays_a_figure(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = figures.confusion_matrix(folder, ['x'] * 500, np.eye(500, dtype=int))
    self.assertLess(path.stat().st_size, 10**6)
    odd = ['a\tb\nc', '\udce9t', '$x']
    path = figures.confusion_matrix(folder, odd, np.eye(3, dtype=int))
    self.assertStartsWith(path.read_bytes(), PNG)

  def test_each_count_stands_where_it_belongs(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    names = ['neg', 'costs $1 or $2', 'a label that is far too long to print']
    counts = [[8, 2, 0], [0, 0, 0], [1, 0, 1234]]
    path, fig = drawn.draw(figures.confusion_matrix, folder, names, counts)
    self.assertStartsWith(path.read_bytes(), PNG)
    (axes,) = fig.axes
    shown = {text.get_position(): text.get_text() for text in axes.texts}
    # x is what was predicted.
    self.assertEqual(
      (shown[1, 0], shown[0, 2], shown[2, 2]), ('2', '1', '1,234')
    )
    np.testing.assert_allclose(axes.images[0].get_array()[0], [0.8, 0.2, 0])
    labels = [label.get_text() for label in axes.get_yticklabels()]
    self.assertEqual(labels[1], r'costs \$1 or \$2')
    self.assertLen(labels[2], 20)


if __name__ == '__main__':
  absltest.main()
