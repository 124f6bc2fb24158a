"""The figure of a sweep as lines through settings."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized
from sweep_groups import ODD, group

from seqjax.report import sweep_coordinates


class ParallelCoordinatesTest(parameterized.TestCase):
  def draw(self, groups, **options):
    """The axes, and the lines that are trials."""
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path, fig = drawn.draw(
      sweep_coordinates.parallel_coordinates,
      folder,
      groups,
      metric='loss',
      **options,
    )
    self.assertEqual(
      path, pathlib.Path(folder, 'figures', 'parallel_coordinates.png')
    )
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    (axes,) = fig.axes
    n = len(groups[0].settings) or 1
    return axes, [
      x for x in axes.lines if list(x.get_xdata()) == list(range(n + 1))
    ]

  @parameterized.product(name=tuple(ODD), higher=(True, False))
  def test_whatever_was_swept_has_a_figure(self, name, higher):
    groups = ODD[name]
    _, lines = self.draw(groups, higher_is_better=higher)
    self.assertLen(lines, sum(len(x.names) for x in groups))

  def test_a_trial_goes_through_its_settings_to_its_score(self):
    groups = [
      group({'rate': 0.01, 'cell': 'lru'}, [1.0]),
      group({'rate': 0.1, 'cell': 'gru'}, [1.5]),
      group({'rate': 1.0, 'cell': 'lru'}, [2.0]),
    ]
    axes, lines = self.draw(groups)
    heights = [x.get_ydata() for x in lines]
    np.testing.assert_allclose(
      heights, [(0, 0.75, 0), (0.5, 0.25, 0.5), (1, 0.75, 1)], atol=0.021
    )
    np.testing.assert_allclose([x[-1] for x in heights], [0, 0.5, 1])
    # Trials with a value in common can be told apart.
    self.assertNotEqual(heights[0][1], heights[2][1])
    texts = [x.get_text() for x in axes.texts]
    self.assertContainsSubset(['rate', 'cell', 'loss', 'gru', '0.01'], texts)

  @parameterized.parameters(False, True)
  def test_the_better_is_darker_and_above(self, higher):
    groups = [group({'x': i}, [float(i)]) for i in range(3)]
    _, lines = self.draw(groups, higher_is_better=higher)
    lines = lines[::-1] if higher else lines
    brightness = [sum(x.get_color()[:3]) for x in lines]
    self.assertEqual(brightness, sorted(brightness))
    above = [x.get_zorder() for x in lines]
    self.assertEqual(above, sorted(set(above), reverse=True))

  @parameterized.parameters(False, True)
  def test_trials_without_a_place_end_beyond_the_axis(self, higher):
    far = -99.0 if higher else 99.0
    scores = [1.0, 1.1, 1.2, 1.3, far, 'diverged', 'failed']
    axes, lines = self.draw([group({'x': 1}, scores)], higher_is_better=higher)
    ends = [x.get_ydata()[-1] for x in lines]
    self.assertTrue(all(0 <= x <= 1 for x in ends[:4]))
    self.assertTrue(all(x < 0 if higher else x > 1 for x in ends[4:]))
    self.assertLen(set(ends), 7)
    self.assertEqual([x.get_linestyle() for x in lines], ['-'] * 4 + ['--'] * 3)
    texts = [x.get_text() for x in axes.texts]
    self.assertContainsSubset(['far worse', 'diverged', 'failed'], texts)


if __name__ == '__main__':
  absltest.main()
