"""From the settings that every experiment has to what they describe."""

import inspect

from seqjax import cells, errors, layers, models, training
from seqjax.experiment import config as configs
from seqjax.experiment import run_directory


def recurrent(config: configs.Config, **options) -> layers.Recurrent:
  """The recurrent stack of a config.

  Args:
    config: of any experiment.
    **options: further attributes of `layers.Recurrent`, e.g. bidirectional.

  Raises:
    UserError: the cell has no such option at its initialisation.
  """
  cell = cells.CELLS[config.cell]()
  init_options = {'scheme': config.initializer}
  for name in ('forget_bias', 'chrono_steps'):
    if getattr(config, name) != getattr(configs.Config, name):
      if name not in inspect.signature(cell.init).parameters:
        raise errors.UserError(f'--{name}: --cell={config.cell} has none.')
      init_options[name] = getattr(config, name)
  return layers.Recurrent(
    cell,
    config.layer_sizes,
    residual=config.residual,
    variational=config.variational,
    initial_carry=config.initial_carry,
    init_options=init_options,
    **options,
  )


def plan(
  config: configs.Config,
  run: run_directory.RunDirectory,
  task: models.Task,
  batches,
  **options,
) -> training.Plan:
  """What `training.fit` needs; `run.record_data` must have been called.

  Args:
    config: of any experiment.
    run: its directory, for the fingerprint of settings and data.
    task: what is trained.
    batches: index -> Batch.
    **options: further attributes of `training.Plan`, e.g. evaluate.
  """
  hparams = {
    'learning_rate': config.learning_rate,
    'clip_norm': config.clip_norm,
    'clip_value': config.clip_value,
  }
  if config.dropout_rate:  # A rate of zero need not draw its masks.
    hparams['dropout_rate'] = config.dropout_rate
  return training.Plan(
    task=task,
    optimizer=training.make_optimizer(
      config.optimizer, config.schedule, config.steps
    ),
    batches=batches,
    hparams=hparams,
    steps=config.steps,
    seed=config.seed,
    eval_every=config.eval_every,
    checkpoint_every=config.checkpoint_every,
    fingerprint=run.fingerprint(config),
    **options,
  )
