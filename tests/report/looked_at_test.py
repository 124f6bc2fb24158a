"""The figure of a picture and where it was looked."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized

from seqjax.report import looked_at


class DrawTest(parameterized.TestCase):
  def draw(self, *arguments):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'figures', 'picture.png')
    _, fig = drawn.draw(looked_at.draw, path, *arguments)
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    return fig.axes

  @parameterized.parameters(1, 3)
  def test_each_word_has_its_regions(self, colours):
    picture = np.full((8, 12, colours), 200, np.uint8)
    attention = np.full((2, 2, 3), 0.01)
    attention[1, 1, 2] = 0.9
    *axes, bar = self.draw(picture, ['a', 'cat'], attention)
    self.assertEqual([x.get_title() for x in axes], ['(picture)', 'a', 'cat'])
    self.assertEqual([len(x.images) for x in axes], [1, 2, 2])
    self.assertEqual(bar.get_ylabel(), 'share of the attention')
    shown, weights = axes[2].images
    # The regions lie over the picture, row by row from its top.
    self.assertEqual(list(shown.get_extent()), list(weights.get_extent()))
    self.assertEqual(list(weights.get_extent()), [0, 12, 8, 0])
    np.testing.assert_array_equal(weights.get_array(), attention[1])
    (frame,) = axes[2].patches
    self.assertEqual(frame.get_bbox().bounds, (8, 4, 4, 4))
    # One scale for all words.
    self.assertEqual([x.images[1].get_clim() for x in axes[1:]], [(0, 0.9)] * 2)

  @parameterized.parameters(0.0, np.nan)
  def test_nothing_that_counted_is_drawn_all_the_same(self, weight):
    picture = np.zeros((8, 12, 1), np.uint8)
    attention = np.full((2, 2, 3), weight)
    axes = self.draw(picture, ['a', 'cat'], attention)
    self.assertFalse(axes[1].patches)
    self.assertEqual(axes[1].images[1].get_clim(), (0, 1))
    attention[1] = 0.25
    axes = self.draw(picture, ['a', 'cat'], attention)
    self.assertFalse(axes[1].patches)
    self.assertLen(axes[2].patches, 1)
    self.assertEqual(axes[1].images[1].get_clim(), (0, 0.25))

  def test_a_long_caption_has_several_rows(self):
    words = ['$x$', *'abcdefghijkl']
    _, *axes, _ = self.draw(
      np.zeros((4, 4, 3), np.uint8), words, np.ones((len(words), 1, 1))
    )
    titled = [x.get_title() for x in axes if x.get_title()]
    self.assertEqual(titled, [r'\$x\$', *'abcdefghijkl'])
    self.assertFalse(axes[-1].images)

  def test_a_word_in_another_script_warns_of_nothing(self):
    axes = self.draw(np.zeros((4, 4, 1), np.uint8), ['猫'], np.ones((1, 1, 1)))
    self.assertEqual(axes[1].get_title(), r'\u732b')


if __name__ == '__main__':
  absltest.main()
