"""A run that goes on from another, with new rows."""

from seqjax import errors
from seqjax.experiment import fields, run_directory
from seqjax.experiment.forecasting import fitting, forecaster

# What the weights have learnt to read and to say.
_ALIKE = (
  'target_columns',
  'past_columns',
  'known_columns',
  'static_columns',
  'apart',
  'log',
  'scaling',
  'calendar',
  'seasonal_inputs',
  'head',
  'bands',
  'base',
)


def take_over(
  config: forecaster.Config,
  run: run_directory.RunDirectory,
  series,
  train_rows,
) -> fitting.Fitted:
  """Scales of the run of --init_from, so that its weights mean the same.

  The linear map is fitted anew. Once the run has begun all lies there, and the
  other may go.

  Raises:
    UserError: the other run was of something else.
  """
  if run.begun():
    return fitting.load(run.path)
  flag = f'--init_from={config.init_from}'
  other = run_directory.RunDirectory(config.init_from)
  record = other.read()
  if record is None or record['experiment'] != 'forecasting':
    raise errors.UserError(f'{flag}: there is no forecasting run.')
  for name in _ALIKE:
    before, now = record['config'].get(name), getattr(config, name)
    if isinstance(before, list):
      before = tuple(before)
    if before != now:
      raise errors.UserError(
        f'{flag}: that run has --{name}={fields.shown(before)}, '
        f'this one {fields.shown(now)}. Its weights would mean something else.'
      )
  before = fitting.load(other.path)
  fitting.check_frequency(before, series)
  kept = fitting.of_series(before, series, config.scaling, train_rows)
  return forecaster.fit(config, series, train_rows, kept)
