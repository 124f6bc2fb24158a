"""Sequences of any length in batches, in whatever experiment."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from seqjax import data, errors
from seqjax.experiment import config as configs
from seqjax.experiment import fields


@dataclasses.dataclass(frozen=True)
class PaddedConfig(configs.Config):
  """The settings that such an experiment adds to those of every other."""

  max_compilations: int = fields.field(
    8,
    'lengths that batches are padded to, and compiled for; 4 to 16',
    group='data',
    minimum=1,
    maximum=64,
  )
  eval_batch_size: int = fields.field(
    64,
    'sequences at once where nothing is learnt; changes no printed number',
    group='run',
    kind='measuring',
    minimum=1,
    maximum=2**20,
  )


@dataclasses.dataclass(frozen=True)
class Config(PaddedConfig):
  """The same, of one that reads whole sequences before it answers."""

  bidirectional: bool = fields.field(False, 'read every layer both ways')
  valid_fraction: float = fields.field(
    0.1,
    'share of the training part that is held out; 0.05 to 0.2',
    group='data',
    above=0,
    below=1,
  )

  def __post_init__(self):
    super().__post_init__()
    # Of those that look at what they read.
    if self.bidirectional and getattr(self, 'attention', '') == 'dot':
      raise errors.UserError(
        '--attention=dot compares what is sought with what was read, and read '
        'both ways that is twice as wide. Take --attention=general, or '
        '--bidirectional=false.'
      )


def plan_batches(
  config: PaddedConfig, sequences, data_seed: int | None = None
) -> data.Buckets:
  """Batches to learn from with `data_seed`, and to be measured on without."""
  training_part = data_seed is not None
  return data.Buckets(
    np.array([len(x) for x in sequences]),
    config.batch_size if training_part else config.eval_batch_size,
    config.max_compilations,
    data_seed=data_seed or 0,
    shuffle=training_part,
  )


def answers(
  predict: Callable, batches: Callable, plan: data.Buckets
) -> Iterator[tuple[int, int, Any]]:
  """What a model says of every sequence, filler rows left out.

  Args:
    predict: of a Batch.
    batches: index -> Batch, as `plan` says.
    plan: of `plan_batches`.

  Yields:
    The sequence's number, its row, and the answer to the batch as NumPy arrays.
  """
  for index in range(plan.batches_per_epoch):
    found = jax.device_get(predict(batches(index)))
    for row, i in enumerate(plan.rows(index).ids):
      if i >= 0:
        yield i, row, found
