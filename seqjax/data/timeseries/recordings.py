"""Series in which something may have happened, and where somebody says it did.

Every row is a step: nothing is put into gaps, and no two rows become one, so
that each row that arrives gets a score of its own.
"""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax.data import columns
from seqjax.data.timeseries import clock, grid, series_files
from seqjax.data.timeseries import series as series_lib


class Recording(NamedTuple):
  """S series of rows, and the events in them.

  Args:
    series: targets alone; its own times are the counts that the rows have, or
      else their numbers.
    times: S arrays [n] datetime64[s], which may repeat or leave out some; None
      where the rows have no times, or counts.
    events: S arrays [E, 2] integers, first and end of the rows of each; None
      where nobody has looked for any.
  """

  series: series_lib.Series
  times: tuple[np.ndarray, ...] | None
  events: tuple[np.ndarray, ...] | None


def recording(series: series_lib.Series, times=None) -> Recording:
  """The recording of series whose only past column, if any, is the label.

  Args:
    series: labels are 1 in the rows of an event and 0 elsewhere. Its `sha256`
      covers them.
    times: as above.
  """
  events = None
  if series.columns.past:
    events = tuple(_stretches(label[:, 0] > 0) for label in series.past)
  bare = series._replace(
    past=tuple(label[:, :0] for label in series.past),
    columns=series.columns._replace(past=()),
  )
  return Recording(bare, times, events)


def table_recording(
  path: str | os.PathLike,
  value_columns: Sequence[str],
  *,
  time_column: str = '',
  series_column: str = '',
  label_column: str = '',
  counts: bool = False,
) -> Recording:
  """Reads a table with a row per time: CSV, TSV or Parquet.

  Cells are numbers or missing, see `columns.numbers`. Times go forward, or
  repeat; see `clock.times` for how they are written, and `grid.moments` for the
  hour that comes twice when a clock is set back. Counts are no times.

  Args:
    path: the file.
    value_columns: D columns to watch.
    time_column: of the times, or several, as in `series_files.table_series`.
    series_column: says which series a row belongs to.
    label_column: 1 in the rows of an event, 0 in others; '' if there is none.
    counts: as for `times_of`.

  Raises:
    UserError: as `series_files.table_series`; a time is earlier than the one
      before, or a label neither 0 nor 1.

  >>> import pathlib, tempfile
  >>> with tempfile.TemporaryDirectory() as folder:
  ...   path = pathlib.Path(folder, 'heat.csv')
  ...   text = 'day,heat,odd\\n2024-01-01,5,0\\n2024-01-02,9,1\\n'
  ...   _ = path.write_text(text)
  ...   heat = table_recording(
  ...     path, ['heat'], time_column='day', label_column='odd'
  ...   )
  >>> heat.times[0].astype('datetime64[D]').tolist()[0], heat.events[0].tolist()
  (datetime.date(2024, 1, 1), [[1, 2]])
  """
  series = series_files.table_series(
    path,
    value_columns,
    series_column=series_column,
    past_columns=[label_column] if label_column else (),
  )
  time_columns = [name.strip() for name in time_column.split(',') if name]
  table = columns.read(path, [*time_columns, series_column or value_columns[0]])
  rows = [np.arange(len(series.times[0]))]
  if series_column:
    of_row = _texts(table.columns[series_column])
    rows = [np.flatnonzero(of_row == name) for name in series.names]
  for labels, places in zip(series.past, rows, strict=True):
    _check_labels(table, label_column, labels, places)
  if not time_columns:
    return recording(series)
  times, has_offset = times_of(table, time_columns, counts)
  for places in rows:
    grid.moments(
      times[places],
      has_offset,
      lambda row, problem, places=places: table.wrong(
        int(places[row]), problem
      ),
    )
  each = tuple(times[places] for places in rows)
  if times.dtype.kind == 'M':
    return recording(series, each)
  return recording(series._replace(times=each))


def times_of(
  table: columns.Table, names: Sequence[str], counts: bool
) -> tuple[np.ndarray, bool]:
  """As `clock.times`, which guesses what whole numbers are, unless told.

  Args:
    table: has these columns.
    names: of the columns of the times.
    counts: whole numbers are counts, even where they read as years or dates.
  """
  if counts and len(names) == 1:
    texts = _texts(table.columns[names[0]]).tolist()
    if all(re.fullmatch(r'-?\d{1,18}', text or '') for text in texts):
      return np.array(texts, np.int64), False
  return clock.times(table, names)


def _texts(cells):
  import pyarrow as pa
  import pyarrow.compute as pc

  return np.array(pc.utf8_trim_whitespace(cells.cast(pa.string())).to_pylist())


def _check_labels(table, name, labels, places):
  """Refuses what is neither 0 nor 1 among labels [n, 0 or 1]."""
  odd = np.flatnonzero(~np.isin(labels, (0, 1)).all(axis=1))
  if odd.size:
    label = labels[odd[0], 0]
    got = 'none' if np.isnan(label) else f'{label:g}'
    raise table.wrong(
      int(places[odd[0]]),
      f'expected a label in {name!r}, 1 where something happened and 0 '
      f'elsewhere, got {got}.',
    )


def _stretches(flags):
  """First and end [E, 2] of the rows that are True side by side."""
  edges = np.diff(np.pad(flags.astype(np.int8), 1))
  return np.stack([np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)], 1)
