"""The figure of a sweep as lines through settings."""

import pathlib
import textwrap
from collections.abc import Sequence

import numpy as np

from seqjax.report import figures, scales, sweep_panels

# Of the height, so that trials that have a value in common are not one line.
_SPREAD = 0.04


def parallel_coordinates(
  directory, groups: Sequence, *, metric: str, higher_is_better: bool = False
) -> pathlib.Path:
  """Draws each trial as a line through its settings to its score.

  The darker, the better, by rank. Trials without a score, or with one far worse
  than the others, are dashed, and end beyond the axis.

  Args:
    directory: of the sweep.
    groups: at least one; see `sweep_panels`.
    metric: its name.
    higher_is_better: as of an accuracy; else as of a loss.

  Returns:
    The path of the figure, figures/parallel_coordinates.png in the directory.
  """
  from matplotlib import figure

  trials = sweep_panels.trials(groups, higher_is_better)
  names = list(trials[0].settings)
  fig = figure.Figure(
    figsize=(2.4 + 1.6 * len(names), 4.6), layout='constrained'
  )
  axes = fig.subplots()
  axes.set_axis_off()
  for i, name in enumerate(names):
    _draw_axis(axes, i, name, sweep_panels.scale(groups, name).ticks())
  scores = [x.score for x in trials if x.status == 'done']
  last = scales.Scale(scores or [0.0], logarithm=not higher_is_better)
  _draw_axis(axes, len(names), metric, last.ticks() if scores else [])
  ends = {}
  for status in sweep_panels.OFF_AXIS:
    if any(x.status == status for x in trials):
      height = 1.1 + 0.07 * len(ends)
      ends[status] = 1 - height if higher_is_better else height
      colour, _ = sweep_panels.OFF_AXIS[status]
      _write(axes, len(names), ends[status], status, color=colour, fontsize=9)
  columns = [sweep_panels.scale(groups, name) for name in names]
  _draw_trials(axes, trials, columns, last, ends, higher_is_better)
  axes.set_xlim(-0.3, len(names) + 0.5)
  heights = [-_SPREAD, 1 + _SPREAD, *ends.values()]
  axes.set_ylim(min(heights), max(heights))
  return figures.save(fig, directory, 'parallel_coordinates')


def _draw_trials(axes, trials, columns, last, ends, higher_is_better):
  ranked = sorted(
    {x.score for x in trials if x.status == 'done'}, reverse=higher_is_better
  )
  colours = dict(zip(ranked, sweep_panels.colours(len(ranked)), strict=True))
  offsets = _SPREAD * (np.linspace(0, 1, len(trials)) - 0.5)
  for offset, (settings, score, status) in zip(offsets, trials, strict=True):
    places = [
      scale.at(value) + offset
      for scale, value in zip(columns, settings.values(), strict=True)
    ]
    done = status == 'done'
    axes.plot(
      [*places, last.at(score) if done else ends[status]],
      color=colours[score] if done else sweep_panels.OFF_AXIS[status][0],
      linestyle='-' if done else '--',
      linewidth=1.3 if len(trials) <= 60 else 0.8,
      alpha=0.85 if done else 0.6,
      # The best above all others.
      zorder=3 - ranked.index(score) / len(ranked) if done else 1,
    )


def _draw_axis(axes, place, name, ticks):
  axes.plot([place, place], [0, 1], color='0.2', linewidth=1, zorder=4)
  for height, shown in ticks:
    axes.plot([place - 0.02, place], [height] * 2, color='0.2', lw=1, zorder=4)
    size = sweep_panels.font_size(ticks)
    _write(axes, place, height, shown, color='0.1', fontsize=size)
  axes.annotate(
    textwrap.fill(name.replace('_', ' '), 14),
    (place, 0),
    xycoords=axes.get_xaxis_transform(),
    xytext=(0, -8),
    textcoords='offset points',
    ha='center',
    va='top',
    fontsize=9,
  )


def _write(axes, place, height, shown, **options):
  """Text beside an axis, readable above the lines."""
  if shown:
    axes.annotate(
      shown,
      (place, height),
      xytext=(4, 0),
      textcoords='offset points',
      va='center',
      zorder=5,
      bbox={'facecolor': 'white', 'alpha': 0.75, 'linewidth': 0, 'pad': 1},
      **options,
    )
