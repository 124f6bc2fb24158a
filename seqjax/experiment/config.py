"""The settings that every experiment has, with the same meaning in each."""

import dataclasses
import functools
import hashlib
import json
import pkgutil
from typing import Any

from seqjax.experiment import fields

# The only schedule that does not read how many steps there are. With any other
# a longer run is another run from its first step on.
_ENDLESS_SCHEDULES = ('constant',)


def _kind_of_steps(config: 'Config') -> str:
  endless = config.schedule in _ENDLESS_SCHEDULES
  return 'extendable' if endless else 'identity'


def _names_in(registry: str):
  """Choices that are a registry's keys, imported when they are needed."""
  return functools.partial(pkgutil.resolve_name, registry)


@dataclasses.dataclass(frozen=True)
class Config:
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
  dropout_rate: float = fields.field(
    0.0, 'probability of dropping a unit; 0 to 0.5', minimum=0, below=1
  )

  residual: bool = fields.field(
    False, 'add the input of each upper layer to its output'
  )
  variational: bool = fields.field(
    False, 'one dropout mask per sequence instead of one per step'
  )
  initial_carry: str = fields.field(
    'zero',
    'the carry before the text',
    choices=_names_in('seqjax.layers:INITIAL_CARRIES'),
  )
  initializer: str = fields.field(
    'orthogonal', 'how weights begin', choices=_names_in('seqjax.cells:SCHEMES')
  )
  forget_bias: float = fields.field(
    1.0, 'of the LSTM at the start; -1 to 3, and 1 keeps what it has seen'
  )
  chrono_steps: int = fields.field(
    0,
    'gates of an LSTM or GRU begin with memories of up to so many steps; 0 '
    'leaves them as they are',
    minimum=0,
    maximum=10**9,
  )

  steps: int = fields.field(
    1000,
    'updates of the parameters in the whole run',
    group='training',
    kind=_kind_of_steps,
    minimum=1,
    maximum=2**31 - 1,
  )
  learning_rate: float = fields.field(
    2e-3,
    'step size at its peak; 1e-4 to 1e-2 with adam',
    group='training',
    minimum=0,
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
  )

  clip_value: float = fields.field(
    0.0,
    'greatest magnitude of any one entry of the gradient, cut before the norm; '
    '0 for no limit; 0.1 to 5',
    group='training',
    minimum=0,
  )

  seed: int = fields.field(
    0,
    'initial parameters and dropout',
    group='run',
    # jax.random.key would take 2**32 for 0.
    minimum=0,
    maximum=2**32 - 1,
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
  """Whether a field is 'identity', 'extendable' or 'runtime' in this config."""
  kind = fields.declared(type(config))[name].kind
  return kind(config) if callable(kind) else kind


def identity(config: Config) -> dict[str, Any]:
  """The settings that make the run the run it is, by name."""
  return {
    name: getattr(config, name)
    for name in fields.declared(type(config))
    if kind(config, name) == 'identity'
  }


def run_id(config: Config) -> str:
  """The name of a run: `<cell>-<6 hex>-s<seed>`.

  The hash is over the identity fields, but for the seed, that differ from
  their default: the same command finds the same run, runs that differ in the
  seed alone stand side by side, and a new field changes no name.
  """
  declared = fields.declared(type(config))
  typed = {
    name: value
    for name, value in identity(config).items()
    if name != 'seed' and value != declared[name].default
  }
  return f'{config.cell}-{digest(typed)[:6]}-s{config.seed}'


def digest(content: Any) -> str:
  """SHA-256, in hex, of the canonical JSON of the content."""
  text = json.dumps(content, sort_keys=True, separators=(',', ':'))
  return hashlib.sha256(text.encode()).hexdigest()
