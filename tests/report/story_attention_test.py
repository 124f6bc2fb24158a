"""The figure of stories and what counted in them."""

import tempfile

import drawn
import numpy as np
from absl.testing import absltest

from seqjax.data.text import questions
from seqjax.report import story_attention

STORY = ('Ann went out.', 'Bob sat down.', 'Ann came $ in. ' + 'x' * 80)
WEIGHTS = np.array([[0.5, 0.25, 0.25], [0, 0.1, 0.9]])


def answered(answer='in', story=STORY, weights=WEIGHTS):
  question = questions.Question(story, 'Where is Ann?', 'in', (0, 2), 'kind')
  return story_attention.Answered(question, answer, weights)


class DrawTest(absltest.TestCase):
  def draw(self, *rows):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    path, fig = drawn.draw(story_attention.draw, folder, rows)
    self.assertEqual(path.name, 'attention.png')
    self.assertStartsWith(path.read_bytes(), b'\x89PNG')
    return fig.axes

  def test_a_row_is_a_sentence_and_a_column_a_hop(self):
    (axes,) = self.draw(answered())
    np.testing.assert_array_equal(axes.images[0].get_array(), WEIGHTS.T)
    self.assertEqual(axes.images[0].get_clim(), (0, 1))
    labels = axes.get_yticklabels()
    self.assertEqual(labels[0].get_text(), STORY[0])
    self.assertLess(len(labels[2].get_text()), 70)
    weights = [label.get_fontweight() for label in labels]
    self.assertEqual(weights, ['bold', 'normal', 'bold'])
    hops = [label.get_text() for label in axes.get_xticklabels()]
    self.assertEqual(hops, ['hop 1', 'hop 2'])
    self.assertEqual(axes.get_title(), 'Where is Ann? in')

  def test_a_wrong_answer_says_so(self):
    (axes,) = self.draw(answered('out'))
    self.assertEqual(axes.get_title(), 'Where is Ann? out (wrong: in)')

  def test_stories_of_any_length_stand_in_one_figure(self):
    long = answered(story=STORY * 4, weights=np.full((2, 12), 1 / 12))
    *panels, empty = self.draw(answered(), long, answered())
    self.assertEqual([len(x.get_yticks()) for x in panels], [3, 12, 3])
    self.assertFalse(empty.axison)


if __name__ == '__main__':
  absltest.main()
