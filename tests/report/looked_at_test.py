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
    axes = self.draw(picture, ['a', 'cat'], attention)
    self.assertEqual([x.get_title() for x in axes], ['', 'a', 'cat'])
    self.assertEqual([len(x.images) for x in axes], [1, 2, 2])
    shown, weights = axes[2].images
    # The regions lie over the picture, row by row from its top.
    self.assertEqual(list(shown.get_extent()), list(weights.get_extent()))
    self.assertEqual(list(weights.get_extent()), [0, 12, 8, 0])
    strongest = np.unravel_index(weights.get_alpha().argmax(), (2, 3))
    self.assertEqual(strongest, (1, 2))

  def test_a_long_caption_has_several_rows(self):
    words = ['$x$', *'abcdefghijkl']
    axes = self.draw(
      np.zeros((4, 4, 3), np.uint8), words, np.ones((len(words), 1, 1))
    )
    titled = [x.get_title() for x in axes if x.get_title()]
    self.assertEqual(titled, [r'\$x\$', *'abcdefghijkl'])
    self.assertFalse(axes[-1].images)


if __name__ == '__main__':
  absltest.main()
