"""Pictures, and where a model looked in them for each word."""

import pathlib
from collections.abc import Sequence

import numpy as np

from seqjax.report import figures

_COLUMNS = 6
_OPACITY = 0.6  # of the attention above the picture


def draw(path, picture: np.ndarray, words: Sequence[str], attention) -> None:
  """Draws a picture, then for each word how much each region counted for it.

  The brighter a region, the more it counted, on one scale for all words; that
  which counted most is framed. The picture beneath is grey, so that all colour
  is attention.

  Args:
    path: of the figure.
    picture: [H, W, 1 or 3] uint8.
    words: n of them, as titles.
    attention: [n, h, w], of the regions into which h rows and w columns of
      equal size part the picture; the regions of a word sum to 1. What is not
      finite stays grey.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  attention = np.asarray(attention)
  columns = min(len(words) + 1, _COLUMNS)
  rows = -(-(len(words) + 1) // columns)
  height, width = picture.shape[:2]
  fig = figure.Figure(
    figsize=(1.5 * columns + 1, 0.3 + 1.5 * rows * height / width + 0.3 * rows),
    layout='constrained',
  )
  panels = fig.subplots(rows, columns, squeeze=False).ravel()
  for axes in panels:
    axes.set_axis_off()
  place = {'extent': (0, width, height, 0), 'interpolation': 'nearest'}
  grey = {'cmap': 'gray', 'vmin': 0, 'vmax': 255} | place
  panels[0].set_title('(picture)', fontsize=10)
  panels[0].imshow(
    picture[..., 0] if picture.shape[-1] == 1 else picture, **grey
  )
  finite = attention[np.isfinite(attention)]
  scale = {'cmap': 'viridis', 'vmin': 0, 'vmax': finite.max(initial=0) or 1}
  named = panels[1 : len(words) + 1]
  for axes, word, weights in zip(named, words, attention, strict=True):
    axes.set_title(figures.drawable(word), fontsize=10)
    axes.imshow(picture.mean(axis=-1), **grey)
    shown = axes.imshow(weights, alpha=_OPACITY, **scale, **place)
    if weights.max() > 0:  # And not NaN.
      _frame(axes, weights, height, width)
  bar = fig.colorbar(
    shown, ax=panels.tolist(), label='share of the attention', shrink=0.8
  )
  bar.solids.set_alpha(1)
  path = pathlib.Path(path)
  path.parent.mkdir(exist_ok=True)
  fig.savefig(path, dpi=100)


def _frame(axes, weights, height, width):
  from matplotlib import patches

  rows, columns = weights.shape
  row, column = divmod(int(weights.argmax()), columns)
  y, x = height / rows, width / columns
  axes.add_patch(
    patches.Rectangle(
      (column * x, row * y), x, y, fill=False, edgecolor='white', linewidth=1.5
    )
  )
