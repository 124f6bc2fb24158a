"""The rows of a series on a regular grid: repeated times, gaps, order."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data.timeseries import clock
from seqjax.data.timeseries import frequency as frequency_lib

_HOUR = np.timedelta64(3600, 's')
# No clock is set back twice in so short a time.
_APART = np.timedelta64(86_400, 's')
# A year that is mistyped must not fill the memory.
_MOST_PER_ROW, _MOST = 100, 100_000


class Moments(NamedTuple):
  """The different times of a series, and which rows have them.

  Args:
    times: [m] ascending without repetition.
    first_row: [m] the first row of each time.
    of_row: [n] the place of each row's time among them.
    set_back: [m] whether the time came again because a clock was set back.
  """

  times: np.ndarray
  first_row: np.ndarray
  of_row: np.ndarray
  set_back: np.ndarray

  def repeated(self) -> np.ndarray:
    """[m] whether a time has several rows."""
    return np.bincount(self.of_row) > 1

  def mean(self, values: np.ndarray) -> np.ndarray:
    """The mean of what the rows of each time have.

    Args:
      values: [n, C], NaN where missing.

    Returns:
      [m, C], NaN where all are missing.
    """
    seen = ~np.isnan(values)
    sums, counts = (
      np.stack(
        [np.bincount(self.of_row, column) for column in weights.T], axis=1
      )
      for weights in (np.where(seen, values, 0), seen)
    )
    return np.divide(
      sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0
    )


def moments(
  times: np.ndarray,
  has_offset: bool,
  wrong: Callable[[int, str], errors.UserError],
) -> Moments:
  """Checks that times go forward, and gathers the rows of each.

  A local time may step back by an hour at most to one that has been, once in a
  day: the clock was set back, and times come again until the hour is made up.

  Args:
    times: [n] as `clock.times` gives them.
    has_offset: they are UTC, so that no clock was set back.
    wrong: makes the error of a row from its index and what is wrong with it.

  Raises:
    UserError: a row is earlier than the one before it.
  """
  local = times.dtype.kind == 'M' and not has_offset
  again = np.zeros(len(times), bool)
  before = None
  for row in np.flatnonzero(times[1:] < times[:-1]) + 1:
    now, latest = times[row], times[row - 1]
    if not (
      local
      and latest - now <= _HOUR
      and (before is None or now - before >= _APART)
      and (times[:row] == now).any()
    ):
      now, latest = clock.written(np.array([now, latest]))
      raise wrong(
        int(row),
        f'the time goes back from {latest} to {now}: sort the rows by time, '
        'or name the column that tells several series apart.',
      )
    later = np.flatnonzero(times[row:] > latest)
    again[row : row + later[0] if later.size else None] = True
    before = latest
  different, first_row, of_row = np.unique(
    times, return_index=True, return_inverse=True
  )
  set_back = np.zeros(len(different), bool)
  set_back[of_row[again]] = True
  # A time of that hour that came but once was missing before it.
  set_back &= np.bincount(of_row) > 1
  return Moments(different, first_row, of_row, set_back)


def positions(
  found: Moments,
  step: frequency_lib.Frequency,
  wrong: Callable[[int, str], errors.UserError],
) -> np.ndarray:
  """The place of each time on the grid that begins at the first.

  Args:
    found: with times as datetime64[s].
    step: of the grid.
    wrong: as for `moments`.

  Returns:
    [m] integers from 0, ascending.

  Raises:
    UserError: a time is on no step of the grid, or the grid is far longer than
      the rows are many.
  """
  places = step.positions(found.times)
  if (off := np.flatnonzero(places < 0)).size:
    now, begin = clock.written(found.times[[off[0], 0]])
    raise wrong(
      int(found.first_row[off[0]]),
      f'unknown frequency: steps of {step} from {begin} on do not come to '
      f'{now}. Mend the time, give another frequency, or leave the time '
      'column out, and every row is a step.',
    )
  if places[-1] > _MOST_PER_ROW * len(places) + _MOST:
    last = int(np.argmax(np.diff(places)))
    after, now = clock.written(found.times[[last, last + 1]])
    raise wrong(
      int(found.first_row[last + 1]),
      f'steps of {step} make {places[-1] + 1:,} rows of {len(places):,}, and '
      f'the longest gap is from {after} to {now}: mend the time, or give '
      'another frequency.',
    )
  return places
