"""All figures of a sweep."""

import pathlib
from collections.abc import Sequence

from seqjax.report import sweep_coordinates, sweep_curves, sweep_scores


def draw(
  directory, groups: Sequence, *, metric: str, higher_is_better: bool = False
) -> list[pathlib.Path]:
  """Draws scores, learning curves and coordinates, by setting.

  Args:
    directory: of the sweep, which holds those of its trials.
    groups: at least one, as of `seqjax.sweeps.summary.groups`.
    metric: its name.
    higher_is_better: as of an accuracy; else as of a loss.

  Returns:
    The paths of the figures, in figures/ in the directory.

  Raises:
    UserError: the metrics.jsonl of a trial is damaged.
  """
  options = {'metric': metric, 'higher_is_better': higher_is_better}
  return [
    draw_one(directory, groups, **options)
    for draw_one in (
      sweep_scores.metric_by_setting,
      sweep_curves.learning_curves,
      sweep_coordinates.parallel_coordinates,
    )
  ]
