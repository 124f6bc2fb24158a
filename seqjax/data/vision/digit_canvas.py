"""Digits on a canvas, and the one sentence that says where they are."""

import numpy as np

from seqjax.data import splits
from seqjax.data.vision import captioned, images

# Pictures of each part. Each has handwritten digits of its own.
NUMBERS = {'train': 20_000, 'valid': 500, 'test': 1000}

# Digits in each row of the canvas.
_LAYOUTS = ((1,), (2,), (1, 1), (1, 2), (2, 1))
_WORDS = 'zero one two three four five six seven eight nine'.split()
# Of the handwritten digits, twice.
_HELD_OUT = 0.1
# A canvas is a grid of 6 x 6 cells of 4 x 4 pixels. A digit fills 2 x 2 of
# them, and between it and its neighbour one is free or more.
_CELLS, _CELL_PIXELS = 6, 4
_DIGIT_CELLS, _APART_CELLS = 2, 3


def digit_canvas(data_seed: int = 0) -> dict[str, captioned.Captioned]:
  """One to three digits in rows, described as one reads: 'train', 'valid', ...

  Pictures are of 24 x 24 pixels. Every one has exactly one right caption: rows
  from the top with 'above' between them, in each its digits from the left with
  'left of' between them, as in 'a four above a two left of an eight'.

  The parts share no digit, but their digits are by the same hands.

  Args:
    data_seed: another number, other pictures.

  Returns:
    The parts; `boxes` say where each digit that a caption names is.
  """
  both = images.digits()
  digits, labels = (
    np.concatenate([getattr(x, name) for x in both])
    for name in ('images', 'labels')
  )
  ids = {}
  rest, ids['test'] = splits.hold_out(labels, _HELD_OUT)
  train, valid = splits.hold_out(labels[rest], _HELD_OUT)
  ids |= {'train': rest[train], 'valid': rest[valid]}
  return {
    part: _draw(
      digits[ids[part]],
      labels[ids[part]],
      number,
      [data_seed, i],
      f'digit_canvas, {part}',
    )
    for i, (part, number) in enumerate(NUMBERS.items())
  }


def caption(rows) -> str:
  """The sentence for rows of digits, top row first.

  >>> caption([[4], [2, 8]])
  'a four above a two left of an eight'
  """
  return ' above '.join(
    ' left of '.join(f'{_article(digit)} {_WORDS[digit]}' for digit in row)
    for row in rows
  )


def _draw(digits, labels, number, seed, name):
  random = np.random.RandomState(seed)
  size, side = _CELLS * _CELL_PIXELS, _DIGIT_CELLS * _CELL_PIXELS
  pictures = np.zeros((number, size, size, 1), np.uint8)
  captions, boxes = [], []
  for picture in pictures:
    layout = _LAYOUTS[random.randint(len(_LAYOUTS))]
    rows, found = [], []
    for top, num_digits in zip(
      _starts(random, len(layout)), layout, strict=True
    ):
      chosen = random.randint(len(digits), size=num_digits)
      for i, left in zip(chosen, _starts(random, num_digits), strict=True):
        picture[top : top + side, left : left + side, 0] = digits[i]
        found.append((top, left, top + side, left + side))
      rows.append(labels[chosen])
    text = caption(rows)
    captions.append((text,))
    named = [i for i, word in enumerate(text.split()) if word in _WORDS]
    boxes.append(dict(zip(named, found, strict=True)))
  names = [str(i) for i in range(number)]
  return captioned.collect(pictures, captions, names, name, boxes=boxes)


def _starts(random, number):
  """The first pixel of so many digits in a row, or of so many rows."""
  free = _CELLS - (number - 1) * _APART_CELLS - _DIGIT_CELLS
  cells = np.sort(random.randint(free + 1, size=number))
  return ((cells + _APART_CELLS * np.arange(number)) * _CELL_PIXELS).tolist()


def _article(digit):
  return 'an' if _WORDS[digit].startswith('e') else 'a'
