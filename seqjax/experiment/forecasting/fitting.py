"""What was read off the training part of series, for a model to read on by."""

import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax import array_files, baselines, errors
from seqjax.data import calendar, readings, scaling

NAME = 'fitted.safetensors'


class Fitted(NamedTuple):
  """Scales and a linear map."""

  names: tuple[str, ...]  # [S], of the series
  scalings: readings.Scalings
  of_year: bool  # whether the training part has seen a year
  ridge: baselines.Ridge


def fit(
  series,
  train_rows,
  seasons: Sequence[int],
  *,
  kind: str,
  context: int,
  horizon: int,
  of_day: bool,
) -> Fitted:
  """Reads scales and the linear map off the first rows of each series.

  Args:
    series: `data.Series` with S names.
    train_rows: [S] how many rows may be looked at.
    seasons: in rows.
    kind: of the scaling, of `scaling.KINDS`.
    context: how many rows back the linear map may look.
    horizon: K.
    of_day: whether the linear map reads what the clock says.
  """
  scalings = readings.fit_scalings(kind, series, train_rows)
  filled = readings.fill(series, scalings, seasons)
  of_year = any(
    calendar.spans_a_year(times[:n])
    for times, n in zip(series.times, train_rows, strict=True)
  )
  known = readings.known_ahead(
    series, scalings, seasons, horizon, of_day=of_day, of_year=of_year
  )
  observed = [
    np.isfinite(y[: len(x)])
    for x, y in zip(filled, series.targets, strict=True)
  ]
  lags = baselines.default_lags(seasons, context + 1)
  ridge = baselines.ridge(filled, observed, train_rows, lags, horizon, known)
  return Fitted(series.names, scalings, of_year, ridge)


def save(folder: pathlib.Path, fitted: Fitted) -> None:
  """Writes the file into the directory of a run."""
  arrays = {
    f'{name}_{part}': array
    for name, one in fitted.scalings._asdict().items()
    for part, array in one._asdict().items()
  }
  arrays |= {
    'ridge_lags': np.array(fitted.ridge.lags),
    'ridge_weights': fitted.ridge.weights,
  }
  # In one, so that the bytes do not depend on an order.
  said = {'names': fitted.names, 'of_year': fitted.of_year}
  metadata = {'series': json.dumps(said)}
  array_files.write(folder / NAME, arrays, metadata)


def load(folder: pathlib.Path) -> Fitted:
  """Reads what `save` wrote; UserError where it is missing or damaged."""
  arrays, metadata = array_files.read(folder / NAME)
  try:
    said = json.loads(metadata['series'])
    names, of_year = tuple(said['names']), bool(said['of_year'])
    scalings = readings.Scalings(
      *(
        scaling.Scaling(arrays[f'{name}_shift'], arrays[f'{name}_scale'])
        for name in readings.Scalings._fields
      )
    )
    ridge = baselines.Ridge(
      tuple(arrays['ridge_lags'].tolist()), arrays['ridge_weights']
    )
  except (KeyError, ValueError) as error:
    raise errors.UserError(
      f'{folder / NAME} is damaged: {error} is missing.'
    ) from None
  return Fitted(names, scalings, of_year, ridge)


def of_series(fitted: Fitted, series, kind: str) -> Fitted:
  """The same for series that may be others, or in another order.

  One that is new is scaled by all the rows that it has.
  """
  own = readings.fit_scalings(kind, series, readings.num_rows(series))
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
