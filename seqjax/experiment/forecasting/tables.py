"""Series of a person's own table, as experiments that forecast them want it."""

import dataclasses

import numpy as np

from seqjax import errors
from seqjax.data.timeseries import (
  calendar,
  demand,
  readings,
  scaling,
  series_files,
)
from seqjax.data.timeseries import series as series_lib
from seqjax.experiment import config as configs
from seqjax.experiment import fields, inputs

LAYOUTS = ('table', 'row_per_series')


@dataclasses.dataclass(frozen=True)
class Config(configs.Config):
  """The settings that such an experiment adds to those of every other."""

  dataset: str = fields.field(
    'demand',
    'series to learn from, where no --train_file is given',
    group='data',
    choices=('demand',),
  )
  train_file: str = fields.field(
    '',
    'table to learn from: .csv, .tsv or .parquet; .gz and .xz are opened',
    group='data',
    is_path=True,
  )
  test_file: str = fields.field(
    '',
    'the rows that follow, to measure on; the end of --train_file if empty',
    group='data',
    is_path=True,
  )
  layout: str = fields.field(
    'table',
    'of a file: a column for each variable, or a row for each series, its name '
    'first',
    group='data',
    choices=LAYOUTS,
  )
  time_column: str = fields.field(
    '',
    'when a row was; several, such as year,month,day,hour, are put together; '
    'empty where rows follow each other at equal distance',
    group='data',
  )
  target_columns: str = fields.field(
    '', 'what is forecast: names, separated by commas', group='data'
  )
  series_column: str = fields.field(
    '', 'which series a row belongs to, where there are several', group='data'
  )
  past_columns: str = fields.field(
    '', 'covariates that are known up to now only', group='data'
  )
  known_columns: str = fields.field(
    '', 'covariates that are known ahead, such as holidays', group='data'
  )
  static_columns: str = fields.field(
    '', 'covariates that never change within a series', group='data'
  )
  frequency: str = fields.field(
    '',
    'distance of rows, such as 15min, 1h, 1day, 1month; found in the times if '
    'empty',
    group='data',
  )
  calendar: str = fields.field(
    'week',
    'what is read of the clock: the time of day and the day of the week, or '
    'that of the year as well, for which some years must be known',
    group='data',
    choices=readings.CLOCKS,
  )
  apart: bool = fields.field(
    False,
    'take each of the --target_columns for a series of its own, all told by '
    'one network, instead of side by side',
    group='data',
  )
  max_rows: int = fields.field(
    -1,
    'rows of a series that are read, from its start',
    group='data',
    minimum=1,
    or_all=True,
  )
  valid_rows: int = fields.field(
    0,
    'rows of a series, before those to test on, that are held out; 0 for a '
    'tenth',
    group='data',
    minimum=0,
  )
  test_rows: int = fields.field(
    0,
    'rows at the end of a series to measure on; 0 for a fifth, or for all of '
    '--test_file',
    group='data',
    minimum=0,
  )
  seasons: tuple[int, ...] = fields.field(
    (),
    'rows after which a series resembles itself, such as 24,168; those of the '
    'frequency if empty',
    group='data',
    minimum=1,
  )
  scaling: str = fields.field(
    'standard',
    'of each series, by its training part: to mean 0 and deviation 1, by the '
    'mean magnitude, or not at all',
    group='data',
    choices=scaling.KINDS,
  )
  log: bool = fields.field(
    False,
    'learn the logarithm of the targets, for what grows by shares',
    group='data',
  )

  def __post_init__(self):
    super().__post_init__()
    if self.test_file and (not self.train_file or self.max_rows >= 0):
      raise errors.UserError(
        '--test_file goes with --train_file, and without --max_rows.'
      )
    if self.train_file and self.layout == 'table' and not self.target_columns:
      raise errors.UserError(
        '--train_file needs --target_columns=NAME: which column to forecast.'
      )
    inputs.check_columns(
      self,
      'time_column',
      'target_columns',
      'series_column',
      'past_columns',
      'known_columns',
      'static_columns',
      'frequency',
      'apart',
    )


def read_file(
  config: Config, path: str, frequency: str = ''
) -> series_lib.Series:
  """The series in a file that is laid out as the flags say.

  Args:
    config: of the experiment.
    path: of the file.
    frequency: of its rows, where the config does not say it.
  """
  frequency = config.frequency or frequency
  if config.layout == 'row_per_series':
    return series_files.row_series(path, frequency)
  series = series_files.table_series(
    path,
    inputs.names(config.target_columns),
    time_column=config.time_column,
    series_column=config.series_column,
    past_columns=inputs.names(config.past_columns),
    known_columns=inputs.names(config.known_columns),
    static_columns=inputs.names(config.static_columns),
    frequency=frequency,
  )
  return series_lib.apart(series) if config.apart else series


def read(
  config: Config, rows_file: str = ''
) -> tuple[series_lib.Series, np.ndarray]:
  """The series of the flags, and [S] how many rows --test_file added.

  Args:
    config: of the experiment.
    rows_file: read instead of the files of the config, where it is given.
  """
  if rows_file:
    series = read_file(config, rows_file)
    return series, 0 * readings.num_rows(series)
  if not config.train_file:
    series = demand.demand(config.data_seed)
  else:
    series = read_file(config, config.train_file)
  before = readings.num_rows(series)
  if config.test_file:
    # A few rows may be too few to see how far apart they are.
    step = str(series.frequency or '')
    series = series_lib.follow(
      series, read_file(config, config.test_file, step)
    )
  added = readings.num_rows(series) - before
  if config.max_rows >= 0:
    series = series_lib.head(series, config.max_rows)
  return series, added


def unknown_ahead(series: series_lib.Series, horizon: int) -> str:
  """A sentence on what has to be known ahead and is not; '' where all is."""
  ends = readings.num_rows(series)
  for name, known, end in zip(series.names, series.known, ends, strict=True):
    ahead = np.isfinite(known[end : end + horizon])
    for column, said in zip(series.columns.known, ahead.T, strict=True):
      if said.sum() < horizon:
        of = f' of series {name!r}' if name else ''
        return (
          f'{series.name} tells {column!r}{of} for {said.sum()} of the '
          f'{horizon} rows after its last target. To look ahead, add rows with '
          'the times and --known_columns, their targets empty, or ask for a '
          'smaller --horizon.'
        )
  return ''


def learnt(config: Config, series: series_lib.Series) -> series_lib.Series:
  """The series as they are scaled and learnt: with --log, their logarithms.

  Raises:
    UserError: a target has no logarithm.
  """
  if not config.log:
    return series
  for name, targets in zip(series.names, series.targets, strict=True):
    wrong = np.argwhere(targets <= 0)
    if wrong.size:
      of = f' of series {name!r}' if name else ''
      raise errors.UserError(
        f'--log expects targets above 0, got {targets[tuple(wrong[0])]:g} in '
        f'{series.columns.targets[wrong[0][1]]!r}{of}. Leave it out.'
      )
  return series._replace(targets=tuple(map(np.log, series.targets)))


def seasons(
  config: Config, series: series_lib.Series, train_rows
) -> tuple[int, ...]:
  """In rows; (1,) where nothing is known of any.

  Those of the frequency that no series is twice as long as are left out.
  """
  if config.seasons:
    return config.seasons
  longest = np.max(train_rows) // 2
  found = calendar.seasons_of(series.frequency)
  return tuple(season for season in found if season <= longest) or (1,)
