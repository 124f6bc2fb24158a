"""Recordings by the settings of an experiment, and their parts."""

import dataclasses
from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data.timeseries import nab, recordings, sensors
from seqjax.experiment import config as configs
from seqjax.experiment import fields, inputs


@dataclasses.dataclass(frozen=True)
class SourceConfig(configs.Config):
  """The settings that such an experiment adds to those of every other."""

  dataset: str = fields.field(
    'sensors',
    'what to watch, where no --train_file is given',
    group='data',
    choices=('sensors', 'nab'),
  )
  nab: str = fields.field(
    '',
    'the Numenta Anomaly Benchmark for --dataset=nab: its folder, or a .tar, '
    '.tar.gz or .tar.xz of it',
    group='data',
    kind='extendable',
    is_path=True,
  )
  train_file: str = fields.field(
    '',
    'table to watch: .csv, .tsv or .parquet; .gz and .xz are opened',
    group='data',
    is_path=True,
  )
  target_columns: str = fields.field(
    '', 'what is watched: names, separated by commas', group='data'
  )
  time_column: str = fields.field(
    '',
    'when a row was; several, such as year,month,day,hour, are put together',
    group='data',
  )
  series_column: str = fields.field(
    '', 'which series a row belongs to, where there are several', group='data'
  )
  label_column: str = fields.field(
    '',
    '1 in the rows of an event and 0 in others',
    group='data',
  )

  def __post_init__(self):
    super().__post_init__()
    if self.train_file and not self.target_columns:
      raise errors.UserError(
        '--train_file needs --target_columns=NAME: which column to watch.'
      )
    inputs.check_columns(
      self, 'target_columns', 'time_column', 'series_column', 'label_column'
    )
    if (self.dataset == 'nab' and not self.train_file) != bool(self.nab):
      raise errors.UserError(
        '--dataset=nab and --nab=PATH go together: where the benchmark lies.'
      )


@dataclasses.dataclass(frozen=True)
class Config(SourceConfig):
  """The same, of one that learns from the first rows without labels."""

  train_fraction: float = fields.field(
    0.15,
    'share of each series, at its start, to learn from; 0.1 to 0.5',
    group='data',
    above=0,
    below=1,
  )
  valid_fraction: float = fields.field(
    0.15,
    'share after it on which alarms are calibrated; 0.1 to 0.3',
    group='data',
    above=0,
    below=1,
  )

  def __post_init__(self):
    super().__post_init__()
    if self.train_fraction + self.valid_fraction >= 1:
      raise errors.UserError(
        '--train_fraction and --valid_fraction leave no rows to watch.'
      )


class Parts(NamedTuple):
  """First and end of the rows of each series that belong to a part, [S, 2]."""

  train: np.ndarray
  valid: np.ndarray
  test: np.ndarray


class Columns(NamedTuple):
  """How a table names what is watched."""

  targets: tuple[str, ...]
  time: str  # or several, with commas between them; '' for none
  series: str  # '' for none


def read(config: SourceConfig) -> tuple[recordings.Recording, Columns]:
  """The recording of the flags, and the columns of tables that go with it."""
  if config.train_file:
    columns = Columns(
      inputs.names(config.target_columns),
      config.time_column,
      config.series_column,
    )
    return read_file(config.train_file, columns, config.label_column), columns
  if config.dataset == 'nab':
    recording = nab.nab(config.nab)
  else:
    recording = sensors.sensors(config.data_seed)
  targets = recording.series.columns.targets
  return recording, Columns(targets, 'time', 'series')


def read_file(
  path: str, columns: Columns, label_column: str = '', counts: bool = False
):
  """The recording in a file with these columns.

  Args:
    path: the file.
    columns: of it.
    label_column: as in the flags.
    counts: as for `recordings.times_of`.
  """
  return recordings.table_recording(
    path,
    columns.targets,
    time_column=columns.time,
    series_column=columns.series,
    label_column=label_column,
    counts=counts,
  )


def split(config: Config, series, horizon: int) -> Parts:
  """What to learn from, to calibrate by, and to watch, one after another.

  Raises:
    UserError: a series is too short for that, or a column of it has no value
      to learn from.
  """
  end = np.array([len(values) for values in series.targets])
  first = (config.train_fraction * end).astype(int)
  second = ((config.train_fraction + config.valid_fraction) * end).astype(int)
  for name, n, train, valid in zip(
    series.names, end, first, second - first, strict=True
  ):
    if train < horizon + 2 or valid < horizon:
      of = f'series {name!r}' if name else series.name
      raise errors.UserError(
        f'{of} has {n:,} rows: {train:,} to learn from, where {horizon + 2} '
        f'are the least with --horizon={horizon}, and {valid:,} to calibrate '
        f'by, where {horizon} are. Raise --train_fraction or --valid_fraction, '
        'lower --horizon, or leave the series out.'
      )
  for name, values, train in zip(
    series.names, series.targets, first, strict=True
  ):
    empty = ~np.isfinite(values[:train]).any(axis=0)
    if empty.any():
      of = f'series {name!r}' if name else series.name
      column = series.columns.targets[np.argmax(empty)]
      raise errors.UserError(
        f'{of} has no value of {column!r} in the {train:,} rows to learn from: '
        'raise --train_fraction, or leave the column or the series out.'
      )
  bounds = np.stack([0 * end, first, second, end], axis=1)
  return Parts(*(bounds[:, i : i + 2] for i in range(3)))


def describe(recording: recordings.Recording, parts: Parts) -> str:
  """How much there is, in a sentence."""
  train, valid, test = (
    int((end - first).sum()) for first, end in (part.T for part in parts)
  )
  series = recording.series
  count = len(series.names)
  told = 'nobody says in which something happened'
  if recording.events is not None:
    num_events = sum(
      (some[:, 1] > row).sum()
      for some, row in zip(recording.events, parts.test[:, 0], strict=True)
    )
    told = f'with {num_events:,} events'
  return (
    f'{series.name}: {count:,} series, {train:,} rows to learn from, '
    f'{valid:,} to calibrate by, {test:,} to watch, {told}'
  )
