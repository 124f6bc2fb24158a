"""The step of a regular series: so many seconds, or so many calendar months."""

import re
from typing import NamedTuple

import numpy as np

from seqjax import errors

# The first name of a unit is the one that `str` writes.
_UNITS = {
  'year': (12, 'M'),
  'quarter': (3, 'M'),
  'month': (1, 'M'),
  'w': (604_800, 's'),
  'd': (86_400, 's'),
  'h': (3600, 's'),
  'min': (60, 's'),
  's': (1, 's'),
  'week': (604_800, 's'),
  'day': (86_400, 's'),
  'hour': (3600, 's'),
  'minute': (60, 's'),
  'second': (1, 's'),
}
# 1,000 years: many such steps still fit a datetime64[s].
_LONGEST = {'s': 1000 * 31_622_400, 'M': 1000 * 12}
# No month is shorter.
_SHORTEST_MONTH = np.timedelta64(28, 'D')


class Frequency(NamedTuple):
  """A step in time.

  A step of months keeps the time of day and the day of the month; a day that a
  month does not have is the last that it has. Times that are all the last day
  of their month stay so.

  Args:
    count: at least 1.
    unit: 's' for seconds, 'M' for calendar months, '' for the steps of a grid
      of integers.

  >>> [str(Frequency(*step)) for step in [(900, 's'), (86_400, 's'), (3, 'M')]]
  ['15min', '1d', '1quarter']
  """

  count: int
  unit: str

  def __str__(self) -> str:
    for name, (size, unit) in _UNITS.items():
      if unit == self.unit and self.count % size == 0:
        return f'{self.count // size}{name}'
    return str(self.count)

  def positions(self, times: np.ndarray) -> np.ndarray:
    """How many steps each time lies after the first, -1 where it is on no step.

    Args:
      times: [n] datetime64[s], or integers, ascending.

    >>> months = np.array(['2020-01-31', '2020-02-29', '2020-05-31'], 'M8[s]')
    >>> Frequency(1, 'M').positions(months)
    array([0, 1, 4])
    """
    if self.unit != 'M':
      distance, on_step = (times - times[0]).astype(np.int64), True
    else:
      months = _months(times)
      distance = months - months[0]
      on_step = times == _in_months(months, _day(times), _clock(times[0]))
    return np.where(
      on_step & (distance % self.count == 0), distance // self.count, -1
    )

  def at(self, times: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """The times at positions of the grid that `times` are on; 0 is the first.

    Args:
      times: [n] datetime64[s], or integers, ascending.
      positions: integers of any shape.

    >>> Frequency(1, 'M').at(np.array(['2019-12-31'], 'M8[s]'), [2]).tolist()
    [datetime.datetime(2020, 2, 29, 0, 0)]
    """
    steps = np.asarray(positions, np.int64) * self.count
    if self.unit != 'M':
      return times[0] + (steps.astype('m8[s]') if self.unit else steps)
    months = _months(times[0]) + steps
    return _in_months(months, _day(times), _clock(times[0]))

  def add(self, times: np.ndarray, n) -> np.ndarray:
    """The times n steps later.

    Args:
      times: [n] datetime64[s] on steps of this frequency, ascending; or one.
      n: an integer, or integers that broadcast with `times`.
    """
    times = np.asarray(times, 'M8[s]')
    some = np.atleast_1d(times)
    return self.at(some, self.positions(some).reshape(times.shape) + n)


def parse(text: str) -> Frequency:
  """The frequency that a person writes.

  A whole number, 1 if there is none, and a unit: s, min, h, d, w, month,
  quarter or year, or a longer name of it, in one or several: '15min', 'hours'.

  Raises:
    UserError: it is none, or longer than 1,000 years.

  >>> parse('15 min'), parse('week'), parse('2 quarters')
  (Frequency(count=900, unit='s'), Frequency(count=604800, unit='s'), \
Frequency(count=6, unit='M'))
  """
  number, name = re.fullmatch(
    r'\s*(\d{0,12})\s*(.*?)\s*', text.casefold(), re.DOTALL
  ).groups()
  if name not in _UNITS:
    name = name.removesuffix('s')
  size, unit = _UNITS.get(name, (0, 's'))
  count = int(number or 1) * size
  if not 0 < count <= _LONGEST[unit]:
    problem = errors.unknown('frequency', text, _UNITS)
    raise errors.UserError(
      f'{problem} A whole number above 0 may stand before it, and the step is '
      'no longer than 1,000 years: 15min.'
    )
  return Frequency(count, unit)


def infer(*times: np.ndarray) -> Frequency | None:
  """The most frequent step between times, the shortest of several.

  It is in months where the times lie at least 28 days apart and as many of
  them are on such steps as are on steps of seconds.

  Args:
    times: of each series, [n] datetime64[s], or integers in all, ascending
      without repetition.

  Returns:
    None where no series has two times. `Frequency.positions` says which times
    are on no step of it.

  >>> infer(np.array(['2021-01-01', '2021-02-01', '2021-03-01'], 'M8[s]'))
  Frequency(count=1, unit='M')
  """
  seconds = _most_frequent([np.diff(some).astype(np.int64) for some in times])
  if seconds is None:
    return None
  if times[0].dtype.kind == 'i':
    return Frequency(seconds, '')
  candidates = [Frequency(seconds, 's')]
  if min(np.diff(some).min() for some in times if len(some) > 1) >= (
    _SHORTEST_MONTH
  ):
    steps = [np.diff(_months(some)) for some in times]
    # None, where two times lie in one month: they are on no step of months.
    if months := _most_frequent(steps):
      candidates.insert(0, Frequency(months, 'M'))
  return min(
    candidates,
    key=lambda one: sum((one.positions(t) < 0).sum() for t in times if len(t)),
  )


def following(
  times: np.ndarray, frequency: Frequency | None, n: int
) -> np.ndarray:
  """The next n times of a series.

  Args:
    times: [m] of a `series.Series`, at least one: datetime64[s], or integers.
    frequency: of the series.
    n: how many.

  >>> following(np.array([10, 20]), None, 2)
  array([30, 40])
  """
  if times.dtype.kind == 'M':
    return frequency.at(times, len(times) + np.arange(n))
  step = times[1] - times[0] if len(times) > 1 else 1
  return times[-1] + step * np.arange(1, n + 1)


def _most_frequent(steps):
  values, counts = np.unique(np.concatenate(steps), return_counts=True)
  return int(values[np.argmax(counts)]) if len(values) else None


def _months(times):
  return times.astype('M8[M]').astype(np.int64)


def _clock(time):
  return time - time.astype('M8[D]')


def _last_day(months):
  months = np.asarray(months)
  first, after = ((months + i).astype('M8[M]').astype('M8[D]') for i in (0, 1))
  return (after - first).astype(np.int64)


def _day(times):
  """The day of the month at which these times stand; 31 is the last day."""
  days = (times.astype('M8[D]') - times.astype('M8[M]')).astype(np.int64) + 1
  if (days == _last_day(_months(times))).all():
    return 31
  # The later of two that are as frequent: February has cut the other short.
  return 31 - np.bincount(days, minlength=32)[::-1].argmax()


def _in_months(months, day, clock):
  months = np.asarray(months)
  days = np.minimum(day, _last_day(months)) - 1
  return months.astype('M8[M]').astype('M8[D]') + days.astype('m8[D]') + clock
