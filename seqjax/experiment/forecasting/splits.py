"""Which rows of series are learnt from, chosen by, and measured on."""

from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data.timeseries import readings
from seqjax.data.timeseries import series as series_lib
from seqjax.experiment.forecasting import tables

# Of a series, where no number of rows is given.
VALID_SHARE, TEST_SHARE = 0.1, 0.2


class Parts(NamedTuple):
  """First and end of the rows of each series that belong to a part, [S, 2]."""

  train: np.ndarray
  valid: np.ndarray
  test: np.ndarray


def split(config: tables.Config, series, added, horizon: int) -> Parts:
  """What to learn from, to choose by, and to measure on, one after another.

  Raises:
    UserError: a part is too short for a forecast of `horizon` rows.
  """
  end = readings.num_rows(series)
  test = np.maximum(config.test_rows or added, 0)
  test = np.where(test > 0, test, np.ceil(TEST_SHARE * end).astype(int))
  if config.test_file and not added.all():
    name = series.names[int(np.argmin(added))]
    raise errors.UserError(
      f'{config.test_file} has no rows of series {name!r}: add some, or leave '
      'the series out of --train_file.'
    )
  valid = config.valid_rows or np.maximum(
    horizon, np.ceil(VALID_SHARE * end).astype(int)
  )
  bounds = np.stack([0 * end, end - test - valid, end - test, end], axis=1)
  for name, targets, own in zip(
    series.names, series.targets, bounds, strict=True
  ):
    _check_parts(series, name, targets, own, horizon)
  return Parts(*(bounds[:, i : i + 2] for i in range(3)))


def _check_parts(series, name, targets, bounds, horizon):
  """Refuses parts of a series that are too short, or nothing but gaps."""
  _, train, first, last = bounds
  of = f'series {name!r}' if name else series.name
  sizes = f'{of} has {last:,} rows: {max(train, 0):,} to learn from'
  seen = np.isfinite(targets[: max(train, 0)]).any(axis=0)
  if train > 0 and not seen.all():
    column = series.columns.targets[int(np.argmin(seen))]
    raise errors.UserError(
      f'{of} has no number of {column!r} among the {train:,} rows to learn '
      'from. Leave the column out, or the rows before its first number.'
    )
  if train < horizon + 2:
    raise errors.UserError(
      f'{sizes} are too few for a --horizon of {horizon}: {horizon + 2} are '
      'the least. Ask for less, give fewer --valid_rows and --test_rows, or '
      'leave the series out.'
    )
  for part, size in (('valid', first - train), ('test', last - first)):
    if size < horizon:
      raise errors.UserError(
        f'{sizes}, and its {part} part, {size:,} rows, is shorter than a '
        f'--horizon of {horizon}: give more --{part}_rows, or ask for less.'
      )


def describe(series: series_lib.Series, parts: Parts) -> str:
  """How many series and rows there are, and how they are parted."""
  train, valid, test = (int((part[:, 1] - part[:, 0]).sum()) for part in parts)
  many = len(series.names)
  of = f'{many:,} series' if many > 1 else 'one series'
  step = f', every {series.frequency}' if series.frequency else ''
  what = ', '.join(series.columns.targets)
  return (
    f'{series.name}: {of} of {what}{step}; rows: {train:,} to learn from, '
    f'{valid:,} to choose by, {test:,} to test on'
  )
