"""What was read off the training part of series, for a model to read on by."""

import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax import array_files, baselines, errors
from seqjax.data.timeseries import readings, scaling

NAME = 'fitted.safetensors'


class Fitted(NamedTuple):
  """Scales and a linear map."""

  names: tuple[str, ...]  # [S], of the series
  frequency: str  # of the rows, as text
  seasons: tuple[int, ...]  # in rows
  scalings: readings.Scalings
  ridge: baselines.Ridge


def fit(
  series,
  train_rows,
  seasons: Sequence[int],
  *,
  kind: str,
  horizon: int,
  clock: str,
  kept: Fitted | None = None,
) -> Fitted:
  """Reads scales and the linear map off the first rows of each series.

  Args:
    series: `data.Series` with S names.
    train_rows: [S] how many rows may be looked at.
    seasons: in rows.
    kind: of the scaling, of `scaling.KINDS`.
    horizon: K.
    clock: of `readings.CLOCKS`, what the linear map reads of the calendar.
    kept: scales and seasons that stay; the linear map alone is fitted.
  """
  if kept is None:
    scalings = readings.fit_scalings(kind, series, train_rows)
  else:
    scalings, seasons = kept.scalings, kept.seasons
  filled = readings.fill(series, scalings, seasons)
  known = readings.known_ahead(series, scalings, seasons, horizon, clock)
  observed = [
    np.isfinite(y[: len(x)])
    for x, y in zip(filled, series.targets, strict=True)
  ]
  # Of a short series, no more weights than it has rows to fit them by.
  lags = baselines.default_lags(seasons, max(np.max(train_rows) // 3, 1))
  ridge = baselines.ridge(filled, observed, train_rows, lags, horizon, known)
  return Fitted(series.names, _steps(series), tuple(seasons), scalings, ridge)


def save(folder: pathlib.Path, fitted: Fitted) -> None:
  """Writes the file into the directory of a run."""
  arrays = {
    f'{name}_{part}': array
    for name, one in fitted.scalings._asdict().items()
    for part, array in one._asdict().items()
  }
  arrays |= {
    'seasons': np.array(fitted.seasons),
    'ridge_lags': np.array(fitted.ridge.lags),
    'ridge_weights': fitted.ridge.weights,
  }
  # In one, so that the bytes do not depend on an order.
  said = {'names': fitted.names, 'frequency': fitted.frequency}
  metadata = {'series': json.dumps(said)}
  array_files.write(folder / NAME, arrays, metadata)


def load(folder: pathlib.Path) -> Fitted:
  """Reads what `save` wrote; UserError where it is missing or damaged."""
  arrays, metadata = array_files.read(folder / NAME)
  try:
    said = json.loads(metadata['series'])
    names, frequency = tuple(said['names']), said['frequency']
    scalings = readings.Scalings(
      *(
        scaling.Scaling(arrays[f'{name}_shift'], arrays[f'{name}_scale'])
        for name in readings.Scalings._fields
      )
    )
    seasons = tuple(arrays['seasons'].tolist())
    ridge = baselines.Ridge(
      tuple(arrays['ridge_lags'].tolist()), arrays['ridge_weights']
    )
  except (KeyError, ValueError) as error:
    raise errors.UserError(
      f'{folder / NAME} is damaged: {error} is missing.'
    ) from None
  return Fitted(names, frequency, seasons, scalings, ridge)


def check_frequency(fitted: Fitted, series) -> None:
  """Refuses rows at another distance or of another clock than the run has."""
  if _steps(series) != fitted.frequency:
    raise errors.UserError(
      f'{series.name} has a row every {_steps(series)}, and the run has one '
      f'every {fitted.frequency}: other rows mean something else.'
    )


def _steps(series) -> str:
  return f'{series.frequency}{" in UTC" * series.is_utc}'


def of_series(fitted: Fitted, series, kind: str, rows) -> Fitted:
  """The same for series that may be others, or in another order.

  Args:
    fitted: of a run.
    series: `data.Series`.
    kind: of the scaling.
    rows: [S] how many rows a series that is new is scaled by.
  """
  own = readings.fit_scalings(kind, series, rows)
  place = {name: i for i, name in enumerate(fitted.names)}

  def choose(old, new):
    """Each series' own numbers, from before where there are any."""
    rows = [
      old[place[name]] if name in place else new[s]
      for s, name in enumerate(series.names)
    ]
    return np.stack(rows)

  kept = {
    kind: scaling.Scaling(
      *map(choose, getattr(fitted.scalings, kind), getattr(own, kind))
    )
    for kind in ('targets', 'past', 'known')
  }
  return fitted._replace(
    names=series.names, scalings=fitted.scalings._replace(**kept)
  )
