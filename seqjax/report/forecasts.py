"""Figures of forecasts: beside the truth, and how they worsen with the lead."""

import pathlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from seqjax.report import figures

_MODEL = 'C0'
# The points of more stand too close together to be told apart.
_MOST_MARKERS = 150


class Panel(NamedTuple):
  """A stretch of one series with what was forecast for it.

  All arrays are [n]. NaN stands where there is nothing: no observation, or no
  forecast.
  """

  title: str
  times: np.ndarray  # datetime64, or numbers
  truth: np.ndarray
  point: np.ndarray
  # Coverage in (0, 1) -> lower and upper ends.
  bands: Mapping[float, tuple[np.ndarray, np.ndarray]] = {}
  # Times of the last values that forecasts knew; none to mark nothing.
  origins: Sequence = ()
  label: str = ''  # of the values: their name and unit


def forecast_figure(
  directory, panels: Sequence[Panel], name: str = 'forecast'
) -> pathlib.Path:
  """Draws forecasts with their bands over the truth, one panel below another.

  Args:
    directory: of the run.
    panels: at least one.
    name: of the file.

  Returns:
    The path of the figure, figures/<name>.png in the directory.
  """
  # Not pyplot: it would look for a display, and keep figures alive.
  from matplotlib import figure

  fig = figure.Figure(figsize=(9, 1 + 2.2 * len(panels)), layout='constrained')
  rows = fig.subplots(len(panels), 1, squeeze=False)[:, 0]
  for axes, panel in zip(rows, panels, strict=True):
    _draw(axes, panel)
  # Once for all panels, which may have different bands.
  found = [axes.get_legend_handles_labels() for axes in rows]
  by_label = {
    label: handle
    for handles, labels in found
    for handle, label in zip(handles, labels, strict=True)
  }
  fig.legend(
    by_label.values(),
    by_label.keys(),
    loc='outside upper right',
    ncols=len(by_label),
    frameon=False,
    fontsize=9,
  )
  return figures.save(fig, directory, name)


def error_by_lead(
  directory,
  errors: Mapping[str, np.ndarray],
  *,
  metric: str,
  step: str = '',
  name: str = 'error_by_lead',
) -> pathlib.Path:
  """Draws how the error grows with the lead, of a model and its baselines.

  The axis ends at twice the model's largest error, so that one bad baseline
  does not press the others together.

  Args:
    directory: of the run.
    errors: whose -> [K], from one step ahead to K; the first is the model.
    metric: what they are, such as 'mae'.
    step: how long one step is, such as '1h'.
    name: of the file.

  Returns:
    The path of the figure, figures/<name>.png in the directory.
  """
  from matplotlib import figure, ticker

  fig = figure.Figure(figsize=(7, 4), layout='constrained')
  axes = fig.subplots()
  errors = {whose: np.asarray(values) for whose, values in errors.items()}
  # Of those that are no NaN; the first is the model's.
  largest = [np.fmax.reduce(values, initial=0) for values in errors.values()]
  top = min(2 * largest[0], 1.05 * max(largest))
  for i, (whose, values) in enumerate(errors.items()):
    axes.plot(
      np.arange(1, len(values) + 1),
      values,
      'o-' if i == 0 else '.--',
      color=f'C{i}',
      linewidth=2 if i == 0 else 1,
      markersize=4,
      # Over the others where they agree.
      zorder=2 + (i == 0),
      label=figures.drawable(whose, 40) + ' (above)' * all(values > top),
    )
  axes.set_ylim(0, top if 0 < top < np.inf else 1)
  axes.xaxis.set_major_locator(ticker.MaxNLocator(integer=True))
  axes.set_xlabel('steps ahead' + (f', of {step} each' if step else ''))
  axes.set_ylabel(metric.replace('_', ' '))
  axes.spines[['top', 'right']].set_visible(False)
  fig.legend(loc='outside right upper', frameon=False, fontsize=9)
  return figures.save(fig, directory, name)


def _draw(axes, panel: Panel) -> None:
  """One panel: bands, then truth and forecast, then where it began."""

  times = np.asarray(panel.times)
  marker = {'marker': '.', 'markersize': 4}
  marker = marker if len(times) <= _MOST_MARKERS else {}
  widest_first = sorted(panel.bands.items(), reverse=True)
  for i, (coverage, ends) in enumerate(widest_first):
    axes.fill_between(
      times,
      # An end at infinity has no place on the axis.
      *(np.where(np.isfinite(end), end, np.nan) for end in ends),
      color=_MODEL,
      alpha=min(0.2 + 0.2 * i, 0.6),
      linewidth=0,
      label=f'{100 * coverage:g} % band',
    )
  axes.plot(
    times, panel.truth, color='0.15', linewidth=1, label='truth', **marker
  )
  axes.plot(
    times, panel.point, color=_MODEL, linewidth=1.6, label='forecast', **marker
  )
  for origin in panel.origins:
    axes.axvline(
      origin,
      color='0.4',
      linewidth=0.8,
      linestyle=':',
      label='last value known',
    )
  axes.set_title(figures.drawable(panel.title, 80), loc='left', fontsize=10)
  axes.set_ylabel(figures.drawable(panel.label, 30))
  axes.margins(x=0.01)
  axes.spines[['top', 'right']].set_visible(False)
  figures.label_times(axes, times, 'step')
