"""What the figures of a sweep have in common: a panel for each setting.

A group, here and in the figures, is what `seqjax.sweeps.summary` makes: trials
that differ in the seed alone. Groups come with the best first.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqjax.report import scales

# How a trial that has no place on the axis ended -> its colour and marker.
OFF_AXIS = {
  'far worse': ('C0', '^'),
  'diverged': ('C3', 'x'),
  'failed': ('0.3', '+'),
}
_COLUMNS = 3
_PALEST = 0.92  # of viridis, whose end cannot be seen on white
# So many characters of labels have room side by side.
_SIDE_BY_SIDE = 46
# Times as far from the best as three quarters are: what is worse would press
# the others together.
_FAR = 6


class Trial(NamedTuple):
  """What figures show of a trial: `status` is 'done' or of `OFF_AXIS`."""

  settings: Mapping[str, Any]
  score: float
  status: str


def settings(group) -> dict[str, Any]:
  """What a group sets; never nothing, so that there is something to draw."""
  return dict(group.settings) or {'settings': 'all the same'}


def trials(groups: Sequence, higher_is_better: bool) -> list[Trial]:
  """All trials of the groups, in their order."""
  sign = -1 if higher_is_better else 1
  costs = [sign * x for group in groups for x in group.finite]
  worst = math.inf
  if costs:
    best, most = np.quantile(costs, [0, 0.75])
    worst = best + _FAR * (most - best) if most > best else math.inf
  return [
    Trial(
      settings(group), score, 'far worse' if sign * score > worst else status
    )
    for group in groups
    for score, status in zip(group.scores, group.statuses, strict=True)
  ]


def scale(groups: Sequence, name: str) -> scales.Scale:
  """Where the groups' values of a setting stand."""
  return scales.Scale(settings(group)[name] for group in groups)


def colours(n: int) -> np.ndarray:
  """n colours, [n, 4], from dark to light, told apart without seeing hue."""
  import matplotlib

  return matplotlib.colormaps['viridis'](np.linspace(0, _PALEST, n))


def panels(groups: Sequence):
  """A figure, and its axes by setting; all have the same vertical axis."""
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  names = list(settings(groups[0]))
  columns = min(len(names), _COLUMNS)
  rows = -(-len(names) // columns)
  fig = figure.Figure(
    figsize=(1 + 3.6 * columns + 1.4 * (columns == 1), 0.8 + 3 * rows),
    layout='constrained',
  )
  axes = fig.subplots(rows, columns, sharey=True, squeeze=False).ravel()
  for panel in axes:
    panel.spines[['top', 'right']].set_visible(False)
  for unused in axes[len(names) :]:
    unused.set_visible(False)
  return fig, dict(zip(names, axes, strict=False))


def font_size(labels: Sequence[str]) -> int:
  """In points, of the labels along an axis."""
  return 8 if len(labels) <= 20 else 6


def label(axes, scale: scales.Scale, name: str) -> None:
  """Puts the scale of a setting below a panel."""
  places, shown = zip(*scale.ticks(), strict=True)
  crowded = scale.is_strip and sum(len(x) + 2 for x in shown) > _SIDE_BY_SIDE
  rotation, size = 90 if crowded else 0, font_size(shown)
  axes.set_xticks(places, shown, fontsize=size, rotation=rotation)
  axes.set_xlim(-0.05, 1.05)
  axes.set_xlabel(name.replace('_', ' '))


def finish(fig, panels, metric: str, note: str = '') -> None:
  """Names the vertical axes, and says once what the marks are."""
  for axes in panels.values():
    if axes.get_subplotspec().is_first_col():
      axes.set_ylabel(metric.replace('_', ' '))
  by_label = {
    label: handle
    for axes in panels.values()
    for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
  }
  fig.legend(
    by_label.values(),
    by_label.keys(),
    title=note,
    loc='outside upper right',
    ncols=max(len(by_label), 1),
    frameon=False,
    fontsize=9,
    title_fontsize=9,
  )
