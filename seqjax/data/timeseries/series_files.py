"""Files of time series: a row per time, or a row per series."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from seqjax import errors
from seqjax.data import columns, delimited
from seqjax.data.timeseries import frequency as frequency_lib
from seqjax.data.timeseries import regular, series


def table_series(
  path: str | os.PathLike,
  target_columns: Sequence[str],
  *,
  time_column: str = '',
  series_column: str = '',
  past_columns: Sequence[str] = (),
  known_columns: Sequence[str] = (),
  static_columns: Sequence[str] = (),
  frequency: str = '',
) -> series.Series:
  """Reads series from a table with a row per time: CSV, TSV or Parquet.

  What is not as it should be is mended by a rule and told in a note, with how
  often and where first; or it is refused.

  * Cells are numbers, or missing: see `columns.numbers`.
  * Times are those of `clock.times`, and go forward. The rows of one time
    become their mean, of what is there; also those that come again when a local
    clock is set back (see `grid.moments`).
  * The frequency is the most frequent step of all series together, and every
    time is on a step of it. A step without a row gets an empty one. Without a
    time column every row is a step.
  * The rows of several series may stand among each other. Each series begins
    and ends where it does.
  * Rows after the last target stay: there the known covariates go on, and
    no other cell counts as missing.

  Args:
    path: the file, see `columns.read`.
    target_columns: the D columns to forecast.
    time_column: of the times; or several with commas between them, a date and a
      time, or the parts from the year on: 'year,month,day,hour'.
    series_column: says which series a row belongs to.
    past_columns: P covariates.
    known_columns: F covariates that are known ahead.
    static_columns: E covariates that are the same in all rows of a series.
    frequency: as `frequency.parse` reads it, instead of the one that is found.

  Raises:
    UserError: the file cannot be read; a cell, a time or the frequency will not
      do; a column is given twice or has no number; a series has no target; a
      static covariate has no value, or two.

  >>> import tempfile
  >>> with tempfile.TemporaryDirectory() as folder:
  ...   path = pathlib.Path(folder, 'load.csv')
  ...   _ = path.write_text('day,load\\n2024-02-28,5\\n2024-03-01,7\\n')
  ...   loads = table_series(path, ['load'], time_column='day', frequency='1d')
  >>> loads.targets[0].tolist(), str(loads.frequency)
  ([[5.0], [nan], [7.0]], '1d')
  >>> loads.notes
  ('1 time had no row: an empty one stands there (first: after \
2024-02-28 00:00:00, line 2).',)
  """
  kinds = series.Columns(
    *map(tuple, (target_columns, past_columns, known_columns, static_columns))
  )
  wanted = sum(kinds, ())
  time_columns = [name.strip() for name in time_column.split(',') if name]
  given = [*time_columns, *([series_column] if series_column else []), *wanted]
  if not kinds.targets:
    raise errors.UserError(f'expected the names of target columns in {path}.')
  for name in given:
    if given.count(name) > 1:
      raise errors.UserError(
        f'the column {name!r} is given twice: a column is the time, the '
        'series, a target or a covariate of one kind.'
      )
  step = frequency_lib.parse(frequency) if frequency else None
  table = columns.read(path, given)
  values = np.stack([columns.column_numbers(table, n) for n in wanted], axis=1)
  rows = _rows(table, series_column)
  absent = np.isnan(values)
  future = _future(rows, absent[:, : len(kinds.targets)])
  notes = []
  for name, missing in zip(wanted, absent.T, strict=True):
    if name not in kinds.known:
      missing = missing & ~future
    if count := missing.sum():
      place = table.place(int(np.argmax(missing)))
      notes.append(
        f'{count:,} cell{"s" if count > 1 else ""} of the column {name!r} had '
        f'no number (first: {place}).'
      )
  if count := future.sum():
    notes.append(
      f'{count:,} row{"" if count == 1 else "s"} after the last target '
      f'{"is" if count == 1 else "are"} to come (first: '
      f'{table.place(int(np.argmax(future)))}).'
    )
  is_utc = False
  if time_columns:
    times, tables, step, is_utc, mended = regular.regular(
      table, time_columns, values, rows, step
    )
    notes += mended
  else:
    times = [np.arange(len(some)) for some in rows.values()]
    tables = [values[some] for some in rows.values()]
  ends = np.cumsum([len(kind) for kind in kinds])[:-1]
  targets, past, known, _ = zip(
    *(np.split(one, ends, axis=1) for one in tables), strict=True
  )
  for name, target in zip(rows, targets, strict=True):
    if np.isnan(target).all():
      raise errors.UserError(
        f'the series {name!r} in {table.path} has no target: every cell of '
        f'{", ".join(kinds.targets)} is missing. Remove its rows.'
      )
  static = np.stack(
    [
      _static(table, name, some, values[some, ends[-1] :], kinds.static)
      for name, some in rows.items()
    ]
  )
  return series.signed(
    series.Series(
      names=tuple(rows),
      times=tuple(times),
      targets=targets,
      past=past,
      known=known,
      static=static,
      columns=kinds,
      frequency=step,
      name=table.path.name,
      notes=tuple(notes),
      is_utc=is_utc,
    )
  )


def _rows(table, series_column):
  """The rows of each series, in the order in which the series begin."""
  import pyarrow.compute as pc

  if not series_column:
    return {'': np.arange(len(next(iter(table.columns.values()))))}
  cells = columns.texts(table, series_column)
  cells = pc.fill_null(cells, '').combine_chunks()
  if (row := pc.index(cells, '').as_py()) >= 0:
    raise table.wrong(
      row, f'expected the name of a series in {series_column!r}, got none.'
    )
  coded = cells.dictionary_encode()
  codes = coded.indices.to_numpy()
  order = np.argsort(codes, kind='stable')
  parts = np.split(order, np.cumsum(np.bincount(codes))[:-1])
  return dict(zip(coded.dictionary.to_pylist(), parts, strict=True))


def _future(rows, absent):
  """Which rows stand after the last target of their series.

  Args:
    rows: of each series, see `_rows`.
    absent: [n, D] whether a target has no number.
  """
  future = np.zeros(len(absent), bool)
  for some in rows.values():
    seen = np.flatnonzero(~absent[some].all(axis=1))
    if seen.size:
      future[some[seen[-1] + 1 :]] = True
  return future


def _static(table, name_of_series, rows, values, names):
  """The one value [E] of each static covariate."""
  of = f' of the series {name_of_series!r}' if name_of_series else ''
  found = np.empty(len(names))
  for i, name in enumerate(names):
    seen = np.flatnonzero(~np.isnan(values[:, i]))
    if not seen.size:
      raise errors.UserError(
        f'the static column {name!r} in {table.path} has no value{of}.'
      )
    found[i] = values[seen[0], i]
    if (other := values[seen, i] != found[i]).any():
      row = seen[np.argmax(other)]
      raise table.wrong(
        int(rows[row]),
        f'the static column {name!r} has {values[row, i]:g} here and '
        f'{found[i]:g} before{of}: it is no static column, or must be mended.',
      )
  return found


def row_series(path: str | os.PathLike, frequency: str = '') -> series.Series:
  """Reads series from a table with a row per series, as M4 has it.

  The first cell is the name of the series, the others are its values in order;
  those that are missing at the end are none. The first line is a header if none
  of its values is a number.

  Args:
    path: a .csv or .tsv file, beneath .gz or .xz.
    frequency: of the values, as `frequency.parse` reads it; their times are 0
      to n - 1 all the same.

  Raises:
    UserError: the file cannot be read, or has no series; a cell is no number, a
      series has no value, or a name stands twice or not at all.
  """
  import pyarrow as pa

  step = frequency_lib.parse(frequency) if frequency else None
  path = pathlib.Path(path)
  content = delimited.read_text(path).rstrip('\n')
  mark = delimited.delimiter(path, content.partition('\n')[0])
  found, lacking, first = {}, 0, ''
  for line, row in delimited.csv_rows(path, content, mark):
    name, cells = ''.join(row[:1]).strip(), row[1:]
    if line == 1 and not any(map(columns.is_number, cells)):
      continue
    if not name or name in found:
      got = f'{name!r} again' if name else 'none'
      raise delimited.wrong(
        path, line, f'expected the name of a series in cell 1, got {got}.'
      )

    def wrong(i, problem, line=line):
      return delimited.wrong(path, line, f'cell {i + 2}: {problem}')

    values = columns.numbers(pa.array(cells, pa.string()), wrong)
    seen = np.flatnonzero(~np.isnan(values))
    if not seen.size:
      raise delimited.wrong(path, line, f'the series {name!r} has no value.')
    found[name] = values[: seen[-1] + 1, None]
    if blank := len(found[name]) - seen.size:
      lacking, first = lacking + blank, first or f'{name!r}, line {line}'
  if not found:
    raise errors.UserError(f'expected a row per series, but {path} has none.')
  notes = ()
  if lacking:
    cells = 'cell' if lacking == 1 else 'cells'
    notes = (f'{lacking:,} {cells} had no number (first: series {first}).',)
  none = tuple(np.empty((len(one), 0)) for one in found.values())
  return series.signed(
    series.Series(
      names=tuple(found),
      times=tuple(np.arange(len(one)) for one in found.values()),
      targets=tuple(found.values()),
      past=none,
      known=none,
      static=np.empty((len(found), 0)),
      columns=series.Columns(('value',)),
      frequency=step,
      name=path.name,
      notes=notes,
    )
  )
