"""Series as a model reads them: scaled, without gaps, the clock beside."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax.data.timeseries import calendar, filling, frequency, scaling
from seqjax.data.timeseries import series as series_lib

# The time of day and the day of the week; that of the year as well.
CLOCKS = ('none', 'week', 'year')
# Of a covariate, in deviations: a mistyped one must not drown the others.
_FARTHEST = 5.0


class Readings(NamedTuple):
  """One series of n rows as a model reads it, all numbers scaled, float32.

  K rows follow the last one, for what is known of them: targets there are not
  observed.
  """

  values: np.ndarray  # [n + K, D], the targets, filled where missing
  observed: np.ndarray  # [n + K, D] bool
  past: np.ndarray  # [n + K, P], covariates known up to now only
  known: np.ndarray  # [n + K, F], covariates known ahead
  ahead: np.ndarray  # [n, K, G], what else is known of the K rows ahead
  base: np.ndarray  # [n, K, D], forecasts that the model begins from
  static: np.ndarray  # [E]
  scale: np.ndarray  # [D], of a scaled 1 in the units of the target


def num_rows(series: series_lib.Series) -> np.ndarray:
  """[S] rows up to the last that holds a target; the future may follow."""
  return np.array(
    [
      np.flatnonzero(np.isfinite(y).any(axis=1)).max(initial=-1) + 1
      for y in series.targets
    ]
  )


class Scalings(NamedTuple):
  """Of the columns of a kind, each by the training part alone."""

  targets: scaling.Scaling
  past: scaling.Scaling
  known: scaling.Scaling
  static: scaling.Scaling


def fit_scalings(kind: str, series: series_lib.Series, rows) -> Scalings:
  """Reads the scalings off the first rows of each series.

  Args:
    kind: of the targets, see `scaling.fit`. Covariates are brought to mean 0
      and deviation 1; the static ones over all series.
    series: with S names.
    rows: [S] how many rows may be looked at.
  """
  standard = lambda values: scaling.fit(values, rows, 'standard')
  static = scaling.fit([series.static], [len(series.static)], 'standard')
  return Scalings(
    scaling.fit(series.targets, rows, kind),
    standard(series.past),
    standard(series.known),
    static,
  )


def fill(series, scalings: Scalings, seasons) -> list[np.ndarray]:
  """The targets [n, D] of every series, scaled and without gaps."""
  return [
    filling.fill(scalings.targets.apply(y[:n], s), seasons)
    for s, (y, n) in enumerate(
      zip(series.targets, num_rows(series), strict=True)
    )
  ]


def known_ahead(
  series: series_lib.Series,
  scalings: Scalings,
  seasons: Sequence[int],
  horizon: int,
  clock: str = 'week',
) -> list[np.ndarray]:
  """What is known ahead of every row and of K more, scaled, S of [n + K, F].

  The covariates of the series, and what the clock says. What nobody has said of
  a covariate is filled as a target would be.

  Args:
    series: with S names.
    scalings: of its columns.
    seasons: in rows, to fill what is missing.
    horizon: K.
    clock: of `CLOCKS`, what of the calendar is told.
  """
  found = []
  for s, n in enumerate(num_rows(series)):
    num = n + horizon
    given = _scaled(scalings.known, series.known[s][:num], s)
    unsaid = np.full((num - len(given), given.shape[1]), np.nan)
    columns = [filling.fill(np.concatenate([given, unsaid]), seasons)]
    if clock != 'none':
      columns.append(_clock(series, seasons, s, num, clock == 'year'))
    found.append(np.concatenate(columns, axis=1))
  return found


def _clock(series, seasons, s, num, of_year):
  """What the clock says of the rows, or their count where there is none."""
  times = times_ahead(series, s, num)
  if times.dtype.kind == 'M':
    return calendar.features(times, series.frequency, of_year)[0]
  return calendar.phases(times - times[0], seasons)[0]


def times_ahead(series: series_lib.Series, s: int, num: int) -> np.ndarray:
  """The times of rows 0 .. `num` - 1 of a series, beyond its last as well."""
  times = series.times[s]
  more = max(num - len(times), 0)
  later = frequency.following(times, series.frequency, more)
  return np.concatenate([times, later])[:num]


def readings(
  series: series_lib.Series,
  scalings: Scalings,
  filled: Sequence[np.ndarray],
  known: Sequence[np.ndarray],
  changes: Sequence[np.ndarray],
  ahead: Sequence[np.ndarray],
  base: Sequence[np.ndarray],
) -> list[Readings]:
  """The series as a model reads them.

  Args:
    series: with S names.
    scalings: of its columns.
    filled: S arrays [n, D], of `fill`.
    known: S arrays [n + K, F], of `known_ahead`.
    changes: S arrays [n, C], read beside the covariates known up to now.
    ahead: S arrays [n, K, G], what else is known of the rows ahead.
    base: S arrays [n, K, D], scaled forecasts to begin from.
  """
  found = []
  static = np.nan_to_num(scalings.static.apply(series.static, 0))
  for s, (y, start) in enumerate(zip(filled, base, strict=True)):
    n, horizon = start.shape[:2]
    room = ((0, horizon), (0, 0))
    past = filling.fill(_scaled(scalings.past, series.past[s][:n], s))
    past = np.concatenate([past, changes[s]], axis=1)
    arrays = Readings(
      values=np.pad(y, room),
      observed=np.pad(np.isfinite(series.targets[s][:n]), room),
      past=np.pad(past, room),
      known=known[s],
      ahead=ahead[s],
      base=start,
      static=static[s],
      scale=scalings.targets.scale[s],
    )
    found.append(
      Readings(
        *(x if x.dtype == bool else x.astype(np.float32) for x in arrays)
      )
    )
  return found


def _scaled(scaling, values, s):
  """Covariates of a series; what lies far out is read as it would be nearer."""
  return np.clip(scaling.apply(values, s), -_FARTHEST, _FARTHEST)
