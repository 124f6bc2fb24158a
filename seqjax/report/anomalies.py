"""Figures of what is not normal."""

import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax.report import figures

_ALARM, _EVENT = 'C3', 'C1'


class Panel(NamedTuple):
  """A stretch of one series, and what was said of its n rows."""

  title: str
  times: np.ndarray  # [n] datetime64, or numbers
  values: np.ndarray  # [n], NaN where missing
  expected: np.ndarray  # [n]
  scores: np.ndarray  # [n], NaN where there is none
  flags: np.ndarray  # [n] bool
  threshold: float  # of the scores
  events: np.ndarray  # [E, 2], first and end of the rows that are labelled
  label: str = ''  # of the values: their name and unit


def anomaly_figure(
  directory, panels: Sequence[Panel], name: str = 'anomalies'
) -> pathlib.Path:
  """Draws series with their flagged moments, and below each its scores.

  Args:
    directory: of the run.
    panels: at least one.
    name: of the file.

  Returns:
    The path of the figure, figures/<name>.png in the directory.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  fig = figure.Figure(figsize=(10, 1 + 2.6 * len(panels)), layout='constrained')
  parts = fig.subfigures(len(panels), 1, squeeze=False)[:, 0]
  for i, (part, panel) in enumerate(zip(parts, panels, strict=True)):
    upper, lower = part.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    _draw_values(upper, panel)
    _draw_scores(lower, panel)
    if i == 0:
      # Above the first panel, where no line runs.
      upper.legend(
        loc='lower right',
        bbox_to_anchor=(1, 1),
        ncols=4,
        frameon=False,
        fontsize=8,
        borderaxespad=0.2,
      )
  return figures.save(fig, directory, name)


def _draw_values(axes, panel):
  # Beneath, or it would hide the values where both agree.
  axes.plot(
    panel.times,
    panel.expected,
    color='C0',
    linewidth=0.8,
    alpha=0.45,
    label='expected',
  )
  axes.plot(
    panel.times, panel.values, color='0.2', linewidth=0.8, label='value'
  )
  _draw_events(axes, panel)
  flagged = np.where(panel.flags, panel.values, np.nan)
  axes.plot(
    panel.times, flagged, '.', color=_ALARM, markersize=4, label='flagged'
  )
  seen = panel.values[np.isfinite(panel.values)]
  if seen.size:
    # What was expected after a spike must not press the values together.
    room = 0.08 * (np.ptp(seen) or 1)
    axes.set_ylim(seen.min() - room, seen.max() + room)
  axes.set_title(figures.drawable(panel.title, 80), loc='left', fontsize=10)
  axes.set_ylabel(figures.drawable(panel.label, 24))
  _clean(axes)


def _draw_scores(axes, panel):
  axes.plot(panel.times, panel.scores, color='0.4', linewidth=0.8)
  _draw_events(axes, panel)
  if np.isfinite(panel.threshold):
    axes.axhline(panel.threshold, color=_ALARM, linewidth=0.8, linestyle=':')
  axes.set_ylabel('score')
  _clean(axes)
  figures.label_times(axes, panel.times, 'row')


def _draw_events(axes, panel):
  for i, (first, end) in enumerate(panel.events):
    axes.axvspan(
      panel.times[first],
      panel.times[end - 1],
      color=_EVENT,
      alpha=0.25,
      linewidth=0,
      label=None if i else 'labelled',
    )


def _clean(axes):
  axes.margins(x=0.01)
  axes.spines[['top', 'right']].set_visible(False)
