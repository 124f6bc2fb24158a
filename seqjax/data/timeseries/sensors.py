"""Recordings made on the spot: machines whose sensors tell when they fail."""

from typing import NamedTuple

import numpy as np

from seqjax.data.timeseries import recordings
from seqjax.data.timeseries import series as series_lib

_START = np.datetime64('2024-01-01', 's')
_STEP_S = 600
_ROWS_A_DAY = 144
# An event goes on in the labels for so long, until a machine has settled.
_SETTLED_AFTER = 30
# Rows of each event.
_DURATIONS = {'spike': 3, 'shift': 60, 'period': 90, 'stuck': 60, 'noise': 60}


class _Machine(NamedTuple):
  """What a machine does when all is well."""

  name: str
  level: float
  day: float  # amplitude of the daily load
  cycle: float  # amplitude of its working cycle
  rows: float  # of a working cycle
  noise: float


_MACHINES = (
  _Machine('pump', 60, 4, 8, 23.0, 1.0),
  _Machine('oven', 180, 12, 10, 31.0, 2.0),
  _Machine('press', 25, 1, 5, 17.5, 0.8),
  _Machine('fan', 900, 60, 30, 40.0, 12.0),
)


def sensors(
  data_seed: int = 0,
  num_rows: int = 4000,
  num_rounds: int = 1,
  calm_share: float = 0.35,
) -> recordings.Recording:
  """The temperature of four machines every ten minutes, and what went wrong.

  Each is a daily load, a working cycle of its own period whose strength drifts,
  and autoregressive noise. After some calm rows, five events happen to every
  machine in any order: a spike of 3 rows; a level that is higher for 60; a
  working cycle of another period for 90; a sensor that is stuck for 60; and
  noise of three times the size for 60. A label goes on for 30 rows.

  Args:
    data_seed: another number, other noise, and events at other places.
    num_rows: of each machine; at least 300 for each event that happens to it.
    num_rounds: how often each of the events happens.
    calm_share: of the rows, before the first event.
  """
  values, labels = [], []
  for index, machine in enumerate(_MACHINES):
    random = np.random.RandomState([data_seed, index])
    value, label = _record(random, machine, num_rows, num_rounds, calm_share)
    values.append(value[:, None])
    labels.append(label[:, None])
  steps = np.arange(num_rows)
  none = tuple(label[:, :0] for label in labels)
  series = series_lib.Series(
    names=tuple(machine.name for machine in _MACHINES),
    times=(steps,) * len(_MACHINES),
    targets=tuple(values),
    past=tuple(labels),
    known=none,
    static=np.empty((len(_MACHINES), 0)),
    columns=series_lib.Columns(('temperature',), past=('label',)),
    frequency=None,
    name='sensors',
  )
  times = _START + (steps * _STEP_S).astype('m8[s]')
  return recordings.recording(
    series_lib.signed(series), (times,) * len(_MACHINES)
  )


def _record(random, machine, num_rows, num_rounds, calm_share):
  """Values and labels [n] of one machine."""
  rows = np.arange(num_rows)
  speed = np.full(num_rows, 2 * np.pi / machine.rows)
  noise = machine.noise * random.standard_normal(num_rows)
  shift = np.zeros(num_rows)
  label = np.zeros(num_rows)
  stuck = []
  # Each in a stretch of its own, in another order for each machine.
  first = int(calm_share * num_rows)
  kinds = list(_DURATIONS) * num_rounds
  room = (num_rows - first) // len(kinds)
  random.shuffle(kinds)
  for place, kind in enumerate(kinds):
    duration = _DURATIONS[kind]
    spare = room - duration - _SETTLED_AFTER
    start = first + place * room + random.randint(spare // 2)
    now = slice(start, start + duration)
    label[start : start + duration + _SETTLED_AFTER] = 1
    if kind == 'spike':
      shift[now] = 1.5 * (machine.cycle + machine.day)
    elif kind == 'shift':
      shift[now] = machine.cycle
    elif kind == 'period':
      speed[now] *= 1.7
    elif kind == 'noise':
      noise[now] *= 3
    else:
      stuck.append(now)
  wander = np.ones(num_rows)
  error = np.zeros(num_rows)
  draws = random.standard_normal(num_rows)
  for t in range(1, num_rows):
    wander[t] = wander[t - 1] + 0.02 * (1 - wander[t - 1]) + 0.02 * draws[t]
    error[t] = 0.6 * error[t - 1] + noise[t]
  day = np.sin(2 * np.pi * (rows / _ROWS_A_DAY - 0.3))
  value = (
    machine.level
    + machine.day * day
    + machine.cycle * wander * np.sin(np.cumsum(speed))
    + error
    + shift
  )
  for now in stuck:
    value[now] = value[now.start]
  return np.round(value, 2), label
