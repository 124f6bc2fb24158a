"""What the clock says about a time: known ahead, at no cost."""

from collections.abc import Sequence

import numpy as np

_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_YEAR_S = 365 * _DAY_S
_DAY_HARMONICS = 3
# A week of 5 minutes. What would be longer is no use as a lag.
_LONGEST_SEASON = 2016
_WEEKDAYS = (
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
)
_MONTHS = (
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
)


def features(
  times: np.ndarray, frequency, of_year: bool = True
) -> tuple[np.ndarray, tuple]:
  """The place of each time in its day, week and year.

  * Steps below a day: sine and cosine of the time of day, 3 harmonics or as
    many as the steps can tell apart.
  * Steps up to a day: the day of the week, one of 7.
  * Steps below a year: sine and cosine of the time of the year, or the month,
    one of 12, where steps are months.

  A yearly series has none, and neither has one without a time column.

  Args:
    times: [n] datetime64[s]; integers without a time column.
    frequency: of the times, a `frequency.Frequency`; None where they are
      integers and nobody said.
    of_year: whether to tell the time of the year. Who has not seen one would
      take it for something that grows.

  Returns:
    [n, F] float64 in [-1, 1], and the F names.

  >>> from seqjax.data.timeseries import frequency
  >>> times = np.array(['2024-01-01T06', '2024-01-02T12'], 'datetime64[s]')
  >>> found, names = features(times, frequency.parse('1h'))
  >>> names[0], found[:, 0].round(3).tolist()
  ('sin_day_1', [1.0, 0.0])
  >>> names[6], found[:, 6].tolist()
  ('monday', [1.0, 0.0])
  """
  if times.dtype.kind != 'M':
    columns = {}
  elif frequency.unit == 'M':
    columns = _of_months(times) if of_year and frequency.count < 12 else {}
  else:
    columns = _of_seconds(times, frequency.count, of_year)
  found = np.array(list(columns.values()), np.float64)
  return found.reshape(len(columns), len(times)).T, tuple(columns)


def phases(
  times: np.ndarray, seasons: Sequence[int]
) -> tuple[np.ndarray, tuple]:
  """The place of each row in its seasons, where no clock tells it.

  Args:
    times: [n] integers, counts of rows.
    seasons: in rows; 1 is none.

  Returns:
    [n, 4 seasons] float64, sine and cosine in 2 harmonics, and the names.

  >>> phases(np.arange(4), (4,))[0][:, 0].round(3).tolist()
  [0.0, 1.0, 0.0, -1.0]
  """
  columns = {}
  for season in seasons:
    for harmonic in (1, 2) if season > 1 else ():
      turns = times % season / season
      columns |= _waves(f'season_{season}', harmonic, turns)
  found = np.array(list(columns.values()), np.float64)
  return found.reshape(len(columns), len(times)).T, tuple(columns)


def seasons_of(frequency) -> tuple[int, ...]:
  """After how many steps a series may repeat itself.

  A day and a week where the step is below a day, a week of days, a year of
  months or quarters. Those are left out that are no whole number of steps or
  more than 2,016 of them, and where none is left there is (1,).

  >>> from seqjax.data.timeseries import frequency
  >>> [seasons_of(frequency.parse(text)) for text in ('1h', '1min', 'day')]
  [(24, 168), (1440,), (7,)]
  """
  if frequency is None or not frequency.unit:
    return (1,)
  if frequency.unit == 'M':
    periods = [12]
  elif frequency.count < _DAY_S:
    periods = [_DAY_S, _WEEK_S]
  else:
    periods = [_WEEK_S]
  return tuple(
    period // frequency.count
    for period in periods
    if period % frequency.count == 0
    and 1 < period // frequency.count <= _LONGEST_SEASON
  ) or (1,)


def _of_months(times):
  return _one_of(_MONTHS, times.astype('datetime64[M]').astype(int) % 12)


def _of_seconds(times, step_s, of_year):
  columns = {}
  seconds = times.astype('datetime64[s]').astype(np.int64)
  if step_s < _DAY_S:
    # Two steps per turn are the fewest that tell where in it one is.
    for harmonic in range(1, min(_DAY_HARMONICS, _DAY_S // step_s // 2) + 1):
      columns |= _waves('day', harmonic, seconds % _DAY_S / _DAY_S)
  if step_s <= _DAY_S:
    # The first day of 1970 was a Thursday.
    columns |= _one_of(_WEEKDAYS, (seconds // _DAY_S + 3) % 7)
  if of_year and step_s < _YEAR_S:
    years = times.astype('datetime64[Y]')
    first, after = (
      year.astype('datetime64[s]').astype(np.int64)
      for year in (years, years + 1)
    )
    columns |= _waves('year', 1, (seconds - first) / (after - first))
  return columns


def _waves(name, harmonic, turns):
  angle = 2 * np.pi * harmonic * turns
  return {
    f'sin_{name}_{harmonic}': np.sin(angle),
    f'cos_{name}_{harmonic}': np.cos(angle),
  }


def _one_of(names, index):
  return {name: index == i for i, name in enumerate(names)}
