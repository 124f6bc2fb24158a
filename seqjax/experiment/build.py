"""From the settings that every experiment has to what they describe."""

import shlex
from collections.abc import Sequence

import flax
import jax

from seqjax import errors, layers, models, training
from seqjax.cells import regularizers
from seqjax.experiment import beginning, cell_options, run_directory
from seqjax.experiment import config as configs
from seqjax.training import devices, initial

# Numbers of a training step that are 0 where they are off.
_REGULARIZERS = (
  'dropout_rate',
  *regularizers.Rates._fields,
  'activation_penalty',
  'temporal_penalty',
  # Only of experiments that read words, or write them.
  'word_dropout_rate',
  'label_smoothing',
  'attention_penalty',  # Only of those that look at pictures.
)


def recurrent(config: configs.Config, **options) -> layers.Recurrent:
  """The recurrent stack of a config.

  Args:
    config: of any experiment.
    **options: further attributes of `layers.Recurrent`, e.g. bidirectional.

  Raises:
    UserError: the cell has no such option at its initialisation.
  """
  cell, init_options = cell_options.make_cell(config.cell, config.cell_options)
  known = cell_options.defaults_of(cell.init)
  for name in ('initializer', 'forget_bias', 'chrono_steps'):
    option = {'initializer': 'scheme'}.get(name, name)
    if getattr(config, name) == getattr(configs.Config, name):
      continue  # The cell has a default of its own.
    if option not in known:
      raise errors.UserError(f'--{name}: --cell={config.cell} has none.')
    if option in init_options:
      raise errors.UserError(
        f'--{name} and --cell_options={option}=... say the same: leave out one.'
      )
    init_options[option] = getattr(config, name)
  return layers.Recurrent(
    cell,
    config.layer_sizes,
    residual=config.residual,
    variational=config.variational,
    rates=regularizers.Rates(
      **{name: getattr(config, name) for name in regularizers.Rates._fields}
    ),
    candidate_per_step=config.candidate_per_step,
    initial_carry=config.initial_carry,
    init_options=flax.core.freeze(init_options),  # Or it had no hash.
    **options,
  )


def check(
  config: configs.Config,
  run: run_directory.RunDirectory,
  task: models.Task,
  batches,
  symbols: Sequence[str] | None = None,
) -> None:
  """Refuses what a cell cannot do, before `run.record_data` begins a run.

  What a run takes over with --init_from is chosen and said here.

  Args:
    config: of any experiment.
    run: its directory, for the weights that it may begin from.
    task: what is trained.
    batches: index -> Batch.
    symbols: of the vocabulary, where inputs are symbols.

  Raises:
    UserError: the cell takes no such input or size, or no such regulariser; or
      the weights are not of this network; or the devices cannot share a batch.
  """
  batch = batches(0)
  devices.Placement(config.num_devices).check(batch)
  params = jax.eval_shape(task.init, jax.random.key(0), batch)
  if given := initial.read(run.path):
    given.params(params)
    if None not in (given.symbols, symbols) and given.symbols != symbols:
      raise errors.UserError(
        f'{given.path} belongs to a vocabulary of other symbols, or of these '
        'in another order. Train on the data that it was made with.'
      )
  if config.init_from and not run.begun():
    beginning.take_over(config, run, task, batches, symbols)


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
  for name in _REGULARIZERS:
    if getattr(config, name, 0):  # A rate of zero need not draw its masks.
      hparams[name] = getattr(config, name)
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
    checkpoint=config.checkpoint,
    num_devices=config.num_devices,
    begin=run.remove_result,
    command=shlex.join(
      ['./launch.sh', run.read()['experiment'], f'--workdir={run.path}']
    ),
    debug_nans=config.jax_debug_nans,
    **options,
  )
