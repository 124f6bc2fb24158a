"""The next values of a series, with bands, from a person's own table.

A recurrent network reads a series as a stream and says at every row what the
next ones may be. It is measured beside the forecasts that one would make
without it, from every row of the part held out.

Source: Wen et al. (2017), arXiv:1711.11053; Salinas et al. (2020), DeepAR, for
--decoder=autoregressive.
Command: ./launch.sh forecasting
Data: hourly demand of a few towns, made on the spot, with weather and holidays.
Expected: a mean absolute error of 3.75; ridge 4.39, the day before 5.50.
Hardware: two CPU cores, 45 seconds.

docs/series.md has commands and numbers of M4, ETTh1, I-94 and Beijing's air.
"""

import dataclasses
import pathlib
import sys

import numpy as np

from seqjax import baselines, data, errors, experiment, models, training
from seqjax.data.timeseries import readings
from seqjax.experiment.forecasting import (
  backtest,
  bands,
  continuation,
  fitting,
  forecaster,
  output,
  splits,
  tables,
)
from seqjax.report import score_table

field = experiment.field

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(forecaster.Config):
  steps: int = 300
  batch_size: int = 32
  cell: str = 'gru'
  hidden_size: int = 64
  learning_rate: float = 3e-3
  schedule: str = 'cosine'
  horizon: int = field(
    24,
    'rows that are forecast; --mode=predict takes fewer, or any number with '
    '--decoder=autoregressive',
    kind=lambda config: 'runtime' if config.mode == 'predict' else 'identity',
    minimum=1,
    maximum=10**4,
  )
  decoder: str = field(
    'direct',
    'say all rows ahead at once, or the next one, and draw on from it',
    choices=('direct', 'autoregressive'),
  )
  origin_every: int = field(
    1,
    'rows between two forecasts that are measured',
    group='run',
    kind='extendable',
    minimum=1,
    maximum=10**6,
  )
  num_paths: int = field(
    100,
    'paths drawn from an origin, with --decoder=autoregressive',
    group='run',
    kind='extendable',
    minimum=2,
    maximum=10**5,
  )
  rows_file: str = field(
    '',
    'table whose last rows are continued, with the columns of --train_file; '
    'the data of the run if empty',
    group='predict',
    kind='runtime',
    is_path=True,
  )
  output: str = field(
    '',
    'file that the forecast is written to; forecast.csv in the directory of '
    'the run if empty',
    group='predict',
    kind='runtime',
    is_path=True,
  )

  def __post_init__(self):
    super().__post_init__()
    if self.mode != 'predict' and (self.rows_file or self.output):
      raise errors.UserError('--rows_file and --output go with --mode=predict.')
    if self.decoder == 'direct':
      return
    if self.head == 'quantiles':
      raise errors.UserError(
        '--decoder=autoregressive draws from a distribution, and the default, '
        '--head=quantiles, is none: use student_t, gaussian, ...'
      )
    if self.past_columns:
      raise errors.UserError(
        '--decoder=autoregressive reads its own forecasts, but cannot know '
        f'--past_columns={self.past_columns} of rows to come: leave them out, '
        'or forecast them too, as --target_columns.'
      )
    if self.base == 'ridge':
      raise errors.UserError(
        '--decoder=autoregressive goes with any --base but ridge.'
      )

  @property
  def trained_horizon(self) -> int:
    """How many rows the network itself says."""
    return 1 if self.decoder == 'autoregressive' else self.horizon


# --- Model --------------------------------------------------------------------


def prepare(config: Config, series, fitted):
  fed_back = config.decoder == 'autoregressive'
  return forecaster.prepare(config, series, fitted, fed_back)


def make_model(config: Config, prepared) -> models.Forecaster:
  return forecaster.make_model(config, prepared, config.trained_horizon)


def make_say(config: Config, model: models.Forecaster):
  if config.decoder == 'direct':
    return backtest.direct(config, model)
  return backtest.sampled(config, model, config.num_paths, config.data_seed)


def make_backtest(config: Config, model, prepared, parts):
  """(params, name of a part) -> its `backtest.Forecasts`."""
  say = make_say(config, model)

  def run(params, name) -> backtest.Forecasts:
    origins = backtest.of_part(getattr(parts, name), config.horizon)
    return backtest.forecast(
      config, say, params, prepared, origins, config.origin_every
    )

  return run


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  series, added = tables.read(config)
  parts = splits.split(config, series, added, config.horizon)
  for note in (splits.describe(series, parts), *series.notes):
    print(note)
  forecaster.check_counts(config, series)
  if config.init_from:
    fitted = continuation.take_over(config, run, series, parts.train[:, 1])
  else:
    fitted = forecaster.fit(config, series, parts.train[:, 1])
  prepared = prepare(config, series, fitted)
  model = make_model(config, prepared)
  task = models.forecaster.task(model, config.carried)
  batches = forecaster.train_batches(
    config, prepared, parts, config.trained_horizon
  )
  experiment.check(config, run, task, batches)

  run.record_data(series.sha256)
  fitting.save(run.path, fitted)
  bands.remove(run.path)
  look_back = make_backtest(config, model, prepared, parts)

  def evaluate(params):
    said = look_back(params, 'valid')
    found = backtest.measure(config, prepared, parts, said)
    return {f'valid/{name}': x for name, x in found.items()}

  params, metrics = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='values',
      best='valid/mae',
      programs=1,
      evaluate=evaluate,
    ),
    run.path,
  )
  corrections = bands.calibrate(config, look_back(params, 'valid'))
  bands.save(run.path, corrections)
  if notice := bands.notice(config, corrections):
    print(notice)
  said = bands.adjust(config, look_back(params, 'test'), corrections)
  found = backtest.measure(config, prepared, parts, said)
  simple = backtest.simple(config, prepared, said)
  known = {
    name: backtest.measure(config, prepared, parts, each)
    for name, each in simple.items()
  }
  print(score_table.score_table(known | {'network': found}))
  output.draw(config, run.path, prepared, {'network': said} | simple)
  absolute = {name: row['mae'] for name, row in known.items()}
  verdict = baselines.verdict(found['mae'], absolute)
  print(f'Test mae {found["mae"]:.4g} {verdict}.')
  if problem := tables.unknown_ahead(series, config.horizon):
    print(problem)
  print(
    f'Look ahead: ./launch.sh forecasting --mode=predict --workdir={run.path}'
  )
  valid = {k: x for k, x in metrics.items() if k.startswith('valid/')}
  return valid | {f'test/{name}': x for name, x in found.items()}


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory, prepared):
  """The model and the parameters of the newest checkpoint."""
  model = make_model(config, prepared)
  task = models.forecaster.task(model, config.carried)
  # The trained shapes do not depend on what is in the batch.
  windows = data.Windows([[0, 1]], config.batch_size, 1, carried=True)
  batches = data.forecast_batches(prepared.readings[:1], windows, [[0, 1]])
  plan = experiment.plan(config, run, task, batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return model, params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  series, added = tables.read(config)
  run.record_data(series.sha256)
  parts = splits.split(config, series, added, config.horizon)
  prepared = prepare(config, series, fitting.load(run.path))
  model, params = restore(config, run, prepared)
  look_back = make_backtest(config, model, prepared, parts)
  corrections = bands.load(run.path)
  found = {}
  for name in ('valid', 'test'):
    said = look_back(params, name)
    if name == 'test':
      said = bands.adjust(config, said, corrections)
    row = backtest.measure(config, prepared, parts, said)
    found |= {f'{name}/{key}': x for key, x in row.items()}
  return found


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Writes a table of the rows that follow the last one of every series."""
  asked, trained = config.horizon, run.read()['config']['horizon']
  if config.decoder == 'direct' and asked > trained:
    raise errors.UserError(
      f'--horizon={asked}: this run says {trained} rows ahead. Ask for fewer, '
      'or train another with that horizon.'
    )
  path = pathlib.Path(config.output or run.path / 'forecast.csv')
  series, _ = tables.read(config, config.rows_file)
  # What follows is of the run, whose network has a horizon of its own.
  config = dataclasses.replace(
    config,
    mode='train',
    horizon=trained if config.decoder == 'direct' else asked,
    rows_file='',
    output='',
  )
  fitted = fitting.load(run.path)
  forecaster.check_counts(config, series)
  fitting.check_frequency(fitted, series)
  ends = readings.num_rows(series)
  fitted = fitting.of_series(fitted, series, config.scaling, ends)
  if problem := tables.unknown_ahead(series, asked):
    raise errors.UserError(problem)
  prepared = prepare(config, series, fitted)
  model, params = restore(config, run, prepared)
  origins = np.stack([ends - 1, ends], axis=1)
  say = make_say(config, model)
  said = backtest.forecast(config, say, params, prepared, origins)
  corrections = bands.load(run.path)
  if notice := bands.notice(config, corrections):
    print(notice, file=sys.stderr)
  said = bands.adjust(config, said, corrections)
  output.write(config, prepared, said, asked, path)
  output.draw_ahead(config, path.parent, prepared, said)
  print(path)


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'forecasting', Config, MODES)
