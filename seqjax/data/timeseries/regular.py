"""The rows of a table as regular series, and what had to be mended for it."""

from collections.abc import Iterator, Sequence

import numpy as np

from seqjax import errors
from seqjax.data import columns
from seqjax.data.timeseries import clock, grid
from seqjax.data.timeseries import frequency as frequency_lib


def regular(
  table: columns.Table,
  time_columns: Sequence[str],
  values: np.ndarray,
  rows: dict[str, np.ndarray],
  step: frequency_lib.Frequency | None,
) -> tuple[list, list, frequency_lib.Frequency | None, bool, Iterator[str]]:
  """Each series on every step from its first time to its last.

  Args:
    table: has the time columns.
    time_columns: see `clock.times`.
    values: [n, C] of all rows.
    rows: which of them belong to each series, in the order of the file.
    step: the frequency; None finds it.

  Returns:
    The S arrays of times [m] and values [m, C], the frequency, which is None
    where times are counts and none was given, whether times are UTC because
    they had an offset, and notes.

  Raises:
    UserError: as `clock.times`, `grid.moments` and `grid.positions` do; or no
      frequency is to be found; or the one that is given leaves most rows empty
      where a coarser one fits all times.
  """
  times, has_offset = clock.times(table, time_columns)

  def refusal(name):
    def wrong(row, problem):
      which = f'series {name!r}: ' if name else ''
      return table.wrong(int(rows[name][row]), f'{which}{problem}')

    return wrong

  found = {
    name: grid.moments(times[some], has_offset, refusal(name))
    for name, some in rows.items()
  }
  dated = times.dtype.kind == 'M'
  grid_step = (step if dated else None) or frequency_lib.infer(
    *(one.times for one in found.values())
  )
  if grid_step is None and dated:
    raise errors.UserError(
      f'unknown frequency: all rows of {table.path} have the time '
      f'{clock.written(times[:1])[0]}, or no series has two. Say which '
      'frequency it is.'
    )
  grid_step = grid_step or frequency_lib.Frequency(1, '')
  all_times, all_values, places = [], [], {}
  for name, one in found.items():
    places[name] = grid.positions(one, grid_step, refusal(name))
  if step and dated:
    _check_given(table, step, found, places)
  for name, one in found.items():
    all_times.append(grid_step.at(one.times, np.arange(places[name][-1] + 1)))
    full = np.full((len(all_times[-1]), values.shape[1]), np.nan)
    full[places[name]] = one.mean(values[rows[name]])
    all_values.append(full)
  notes = _notes(table, found, places, rows)
  frequency = grid_step if dated else step
  return all_times, all_values, frequency, has_offset, notes


def _check_given(table, step, found, places):
  """Refuses a frequency that is finer than the rows are."""
  rows = sum(int(at[-1]) + 1 for at in places.values())
  empty = rows - sum(len(at) for at in places.values())
  if 2 * empty <= rows:
    return
  times = [one.times for one in found.values()]
  fits = frequency_lib.infer(*times)
  if fits != step and all((fits.positions(some) >= 0).all() for some in times):
    raise errors.UserError(
      f'expected the frequency of {table.path}, whose times are on steps of '
      f'{fits}, got {step}, which would leave {empty:,} of {rows:,} rows '
      f'empty: give {fits}, or leave the frequency out.'
    )


def _notes(table, found, places, rows):
  kinds = (
    (
      'came again when a clock was set back: the mean of their rows is taken',
      lambda one, _: one.set_back.astype(int),
      '',
    ),
    (
      'came more than once: the mean of their rows is taken',
      lambda one, _: (one.repeated() & ~one.set_back).astype(int),
      '',
    ),
    (
      'had no row: an empty one stands there',
      lambda _, at: np.diff(at, append=at[-1] + 1) - 1,
      'after ',
    ),
  )
  for what, count, where in kinds:
    total, first = 0, None
    for name, one in found.items():
      counts = count(one, places[name])
      total += counts.sum()
      if counts.any():
        i = int(np.argmax(counts > 0))
        row = int(rows[name][one.first_row[i]])
        if first is None or row < first[0]:
          of = f'series {name!r}, ' if name else ''
          first = row, f'{of}{where}{clock.written(one.times[i : i + 1])[0]}'
    if total:
      yield (
        f'{total:,} time{"s" if total > 1 else ""} {what} (first: {first[1]}, '
        f'{table.place(first[0])}).'
      )
