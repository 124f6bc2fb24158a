"""The figure of a sweep's learning curves."""

import math
import pathlib
from collections.abc import Sequence

import numpy as np

from seqjax.report import figures, scales, sweep_panels
from seqjax.training import logs


def learning_curves(
  directory, groups: Sequence, *, metric: str, higher_is_better: bool = False
) -> pathlib.Path:
  """Draws the metric over the steps, coloured by each setting in turn.

  A line is the median over the seeds, in a band from the least to the greatest.
  A trial without a score is a dashed line of its own, up to its mark, and does
  not widen the axis. Where no trial logs the metric on its way, that of the
  same name in the part 'valid' is drawn. Trials that log neither are counted.

  Args:
    directory: of the sweep; reads metrics.jsonl of each trial.
    groups: at least one; see `sweep_panels`.
    metric: its name.
    higher_is_better: as of an accuracy; else as of a loss.

  Returns:
    The path of the figure, figures/learning_curves.png in the directory.

  Raises:
    UserError: a metrics.jsonl is damaged.
  """
  metric, curves = _read(pathlib.Path(directory), groups, metric)
  fig, panels = sweep_panels.panels(groups)
  colours = {
    name: _colour(fig, axes, groups, name) for name, axes in panels.items()
  }
  for name, axes in panels.items():
    for group in reversed(groups):  # The best above all others.
      _draw_group(axes, group, curves, colours[name](group), len(groups) > 12)
  limits = _limit(axes, groups, curves, higher_is_better)
  for name, axes in panels.items():
    for group in groups:
      _draw_others(axes, group, curves, colours[name](group), limits)
  if not any(curves.values()):
    axes.set(xticks=[], yticks=[])
  without = sum(not curve for curve in curves.values())
  note = f'{without} of {len(curves)} trials have no curve' if without else ''
  sweep_panels.finish(fig, panels, metric, note)
  return figures.save(fig, directory, 'learning_curves')


def _read(directory, groups, metric):
  """The metric drawn, and for each trial its finite values by step."""
  records = {}
  for name in (name for group in groups for name in group.names):
    path = directory / name / 'metrics.jsonl'
    # What failed may not have come so far.
    records[name] = logs.read_metrics(path) if path.exists() else []
  for drawn in (metric, f'valid/{metric.rpartition("/")[2]}'):
    curves = {
      name: {
        line['step']: line[drawn]
        for line in lines
        if math.isfinite(line.get(drawn, math.nan))
      }
      for name, lines in records.items()
    }
    if any(curves.values()):
      return drawn, curves
  return metric, curves


def _colour(fig, axes, groups, name):
  """Gives group -> its colour by a setting, and draws the scale of it."""
  from matplotlib import cm, colors

  scale = sweep_panels.scale(groups, name)
  shades = colors.ListedColormap(
    sweep_panels.colours(len(scale.values) if scale.is_strip else 256)
  )
  axes.set_title(name.replace('_', ' '), fontsize=10)
  axes.set_xlabel('step')
  bar = fig.colorbar(cm.ScalarMappable(cmap=shades), ax=axes, aspect=30)
  places, shown = zip(*scale.ticks(), strict=True)
  bar.set_ticks(places, labels=shown, fontsize=sweep_panels.font_size(shown))
  bar.outline.set_visible(False)
  return lambda group: shades(scale.at(sweep_panels.settings(group)[name]))


def _limit(axes, groups, curves, higher_is_better):
  """Keeps the axis to what is drawn already; gives its ends.

  Where no trial is done nothing is, and there are none.
  """
  drawn = [
    x
    for group in groups
    for curve in _done(group, curves)
    for x in curve.values()
  ]
  if not drawn:
    return -math.inf, math.inf
  if scales.is_wide(drawn) and not higher_is_better:
    axes.set_yscale('log')
  axes.set_ylim(axes.get_ylim())
  return axes.get_ylim()


def _done(group, curves):
  return [
    curves[name]
    for name, status in zip(group.names, group.statuses, strict=True)
    if status == 'done'
  ]


def _draw_group(axes, group, curves, colour, many):
  """The median and the range, at each step, of the trials that are done."""
  found = _done(group, curves)
  steps = sorted(set().union(*found))
  values = [[x[step] for x in found if step in x] for step in steps]
  axes.plot(
    steps,
    [np.median(x) for x in values],
    color=colour,
    linewidth=0.9 if many else 1.5,
    alpha=0.7 if many else 1,
    zorder=2.5,
  )
  if len(found) > 1:
    axes.fill_between(
      steps,
      *([end(x) for x in values] for end in (min, max)),
      color=colour,
      alpha=0.1 if many else 0.25,
      linewidth=0,
    )


def _draw_others(axes, group, curves, colour, limits):
  """Each trial without a score, and where it ended."""
  for name, status in zip(group.names, group.statuses, strict=True):
    if status == 'done' or not curves[name]:
      continue
    steps, values = zip(*sorted(curves[name].items()), strict=True)
    axes.plot(steps, values, color=colour, linewidth=0.8, linestyle='--')
    ink, marker = sweep_panels.OFF_AXIS[status]
    axes.plot(
      steps[-1],
      np.clip(values[-1], *limits),
      linestyle='',
      marker=marker,
      markersize=6,
      color=ink,
      clip_on=False,
      zorder=3,
      label=status,
    )
