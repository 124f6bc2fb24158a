"""A forecaster of series by its settings: what it reads, and what it learns."""

import dataclasses
from typing import NamedTuple

import numpy as np

from seqjax import baselines, data, distributions, errors, models
from seqjax.data.timeseries import readings as readings_lib
from seqjax.experiment import build, fields
from seqjax.experiment.forecasting import fitting, tables

BASES = ('none', 'naive', 'seasonal_naive', 'ridge')


@dataclasses.dataclass(frozen=True)
class Config(tables.Config):
  """The settings of a forecaster, beside those of its series."""

  horizon: int = fields.field(
    24, 'rows that are forecast', group='model', minimum=1, maximum=10**4
  )
  head: str = fields.field(
    'quantiles',
    'what is said of a value to come',
    choices=tuple(distributions.HEADS),
  )
  bands: tuple[int, ...] = fields.field(
    (50, 90),
    'bands about a forecast, by the share in percent that they should hold',
    minimum=1,
    maximum=99,
  )
  base: str = fields.field(
    'none',
    'forecast of which the network learns what is left: the last value, those '
    'of the seasons before, a linear map of the past',
    choices=BASES,
  )
  seasonal_inputs: bool = fields.field(
    True, 'read the values of the seasons before the rows to come as well'
  )
  weigh_by_scale: bool = fields.field(
    False,
    'count an error in the unit of the targets (with --log, in shares) and not '
    'in that of each series',
    group='training',
  )
  decoder_size: int = fields.field(
    32,
    'width of the layer that joins the state and what is known ahead; 16 to 64',
    minimum=1,
    maximum=2**14,
  )
  context: int = fields.field(
    168,
    'rows that are read before the first forecast; one or two seasons',
    group='training',
    minimum=0,
    maximum=10**6,
  )
  window: int = fields.field(
    48,
    'rows of a window that are forecast from; 24 to 256',
    group='training',
    minimum=1,
    maximum=10**6,
  )
  carried: bool = fields.field(
    False,
    'read windows in order and carry the state on, instead of sampling them; '
    'the context is for evaluation then',
    group='training',
  )
  eval_batch_size: int = fields.field(
    64,
    'windows at once where nothing is learnt; changes no printed number',
    group='run',
    kind='measuring',
    minimum=1,
    maximum=2**20,
  )

  def __post_init__(self):
    super().__post_init__()
    if len(set(self.bands)) < len(self.bands):
      raise errors.UserError('--bands names one twice.')
    if self.head == 'negative_binomial' and (
      self.scaling == 'standard' or self.log
    ):
      raise errors.UserError(
        '--head=negative_binomial is of counts, which begin at 0: use '
        '--scaling=mean, without --log.'
      )

  @property
  def levels(self) -> tuple[float, ...]:
    """Of the quantiles that the bands end at, and the median."""
    ends = [round(0.5 + s * b / 200, 4) for b in self.bands for s in (-1, 1)]
    return tuple(sorted({0.5, *ends}))


class Data(NamedTuple):
  """Series as a model reads them, and what is needed to read on."""

  series: data.Series
  fitted: fitting.Fitted
  filled: list[np.ndarray]  # S arrays [n, D], scaled
  known: list[np.ndarray]  # S arrays [n + K, F], scaled
  readings: list[readings_lib.Readings]


def fit(config: Config, series, train_rows, kept=None) -> fitting.Fitted:
  """What is read off the first rows of each series; `kept` as in `fitting`."""
  return fitting.fit(
    tables.learnt(config, series),
    train_rows,
    tables.seasons(config, series, train_rows),
    kind=config.scaling,
    horizon=config.horizon,
    clock=config.calendar,
    kept=kept,
  )


def prepare(
  config: Config, series, fitted: fitting.Fitted, fed_back: bool = False
) -> Data:
  """Scales the series, fills their gaps, and makes the base forecasts.

  Args:
    config: of the experiment.
    series: of `tables.read`.
    fitted: of `fit`.
    fed_back: the network reads what it drew, of which no change is known.
  """
  seasons = fitted.seasons
  learnt = tables.learnt(config, series)
  filled = readings_lib.fill(learnt, fitted.scalings, seasons)
  known = readings_lib.known_ahead(
    series, fitted.scalings, seasons, config.horizon, config.calendar
  )
  prepared = Data(series, fitted, filled, known, [])
  base = [
    simple_forecasts(prepared, s, config.base, config.horizon, seasons)
    for s in range(len(series.names))
  ]
  periods = [x for x in seasons if x > 1 and config.seasonal_inputs]
  ahead = [seasonal(y, config.horizon, periods) for y in filled]
  changes = [
    np.tile(y, len(periods)) - seasonal_now(y, periods) for y in filled
  ]
  if fed_back:
    changes = [change[:, :0] for change in changes]
  return prepared._replace(
    readings=readings_lib.readings(
      series, fitted.scalings, filled, known, changes, ahead, base
    )
  )


def seasonal(filled, horizon: int, periods) -> np.ndarray:
  """The values of each season before the rows to come, [n, K, seasons x D]."""
  found = [
    baselines.seasonal_naive(filled, horizon, (period,)) for period in periods
  ]
  return np.concatenate([np.zeros((len(filled), horizon, 0)), *found], axis=-1)


def seasonal_now(filled, periods) -> np.ndarray:
  """The values of each season before every row itself, [n, seasons x D]."""
  before = seasonal(filled, 1, periods)[:-1, 0]
  # Before the first row there is nothing; it is like itself.
  first = np.tile(filled[:1], len(periods))
  return np.concatenate([first, before])


def simple_forecasts(
  prepared: Data, s: int, base: str, horizon: int, seasons
) -> np.ndarray:
  """Scaled forecasts [n, K, D] from all rows of series s, by name of a base."""
  filled = prepared.filled[s]
  if base == 'none':
    return np.zeros((len(filled), horizon, filled.shape[1]))
  if base == 'ridge':
    return prepared.fitted.ridge.predict(filled, prepared.known[s])
  if base == 'naive':
    return baselines.naive(filled, horizon)
  return baselines.seasonal_naive(filled, horizon, seasons)


def check_counts(config: Config, series: data.Series) -> None:
  """Refuses what is no count where the head is of counts."""
  if config.head != 'negative_binomial':
    return
  for name, targets in zip(series.names, series.targets, strict=True):
    wrong = np.argwhere((targets < 0) | (targets % 1 > 0))
    if wrong.size:
      row, column = wrong[0]
      of = f' of series {name!r}' if name else ''
      raise errors.UserError(
        '--head=negative_binomial expects counts, whole numbers of at least 0, '
        f'got {targets[row, column]:g} in {series.columns.targets[column]!r}'
        f'{of}. Use --head=quantiles or student_t.'
      )


def make_head(config: Config) -> distributions.Head:
  builder = distributions.HEADS[config.head]
  return builder(config.levels) if config.head == 'quantiles' else builder()


def make_model(config: Config, prepared: Data, horizon=None):
  """The forecaster of a config."""
  like = prepared.readings[0]
  num_known = like.known.shape[1] + like.ahead.shape[2]
  widths = (like.past.shape[1], num_known, like.static.shape[0])
  return models.Forecaster(
    horizon=horizon or config.horizon,
    num_columns=like.values.shape[1],
    head=make_head(config),
    recurrent=build.recurrent(config),
    decoder_size=config.decoder_size,
    widths=widths,
  )


def train_batches(config: Config, prepared: Data, parts, horizon: int):
  """Batches to learn from, with `horizon` rows ahead as targets."""
  end = parts.train[:, 1]
  # In the first season no season before it tells anything.
  first = np.minimum(max(prepared.fitted.seasons), end // 4)
  windows = data.Windows(
    # Of the last row of the part nothing that follows may be known.
    np.stack([first, end - 1], axis=1),
    config.batch_size,
    config.window,
    config.context,
    config.data_seed,
    carried=config.carried,
  )
  near = [
    r._replace(base=r.base[:, :horizon], ahead=r.ahead[:, :horizon])
    for r in prepared.readings
  ]
  importance = None
  if config.weigh_by_scale:
    scale = prepared.fitted.scalings.targets.scale
    importance = scale / scale.mean()
  return data.forecast_batches(near, windows, parts.train, importance)
