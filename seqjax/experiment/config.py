"""The settings that every experiment has, with the same meaning in each."""

import dataclasses
import functools
import pkgutil
from typing import Any

from seqjax.experiment import fields, machine

# The only schedule that does not read how many steps there are. With any other
# a longer run is another run from its first step on.
_ENDLESS_SCHEDULES = ('constant',)


def _kind_of_steps(config: 'Config') -> str:
  endless = config.schedule in _ENDLESS_SCHEDULES
  return 'extendable' if endless else 'identity'


def _names_in(registry: str):
  """Choices that are a registry's keys, imported when they are needed."""
  return functools.partial(pkgutil.resolve_name, registry)


def _regularizer(help: str, **limits) -> Any:
  return fields.field(0.0, help, group='regularisation', minimum=0, **limits)


@dataclasses.dataclass(frozen=True)
class Config(machine.Machine):
  """Settings of one run; an experiment adds its own in a subclass.

  Every value is checked when the config is made: `UserError` names the flag.

  Example:
    >>> @dataclasses.dataclass(frozen=True)
    ... class CopyConfig(Config):
    ...   steps: int = 3000
    ...   delay: int = fields.field(20, 'time steps to remember', minimum=1)
    >>> CopyConfig(delay=0)
    Traceback (most recent call last):
    seqjax.errors.UserError: --delay=0: expected an integer of at least 1.
  """

  dataset: str = fields.field('', 'what to learn from', group='data')
  data_seed: int = fields.field(
    0,
    'order and noise of the data; apart from --seed, so that seeds compare on '
    'the same data',
    group='data',
    minimum=0,
    maximum=2**32 - 1,
  )
  batch_size: int = fields.field(
    32,
    'sequences per update; 16 to 256',
    group='data',
    minimum=1,
    maximum=2**20,
  )

  cell: str = fields.field(
    'lstm', 'recurrent cell', choices=_names_in('seqjax.cells:CELLS')
  )
  cell_options: str = fields.field(
    '',
    'options of the cell and numbers of its init, as in '
    'peephole=true,heads=4,recurrent_scale=0.9; docs/cells.md lists them',
  )
  hidden_size: int = fields.field(
    128, 'units of each layer; 32 to 1024', minimum=1, maximum=2**16
  )
  num_layers: int = fields.field(1, 'recurrent layers; 1 to 4', minimum=1)
  hidden_sizes: tuple[int, ...] = fields.field(
    (),
    'units of each layer one by one, as in 128,64; wins over --hidden_size and '
    '--num_layers',
    minimum=1,
    maximum=2**16,
  )
  residual: bool = fields.field(
    False, 'add the input of each upper layer to its output'
  )
  initial_carry: str = fields.field(
    'zero',
    'the carry before the text',
    choices=_names_in('seqjax.layers:INITIAL_CARRIES'),
  )
  initializer: str = fields.field(
    'orthogonal',
    'how weights begin, where the cell has no way of its own (irnn has)',
    choices=_names_in('seqjax.cells:SCHEMES'),
  )
  forget_bias: float = fields.field(
    1.0,
    'of the forget gate at the start, where the cell has one; -1 to 3. At 1 '
    "the cell's own default stands; --cell_options=forget_bias=1 insists",
    traced=True,
  )
  chrono_steps: int = fields.field(
    0,
    'gates of an LSTM or GRU begin with memories of up to so many steps; 0 '
    'leaves them as they are',
    minimum=0,
    maximum=10**9,
    traced=True,
  )

  dropout_rate: float = _regularizer(
    'probability of dropping a unit between layers; 0 to 0.5',
    below=1,
    traced=True,
  )
  variational: bool = fields.field(
    False,
    'one mask of --dropout_rate per sequence instead of one per step',
    group='regularisation',
  )
  input_dropout_rate: float = _regularizer(
    'probability of dropping an input of a recurrent layer, one mask per '
    'sequence; 0 to 0.5',
    below=1,
  )
  state_dropout_rate: float = _regularizer(
    'recurrent dropout of the state, where it meets the recurrent weights, one '
    'mask per sequence; 0 to 0.5',
    below=1,
  )
  candidate_dropout_rate: float = _regularizer(
    'recurrent dropout of the candidate alone, which loses no memory; 0 to 0.5',
    below=1,
  )
  candidate_per_step: bool = fields.field(
    False,
    'one mask of --candidate_dropout_rate per step',
    group='regularisation',
  )
  zoneout_h_rate: float = _regularizer(
    'probability that a unit of h keeps its value at a step; 0 to 0.2',
    maximum=1,
  )
  zoneout_c_rate: float = _regularizer('the same of c; 0 to 0.5', maximum=1)
  weight_dropout_rate: float = _regularizer(
    'probability of dropping a recurrent weight (DropConnect); 0 to 0.7',
    below=1,
  )
  weight_noise: float = _regularizer(
    'standard deviation of noise on the weights of recurrent layers; 0 to 0.1'
  )
  activation_penalty: float = _regularizer(
    'factor on the mean square of the outputs (AR); 0 to 4',
    traced=True,
  )
  temporal_penalty: float = _regularizer(
    'factor on the mean square of their change from step to step (TAR); 0 to 2',
    traced=True,
  )

  steps: int = fields.field(
    1000,
    'updates of the parameters in the whole run; 0 evaluates what it begins '
    'with',
    group='training',
    kind=_kind_of_steps,
    minimum=0,
    maximum=2**31 - 1,
  )
  learning_rate: float = fields.field(
    2e-3,
    'step size at its peak; 1e-4 to 1e-2 with adam',
    group='training',
    minimum=0,
    traced=True,
  )
  optimizer: str = fields.field(
    'adam',
    'rule of the update',
    group='training',
    choices=_names_in('seqjax.training.optimizer:OPTIMIZERS'),
  )
  schedule: str = fields.field(
    'constant',
    'how the learning rate changes over --steps',
    group='training',
    choices=_names_in('seqjax.training.optimizer:SCHEDULES'),
  )
  clip_norm: float = fields.field(
    1.0,
    'greatest global norm of the gradient; 0 for no limit; 0.25 to 5',
    group='training',
    minimum=0,
    traced=True,
  )
  clip_value: float = fields.field(
    0.0,
    'greatest magnitude of any one entry of the gradient, cut before the norm; '
    '0 for no limit; 0.1 to 5',
    group='training',
    minimum=0,
    traced=True,
  )

  seed: int = fields.field(
    0,
    'initial parameters and dropout',
    group='run',
    # jax.random.key would take 2**32 for 0.
    minimum=0,
    maximum=2**32 - 1,
    traced=True,
  )
  eval_every: int = fields.field(
    100,
    'updates between evaluations',
    group='run',
    kind='extendable',
    minimum=1,
  )
  checkpoint_every: int = fields.field(
    100,
    'updates between checkpoints',
    group='run',
    kind='extendable',
    minimum=1,
  )
  checkpoint: str = fields.field(
    'latest',
    'what modes other than train read; best by the score of the valid part',
    group='run',
    kind='runtime',
    choices=('latest', 'best'),
  )
  jax_debug_nans: bool = fields.field(
    False,
    'train nothing: repeat the step whose numbers last went bad, up to the '
    'operation that makes the first NaN',
    group='run',
    kind='runtime',
  )
  init_from: str = fields.field(
    '',
    'directory of a run whose newest parameters this one begins with, where '
    'name, shape and dtype fit; the seed draws the others',
    group='run',
    is_path=True,
  )
  workdir: str = fields.field(
    '',
    'directory of the run; runs/<experiment>/<cell>-<hash>-s<seed> if empty',
    group='run',
    kind='runtime',
  )
  mode: str = fields.field('train', 'what to do', group='run', kind='runtime')

  def __post_init__(self):
    for name, field in fields.declared(type(self)).items():
      # The class is frozen for its users; this is still its construction.
      object.__setattr__(self, name, field.check(getattr(self, name)))

  @property
  def layer_sizes(self) -> tuple[int, ...]:
    """Units of each recurrent layer, first layer first.

    >>> Config(hidden_size=8, num_layers=2).layer_sizes
    (8, 8)
    >>> Config(hidden_size=8, hidden_sizes=(4, 2)).layer_sizes
    (4, 2)
    """
    return self.hidden_sizes or (self.hidden_size,) * self.num_layers


def kind(config: Config, name: str) -> str:
  """Which of the kinds of `fields.field` a field has in this config."""
  kind = fields.declared(type(config))[name].kind
  return kind(config) if callable(kind) else kind


def settings(config: Config, *kinds: str) -> dict[str, Any]:
  """The settings of some kinds, by name.

  >>> settings(Config(eval_every=7), 'extendable')['eval_every']
  7
  """
  return {
    name: getattr(config, name)
    for name in fields.declared(type(config))
    if kind(config, name) in kinds
  }
