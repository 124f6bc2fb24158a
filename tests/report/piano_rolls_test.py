"""The figure of piano rolls."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest, parameterized

from seqjax.report import piano_rolls


class DrawTest(parameterized.TestCase):
  def draw(self, rolls, **options):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'figures', 'piece.png')
    _, fig = drawn.draw(piano_rolls.draw, path, rolls, **options)
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    return fig.axes

  def test_a_note_stands_where_it_sounds(self):
    roll = np.zeros((6, 88), np.uint8)
    roll[2, 39] = roll[5, 51] = 1
    (axes,) = self.draw({'real': roll})
    self.assertEqual(axes.get_title(), 'real')
    image = axes.images[0]
    left, right, low, high = image.get_extent()
    sounds = ~np.ma.getmaskarray(image.get_array())
    self.assertEqual(sounds.shape, (88, 6))
    np.testing.assert_array_equal(np.argwhere(sounds), [[39, 2], [51, 5]])
    self.assertEqual((left, right, low, high), (0, 6, -0.5, 87.5))
    # Note 39 is MIDI note 60, which is C4.
    names = dict(
      zip(
        axes.get_yticks(),
        [label.get_text() for label in axes.get_yticklabels()],
        strict=True,
      )
    )
    self.assertEqual(names[39], 'C4')

  def test_pieces_share_their_frames_and_notes(self):
    rolls = {'real': np.eye(9, 88), 'sample': np.eye(20, 88)}
    above, below = self.draw(rolls, given=4)
    self.assertEqual(above.get_xlim(), (0, 20))
    self.assertEqual(above.get_ylim(), below.get_ylim())
    for axes in (above, below):
      (line,) = axes.lines
      self.assertEqual(list(line.get_xdata()), [4, 4])

  def test_silence_can_be_drawn(self):
    self.assertLen(self.draw({'silence': np.zeros((3, 88))}), 1)


if __name__ == '__main__':
  absltest.main()
