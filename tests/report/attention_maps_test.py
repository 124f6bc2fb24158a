"""The figure of what is written against what is read."""

import pathlib
import tempfile

import drawn
import numpy as np
from absl.testing import absltest

from seqjax.report import attention_maps


class DrawTest(absltest.TestCase):
  def draw(self, *looks):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path = pathlib.Path(folder, 'figures', 'attention.png')
    _, fig = drawn.draw(attention_maps.draw, path, looks)
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    return fig.axes

  def test_a_row_is_what_is_written_and_a_column_what_is_read(self):
    weights = np.array([[0.75, 0.25, 0], [0, 0.5, 0.5]])
    look = attention_maps.Look(['a', 'b', 'c'], ['A', 'end'], weights)
    axes, _ = self.draw(look)
    np.testing.assert_array_equal(axes.images[0].get_array(), weights)
    self.assertEqual(axes.images[0].get_clim(), (0, 1))
    names = axes.get_xlabel(), axes.get_ylabel()
    self.assertEqual(names, ('read', 'written'))
    for labels, tokens in (
      (axes.get_xticklabels(), look.read),
      (axes.get_yticklabels(), look.written),
    ):
      self.assertEqual([x.get_text() for x in labels], tokens)

  def test_texts_of_any_length_stand_in_one_figure(self):
    *panels, bar = self.draw(
      *(
        attention_maps.Look(['x'] * s, ['y'] * t, np.full((t, s), 1 / s))
        for s, t in ((1, 1), (9, 2), (3, 12))
      )
    )
    self.assertEqual(
      [x.images[0].get_array().shape for x in panels if x.images],
      [(1, 1), (2, 9), (12, 3)],
    )
    self.assertEqual(bar.get_ylabel(), 'attention')

  def test_what_would_stop_the_drawing_is_escaped(self):
    look = attention_maps.Look(['$a', '\n'], ['b$'], np.full((1, 2), 0.5))
    axes, _ = self.draw(look)
    labels = [x.get_text() for x in axes.get_xticklabels()]
    self.assertEqual(labels, [r'\$a', r'\n'])


if __name__ == '__main__':
  absltest.main()
