"""A run that goes on from another, with new rows."""

import pathlib

from seqjax import errors
from seqjax.experiment import cell_options, fields, run_directory
from seqjax.experiment.forecasting import fitting, forecaster
from seqjax.training import checkpoints, initial

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
  path: str,
) -> fitting.Fitted:
  """Scales of another run, whose weights are laid into this one's folder.

  The linear map is fitted anew. Once the run has begun all lies there, and the
  other may go.

  Raises:
    UserError: the other run was of something else.
  """
  if run.begun():
    return fitting.load(run.path)
  other = run_directory.RunDirectory(path)
  record = other.read()
  if record is None or record['experiment'] != 'forecasting':
    raise errors.UserError(f'--begin_from={path}: there is no forecasting run.')
  for name in _ALIKE:
    before, now = record['config'].get(name), getattr(config, name)
    if isinstance(before, list):
      before = tuple(before)
    if before != now:
      raise errors.UserError(
        f'--begin_from={path}: that run has --{name}={fields.shown(before)}, '
        f'this one {fields.shown(now)}. Its weights would mean something else.'
      )
  before = fitting.load(other.path)
  fitting.check_frequency(before, series)
  step, params = checkpoints.newest_params(other.path)
  print(f'Begins with {path} at step {step:,}.')
  options = cell_options.builder_options(config.cell, config.cell_options)
  initial.write(pathlib.Path(run.path), params, config.cell, options)
  kept = fitting.of_series(before, series, config.scaling, train_rows)
  return forecaster.fit(config, series, train_rows, kept)
