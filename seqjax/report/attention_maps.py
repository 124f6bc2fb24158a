"""What is written against what is read: where each step looked."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax.report import figures

_COLUMNS = 2


class Look(NamedTuple):
  """One text that was read, what was written, and where that looked."""

  read: Sequence[str]  # [S] tokens
  written: Sequence[str]  # [T] tokens
  weights: np.ndarray  # [T, S], from 0 to 1


def draw(path, looks: Sequence[Look]) -> None:
  """Draws maps: a row for each token written, a column for each token read.

  Args:
    path: of the figure.
    looks: at least one, of tokens; the darker, the more a token counted.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  columns = min(len(looks), _COLUMNS)
  rows = -(-len(looks) // columns)
  widest = max(len(look.read) for look in looks)
  tallest = max(len(look.written) for look in looks)
  fig = figure.Figure(
    figsize=(columns * (2 + 0.3 * widest), rows * (1.5 + 0.25 * tallest)),
    layout='constrained',
  )
  panels = fig.subplots(rows, columns, squeeze=False).ravel()
  for axes in panels[len(looks) :]:
    axes.set_axis_off()
  for axes, look in zip(panels, looks, strict=False):
    image = axes.imshow(look.weights, cmap='Blues', vmin=0, vmax=1)
    for place, tokens in ((axes.xaxis, look.read), (axes.yaxis, look.written)):
      place.set_ticks(range(len(tokens)), list(map(figures.drawable, tokens)))
    axes.tick_params(axis='x', labelrotation=90, top=True, labeltop=True)
    axes.tick_params(axis='x', bottom=False, labelbottom=False)
    axes.xaxis.set_label_position('top')
    axes.set(xlabel='read', ylabel='written')
  fig.colorbar(image, ax=panels.tolist(), label='attention', shrink=0.5)
  path = pathlib.Path(path)
  path.parent.mkdir(exist_ok=True)
  # Long tokens stand outside of what the layout knows of.
  fig.savefig(path, dpi=120, bbox_inches='tight')
