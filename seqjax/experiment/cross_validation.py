"""Runs that hold out one share of the data, or every share in turn."""

import dataclasses

import numpy as np

from seqjax import data, errors
from seqjax.experiment import classification, fields, run_directory
from seqjax.training import bad_numbers, initial

# The place of the only training of a run: its directory itself.
HERE = '.'


@dataclasses.dataclass(frozen=True)
class Config(classification.Config):
  """The settings that say what is held out."""

  num_folds: int = fields.field(
    0,
    'parts of a cross-validation, each held out once; 0 holds out '
    '--valid_fraction instead; 5 to 10',
    group='data',
    minimum=0,
    maximum=1000,
  )
  fold: int = fields.field(
    -1,
    'the only part to hold out, from 0',
    group='data',
    minimum=0,
    or_all=True,
  )

  def __post_init__(self):
    super().__post_init__()
    if self.num_folds == 1 or self.fold >= self.num_folds:
      raise errors.UserError(
        f'--num_folds={self.num_folds} --fold={self.fold}: expected at least '
        'two folds, and one of them, counted from 0.'
      )
    if self.num_folds and self.init_from:
      raise errors.UserError(
        '--init_from goes without --num_folds: every fold begins with weights '
        'of its own.'
      )

  @property
  def folds(self) -> tuple[int, ...]:
    """The folds to hold out, one after another; none without --num_folds.

    >>> Config(num_folds=3).folds, Config(num_folds=3, fold=1).folds
    ((0, 1, 2), (1,))
    """
    return tuple(range(self.num_folds)) if self.fold == -1 else (self.fold,)

  @property
  def places(self) -> tuple[str, ...]:
    """Where in the run's directory each training has its own.

    >>> Config(num_folds=2).places, Config().places
    (('folds/0', 'folds/1'), ('.',))
    """
    return tuple(f'folds/{k}' for k in self.folds) or (HERE,)


def split(config: Config, labels) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """The rows to train on and those held out, by the place of each training.

  Args:
    config: of the experiment.
    labels: [N], of which each share has its part.

  Raises:
    UserError: there are too few rows.
  """
  if config.folds:
    ids = [
      data.fold(labels, config.num_folds, k, config.data_seed)
      for k in config.folds
    ]
  else:
    ids = [data.hold_out(labels, config.valid_fraction, config.data_seed)]
  return dict(zip(config.places, ids, strict=True))


def check(config: Config, run: run_directory.RunDirectory) -> None:
  """Refuses weights to begin from, which a fold would not find.

  Raises:
    UserError: there are such weights.
  """
  path = run.path / initial.NAME
  if config.num_folds and path.exists():
    raise errors.UserError(
      f'{path}: every fold begins with weights of its own. Remove the file, or '
      'leave out --num_folds.'
    )


def to_train(
  config: Config, run: run_directory.RunDirectory
) -> tuple[str, ...]:
  """The places to train in, one after another.

  With --jax_debug_nans it is the last in which a step was rolled back.
  """
  if config.jax_debug_nans:
    for place in reversed(config.places):
      if bad_numbers.newest_report(run.path / place):
        return (place,)
  return config.places


def begin(run: run_directory.RunDirectory, place: str):
  """The directory of one training, made. After `run.record_data`.

  A fold writes its metrics there; in that of the run, an empty file says that
  the run has begun, so that a resume finds its settings.
  """
  (run.path / 'metrics.jsonl').touch()
  directory = run.path / place
  directory.mkdir(parents=True, exist_ok=True)
  return directory


def summary(found: dict[str, dict[str, float]]) -> dict[str, float]:
  """The metrics of the run, from those of each place.

  Of folds these are the means, and the accuracy of each.

  >>> folds = {'folds/0': {'valid/accuracy': 0.5},
  ...          'folds/1': {'valid/accuracy': 1.0}}
  >>> summary(folds)
  {'valid/accuracy': 0.75, 'folds/0/accuracy': 0.5, 'folds/1/accuracy': 1.0}
  """
  if HERE in found:
    return found[HERE]
  means = {
    name: float(np.mean([metrics[name] for metrics in found.values()]))
    for name in next(iter(found.values()))
  }
  return means | {
    f'{place}/accuracy': metrics['valid/accuracy']
    for place, metrics in found.items()
  }
