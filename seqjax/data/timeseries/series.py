"""Time series on a regular grid, with covariates."""

import hashlib
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data.timeseries import clock
from seqjax.data.timeseries import frequency as frequency_lib


class Columns(NamedTuple):
  """The names of the columns of each kind."""

  targets: tuple[str, ...]
  past: tuple[str, ...] = ()
  known: tuple[str, ...] = ()
  static: tuple[str, ...] = ()


class Series(NamedTuple):
  """S series that share a frequency, each with n rows of its own.

  Args:
    names: S of them, ('',) where they have none.
    times: S arrays [n]: datetime64[s] on every step from the first to the last,
      local or UTC as the file has them; int64 on such a grid where times are
      counts, and 0 to n - 1 where there are none.
    targets: S arrays [n, D] float64, NaN where missing. Rows after the last
      observed target are the future.
    past: S arrays [n, P], covariates that are known up to now; NaN as above.
    known: S arrays [n, F], covariates that are known ahead; NaN as above.
    static: [S, E], what is the same in every row of a series.
    columns: the names of the D, P, F and E columns.
    frequency: of the rows; None where times are integers and nobody said.
    name: of the file.
    sha256: of names, times and numbers, not of the bytes of a file.
    notes: a sentence for everything that was missing or mended.
    is_utc: the times had an offset, and were taken to UTC.
  """

  names: tuple[str, ...]
  times: tuple[np.ndarray, ...]
  targets: tuple[np.ndarray, ...]
  past: tuple[np.ndarray, ...]
  known: tuple[np.ndarray, ...]
  static: np.ndarray
  columns: Columns
  frequency: frequency_lib.Frequency | None
  name: str
  sha256: str = ''
  notes: tuple[str, ...] = ()
  is_utc: bool = False


_BY_ROW = ('times', 'targets', 'past', 'known')


def signed(series: Series) -> Series:
  """The series with its `sha256`."""
  digest = hashlib.sha256()
  names = series.names, tuple(series.columns), str(series.frequency)
  digest.update(repr(names).encode())
  values = *series.targets, *series.past, *series.known, series.static
  for array in (*series.times, *values):
    digest.update(repr((array.shape, array.dtype.kind)).encode())
    if array.dtype.kind == 'f':
      # NaN has many patterns of bits, and -0 is 0.
      array = np.where(np.isnan(array), np.nan, array + 0.0).astype('<f8')
    digest.update(array.astype(array.dtype.newbyteorder('<')).tobytes())
  return series._replace(sha256=digest.hexdigest())


def head(series: Series, num: int) -> Series:
  """The first rows of every series."""
  first = {
    kind: tuple(array[:num] for array in getattr(series, kind))
    for kind in _BY_ROW
  }
  return signed(series._replace(**first))


def apart(series: Series) -> Series:
  """Each target column as a series of its own, with all the covariates.

  >>> rows = np.arange(2)
  >>> empty = (np.zeros((2, 0)),)
  >>> both = Series(
  ...   ('',), (rows,), (np.ones((2, 2)),), empty, empty, np.zeros((1, 0)),
  ...   Columns(('load', 'oil')), None, 'table',
  ... )
  >>> apart(both).names, apart(both).targets[0].shape
  (('load', 'oil'), (2, 1))
  """
  columns = series.columns.targets
  repeated = {
    kind: tuple(x for x in getattr(series, kind) for _ in columns)
    for kind in ('times', 'past', 'known')
  }
  return signed(
    series._replace(
      names=tuple(
        f'{name} {column}'.strip()
        for name in series.names
        for column in columns
      ),
      targets=tuple(
        y[:, d : d + 1] for y in series.targets for d in range(len(columns))
      ),
      static=np.repeat(series.static, len(columns), axis=0),
      columns=series.columns._replace(targets=('value',)),
      **repeated,
    )
  )


def _clock(series):
  return f'times {"in UTC, with" if series.is_utc else "without"} an offset'


def follow(first: Series, more: Series) -> Series:
  """The rows of `more` after those of `first`, series by series.

  A series without rows in `more` stays as it is, and a note says so. Times that
  are integers go on where they ended; others must.

  Raises:
    UserError: `more` has another series, other columns, another frequency or
      another clock (UTC, and local time), does not begin one step after the
      end, or differs in a static covariate.
  """
  for what, one, other in (
    ('columns', first.columns, more.columns),
    ('frequency', first.frequency, more.frequency),
    ('clock', _clock(first), _clock(more)),
  ):
    if one != other:
      raise errors.UserError(
        f'expected {more.name} to have the {what} of {first.name}, {one}, got '
        f'{other}.'
      )
  places = {name: i for i, name in enumerate(first.names)}
  joined = {kind: list(getattr(first, kind)) for kind in _BY_ROW}
  for j, name in enumerate(more.names):
    if name not in places:
      problem = errors.unknown('series', name, first.names)
      raise errors.UserError(
        f'{more.name} goes on with the series of {first.name}. {problem}'
      )
    i = places[name]
    times = frequency_lib.following(
      first.times[i], first.frequency, len(more.times[j])
    )
    if times.dtype.kind == 'M' and times[0] != more.times[j][0]:
      expected, got = clock.written(np.array([times[0], more.times[j][0]]))
      raise errors.UserError(
        f'expected the series {name!r} to go on in {more.name} at {expected}, '
        f'one step after its end in {first.name}, got {got}.'
      )
    if not np.array_equal(first.static[i], more.static[j]):
      raise errors.UserError(
        f'expected the series {name!r} to keep its static covariates '
        f'{first.static[i]} in {more.name}, got {more.static[j]}.'
      )
    joined['times'][i] = np.concatenate([first.times[i], times])
    for kind in ('targets', 'past', 'known'):
      joined[kind][i] = np.concatenate(
        [joined[kind][i], getattr(more, kind)[j]]
      )
  notes = first.notes + more.notes
  if absent := sorted(set(first.names) - set(more.names)):
    notes += (
      f'{len(absent):,} of {len(first.names):,} series have no rows in '
      f'{more.name} (first: {absent[0]!r}).',
    )
  joined = {kind: tuple(arrays) for kind, arrays in joined.items()}
  return signed(first._replace(**joined, notes=notes))
