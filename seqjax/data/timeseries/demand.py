"""Series made on the spot: the electricity that a few towns use."""

from typing import NamedTuple

import numpy as np

from seqjax.data.timeseries import frequency, series

_START = np.datetime64('2023-04-03', 's')  # a Monday
_HOURS_A_DAY = 24
_HOLIDAY_SHARE = 1 / 20
_NOISE_SHARE = 0.04
_HEATED_BELOW_C, _COOLED_ABOVE_C = 15, 22


class _Town(NamedTuple):
  """What a town uses, in MW, and its weather."""

  name: str
  base_mw: float
  morning_mw: float  # at the hours that follow, more than at night
  morning_hour: float
  evening_mw: float
  evening_hour: float
  weekend_share: float  # of the daily shape, on a weekend or a holiday
  heating_mw: float  # per degree below 15 C
  cooling_mw: float  # per degree above 22 C
  mean_c: float


_TOWNS = (
  _Town('harbour', 60, 30, 9, 20, 19, 0.4, 1.6, 1.2, 17),
  _Town('hills', 25, 8, 7, 16, 20, 0.9, 1.2, 0.3, 12),
  _Town('plain', 90, 40, 10, 25, 17, 0.3, 1.5, 4.0, 20),
  _Town('coast', 40, 10, 9, 28, 21, 1.3, 0.8, 2.0, 19),
)


def demand(
  data_seed: int = 0, num_hours: int = 4000, num_ahead: int = 168
) -> series.Series:
  """Hourly electricity demand of four towns, in MW, from April 2023.

  In each town it is the sum of

  * a daily shape with a peak in the morning and one in the evening, which on
    weekends and holidays keeps a share of its own;
  * heating below 15 C and cooling above 22 C, by the degree and the busier the
    hour the more: what a degree costs has no single sign, so no linear map of
    the temperature says it;
  * noise that fades within hours and is stronger the busier the hour.

  Temperature and holidays are known ahead, as from a weather forecast and a
  calendar. Warm and cold spells of some days take turns, so that the week
  before says little about them.

  Args:
    data_seed: another number, other weather, holidays and noise.
    num_hours: of each town.
    num_ahead: hours after them, of which all but the demand is told.

  Example:
    >>> made = demand(num_hours=41, num_ahead=7)
    >>> made.names, made.columns.known
    (('harbour', 'hills', 'plain', 'coast'), ('temperature_c', 'holiday'))
    >>> made.targets[0].shape
    (48, 1)
  """
  random = np.random.RandomState([data_seed])
  hours = np.arange(num_hours + num_ahead)
  is_holiday = _holidays(random, hours)
  targets, known = [], []
  for town in _TOWNS:
    celsius = _temperature(random, town, hours)
    load_mw = _load(random, town, hours, celsius, is_holiday)
    load_mw[num_hours:] = np.nan
    targets.append(load_mw[:, None].round(2))
    known.append(np.stack([celsius.round(1), is_holiday], axis=1))
  made = series.Series(
    names=tuple(town.name for town in _TOWNS),
    times=(_START + hours * 3600,) * len(_TOWNS),
    targets=tuple(targets),
    past=(np.zeros((len(hours), 0)),) * len(_TOWNS),
    known=tuple(known),
    static=np.zeros((len(_TOWNS), 0)),
    columns=series.Columns(
      targets=('demand_mw',), known=('temperature_c', 'holiday')
    ),
    frequency=frequency.Frequency(3600, 's'),
    name='demand',
  )
  return series.signed(made)


def _holidays(random, hours):
  """[n] 1 in the hours of some days, the same for all towns."""
  days = hours // _HOURS_A_DAY
  return (random.rand(days[-1] + 1) < _HOLIDAY_SHARE)[days].astype(float)


def _temperature(random, town, hours):
  """[n] in C: warmest at 15 hours, and spells of some days."""
  day = np.cos(2 * np.pi * (hours - 15) / _HOURS_A_DAY)
  return town.mean_c + 4 * day + 6 * _fading(random.randn(len(hours)), 0.985)


def _load(random, town, hours, celsius, is_holiday):
  """[n] in MW."""
  hour, weekday = hours % _HOURS_A_DAY, hours // _HOURS_A_DAY % 7
  is_free = (weekday >= 5) | (is_holiday > 0)
  share = np.where(is_free, town.weekend_share, 1)
  shape_mw = share * (
    town.morning_mw * _peak(hour, town.morning_hour)
    + town.evening_mw * _peak(hour, town.evening_hour)
  )
  activity = 0.5 + shape_mw / max(town.morning_mw, town.evening_mw)
  weather_mw = town.heating_mw * np.maximum(_HEATED_BELOW_C - celsius, 0)
  weather_mw += town.cooling_mw * np.maximum(celsius - _COOLED_ABOVE_C, 0)
  noise = _fading(random.randn(len(hours)), 0.8)
  noise_mw = _NOISE_SHARE * town.base_mw * activity * noise
  return town.base_mw + shape_mw + activity * weather_mw + noise_mw


def _peak(hour, at):
  """1 at an hour of the day, falling to 0 within some hours around it."""
  distance = (hour - at + 12) % _HOURS_A_DAY - 12
  return np.exp(-0.5 * (distance / 2.5) ** 2)


def _fading(noise, kept):
  """x_t = kept x_{t-1} + ..., with the variance of the noise."""
  faded = np.empty_like(noise)
  value = noise[0]
  for t, drawn in enumerate(noise):
    value = kept * value + np.sqrt(1 - kept**2) * drawn
    faded[t] = value
  return faded
