"""What was read off the training part of series, for a model to read on by."""

import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax import array_files, baselines, errors
from seqjax.data import readings, scaling

NAME = 'fitted.safetensors'


class Fitted(NamedTuple):
  """Scales and a linear map."""

  names: tuple[str, ...]  # [S], of the series
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
) -> Fitted:
  """Reads scales and the linear map off the first rows of each series.

  Args:
    series: `data.Series` with S names.
    train_rows: [S] how many rows may be looked at.
    seasons: in rows.
    kind: of the scaling, of `scaling.KINDS`.
    horizon: K.
    clock: of `readings.CLOCKS`, what the linear map reads of the calendar.
  """
  scalings = readings.fit_scalings(kind, series, train_rows)
  filled = readings.fill(series, scalings, seasons)
  known = readings.known_ahead(series, scalings, seasons, horizon, clock)
  observed = [
    np.isfinite(y[: len(x)])
    for x, y in zip(filled, series.targets, strict=True)
  ]
  # Of a short series, no more weights than it has rows to fit them by.
  lags = baselines.default_lags(seasons, max(np.max(train_rows) // 3, 1))
  ridge = baselines.ridge(filled, observed, train_rows, lags, horizon, known)
  return Fitted(series.names, scalings, ridge)


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
  metadata = {'names': json.dumps(fitted.names)}
  array_files.write(folder / NAME, arrays, metadata)


def load(folder: pathlib.Path) -> Fitted:
  """Reads what `save` wrote; UserError where it is missing or damaged."""
  arrays, metadata = array_files.read(folder / NAME)
  try:
    names = tuple(json.loads(metadata['names']))
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
  return Fitted(names, scalings, ridge)


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
