"""Digits on a canvas: what is said of them is what is there."""

import functools

import numpy as np
from absl.testing import absltest, parameterized

from seqjax.data.vision import digit_canvas

PARTS = ('train', 'valid', 'test')
WORDS = 'zero one two three four five six seven eight nine'.split()

parts = functools.cache(digit_canvas.digit_canvas)


def read_off(boxes, names):
  """The caption, from where digits are: the grammar told the other way."""
  rows = []
  for (top, left, *_), name in sorted(zip(boxes, names, strict=True)):
    if rows and top - rows[-1][0] <= 1:
      rows[-1][1].append((left, name))
    else:
      rows.append((top, [(left, name)]))
  article = lambda name: 'an' if name == 'eight' else 'a'
  return ' above '.join(
    ' left of '.join(f'{article(name)} {name}' for _, name in sorted(row))
    for _, row in rows
  )


class DigitCanvasTest(parameterized.TestCase):
  @parameterized.parameters(*PARTS)
  def test_the_caption_can_be_read_off_the_picture(self, part):
    whole = parts()[part]
    self.assertLen(whole.captions, digit_canvas.NUMBERS[part])
    for (text,), boxes in zip(whole.captions, whole.boxes, strict=True):
      words = text.split()
      names = [words[i] for i in boxes]
      self.assertEqual(names, [word for word in words if word in WORDS])
      self.assertEqual(read_off(list(boxes.values()), names), text)

  @parameterized.parameters(*PARTS)
  def test_boxes_are_apart_and_hold_all_that_is_drawn(self, part):
    whole = parts()[part]
    for picture, boxes in zip(whole.pictures, whole.boxes, strict=True):
      covered, around = np.zeros((2, *picture.shape), int)
      for top, left, bottom, right in boxes.values():
        covered[top:bottom, left:right] += 1
        self.assertEqual((bottom - top, right - left), (8, 8))
        # Half of what is free between it and the next.
        around[max(top - 2, 0) : bottom + 2, max(left - 2, 0) : right + 2] += 1
        self.assertTrue(picture[top:bottom, left:right].any())
      self.assertEqual(around.max(), 1)
      self.assertFalse(picture[covered == 0].any())

  def test_no_digit_is_in_two_parts(self):
    found = {
      part: {
        picture[top:bottom, left:right].tobytes()
        for picture, boxes in zip(whole.pictures, whole.boxes, strict=True)
        for top, left, bottom, right in boxes.values()
      }
      for part, whole in parts().items()
    }
    self.assertEmpty(found['train'] & (found['valid'] | found['test']))
    self.assertEmpty(found['valid'] & found['test'])
    self.assertGreater(len(found['train']), 1000)

  def test_every_layout_and_digit_is_drawn(self):
    texts = [text for (text,) in parts()['train'].captions]
    shapes = {
      tuple(row.count('left of') + 1 for row in text.split(' above '))
      for text in texts
    }
    self.assertLen(shapes, 5)
    for word in WORDS:
      share = np.mean([f' {word}' in text for text in texts])
      self.assertBetween(share, 0.15, 0.25, word)

  def test_another_seed_is_other_pictures_and_the_same_seed_the_same(self):
    small = dict.fromkeys(PARTS, 5)
    with absltest.mock.patch.object(digit_canvas, 'NUMBERS', small):
      one, again, other = map(digit_canvas.digit_canvas, (3, 3, 4))
    for part in PARTS:
      self.assertEqual(one[part].sha256, again[part].sha256)
      self.assertNotEqual(one[part].sha256, other[part].sha256)


if __name__ == '__main__':
  absltest.main()
