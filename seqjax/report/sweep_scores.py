"""The figure of a sweep's metric against each setting."""

import collections
import math
import pathlib
from collections.abc import Sequence

import numpy as np

from seqjax.report import figures, scales, sweep_panels

# Its multiples spread evenly, however many there are.
_GOLDEN = (math.sqrt(5) - 1) / 2


def metric_by_setting(
  directory, groups: Sequence, *, metric: str, higher_is_better: bool = False
) -> pathlib.Path:
  """Draws the metric against each setting, one panel each.

  A dot is a trial. The best mean at each value has its 95 % interval: as a bar,
  or as a band along a line where groups share numbers. Above a panel stand the
  trials that have no score, or one far worse than the others.

  Args:
    directory: of the sweep.
    groups: at least one; see `sweep_panels`.
    metric: its name.
    higher_is_better: as of an accuracy; else as of a loss.

  Returns:
    The path of the figure, figures/metric_by_setting.png in the directory.
  """
  trials = sweep_panels.trials(groups, higher_is_better)
  scores = [x.score for x in trials if x.status == 'done']
  fig, panels = sweep_panels.panels(groups)
  for name, axes in panels.items():
    axes.margins(y=0.1)
    _draw_scores(axes, trials, name, sweep_panels.scale(groups, name))
  if not scores:
    axes.set_yticks([])
  elif scales.is_wide(scores) and not higher_is_better:
    axes.set_yscale('log')
  axes.set_ylim(axes.get_ylim())  # What is far worse leaves it.
  for name, axes in panels.items():
    scale = sweep_panels.scale(groups, name)
    _draw_means(axes, groups, name, scale)
    _draw_off_axis(axes, trials, name, scale)
    sweep_panels.label(axes, scale, name)
  sweep_panels.finish(fig, panels, metric)
  return figures.save(fig, directory, 'metric_by_setting')


def _draw_scores(axes, trials, name, scale):
  """A dot for each trial; in a strip they stand beside one another."""
  done = [x for x in trials if x.status == 'done']
  if not done:
    return
  places = np.array([scale.at(x.settings[name]) for x in done])
  if scale.is_strip:
    spread = (_GOLDEN * np.arange(len(done)) + 0.5) % 1 - 0.5
    places += 0.6 * spread / len(scale.values)
  axes.plot(
    places,
    [x.score for x in done],
    linestyle='',
    marker='o',
    markersize=4,
    markeredgewidth=0,
    color='C0',
    alpha=0.45,
    label='trial',
  )


def _draw_means(axes, groups, name, scale):
  """The best mean at each value, where it is of several seeds or values."""
  best = {}
  for group in groups:
    best.setdefault(sweep_panels.settings(group)[name], group)
  best = {value: best[value] for value in scale.values if best[value].finite}
  # Drawn at random, hardly two trials have a number in common.
  shared = 2 * len(scale.values) <= len(groups) or len(groups[0].settings) < 2
  several = any(len(group.finite) > 1 for group in groups)
  if not best or not (shared or several):
    return
  places = np.array([scale.at(value) for value in best])
  means = np.array([group.mean for group in best.values()])
  widths = np.nan_to_num([group.half_width for group in best.values()])
  along = shared and not scale.is_strip
  if along:
    axes.fill_between(
      places, means - widths, means + widths, color='C1', alpha=0.25, lw=0
    )
  axes.errorbar(
    places,
    means,
    None if along else widths,
    linestyle='-' if along else '',
    linewidth=1.4,
    marker='D',
    markersize=4.5,
    capsize=3,
    color='C1',
    markeredgecolor='black',
    markeredgewidth=0.5,
    label='best mean, 95 % interval' if several else 'best',
  )


def _draw_off_axis(axes, trials, name, scale):
  """Above the panel a mark at each value, with how many trials it stands for.

  Each way to end has a line of its own.
  """
  ends = {x.status for x in trials}
  lines = [x for x in sweep_panels.OFF_AXIS if x in ends]
  for i, status in enumerate(lines):
    colour, marker = sweep_panels.OFF_AXIS[status]
    height = 1.04 + 0.06 * i
    counts = collections.Counter(
      scale.at(x.settings[name]) for x in trials if x.status == status
    )
    axes.plot(
      list(counts),
      [height] * len(counts),
      transform=axes.get_xaxis_transform(),
      clip_on=False,
      linestyle='',
      marker=marker,
      markersize=5,
      color=colour,
      label=status,
    )
    for place, count in counts.items():
      if count > 1:
        axes.annotate(
          f'{count}',
          (place, height),
          xycoords=axes.get_xaxis_transform(),
          xytext=(5, 0),
          textcoords='offset points',
          fontsize=7,
          color=colour,
          va='center',
        )
