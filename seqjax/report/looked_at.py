"""Pictures, and where a model looked in them for each word."""

import pathlib
from collections.abc import Sequence

import numpy as np

from seqjax.report import figures

_COLUMNS = 6


def draw(path, picture: np.ndarray, words: Sequence[str], attention) -> None:
  """Draws a picture, then for each word what it was that counted for it.

  Args:
    path: of the figure.
    picture: [H, W, 1 or 3] uint8.
    words: n of them, as titles.
    attention: [n, h, w], of the regions into which h rows and w columns of
      equal size part the picture. The region that counted most for a word is
      the reddest, whatever its weight.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  columns = min(len(words) + 1, _COLUMNS)
  rows = -(-(len(words) + 1) // columns)
  fig = figure.Figure(figsize=(1.8 * columns, 2 * rows), layout='constrained')
  panels = fig.subplots(rows, columns, squeeze=False).ravel()
  grey = {'cmap': 'gray', 'vmin': 0, 'vmax': 255}
  for axes in panels:
    axes.set_axis_off()
  height, width = picture.shape[:2]
  shown = picture[..., 0] if picture.shape[-1] == 1 else picture
  for axes in panels[: len(words) + 1]:
    axes.imshow(shown, extent=(0, width, height, 0), **grey)
  named = panels[1 : len(words) + 1]
  for axes, word, weights in zip(named, words, attention, strict=True):
    axes.set_title(figures.drawable(word), fontsize=10)
    axes.imshow(
      weights,
      cmap='Reds',
      alpha=np.asarray(weights / weights.max()) * 0.7,
      extent=(0, width, height, 0),
      interpolation='nearest',
    )
  path = pathlib.Path(path)
  path.parent.mkdir(exist_ok=True)
  fig.savefig(path, dpi=120)
