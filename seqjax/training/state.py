"""What training keeps between steps, and nothing that can be derived."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from seqjax.data import batch as batch_lib
from seqjax.models import task as task_lib
from seqjax.training import optimizer as optimizer_lib


class TrainState(NamedTuple):
  """Everything that a resumed run needs; the rest follows from the config.

  The key of a step is fold_in(fold_in(key(seed), step), rollbacks), the index
  of its batch is step + data_offset.
  """

  step: jax.Array  # [] int32, updates done, skipped ones included
  params: Any
  opt_state: Any
  carry: Any  # [B, ...], enters the next window
  skipped_in_row: jax.Array  # [] int32, non-finite updates since the last good
  rollbacks: jax.Array  # [] int32
  data_offset: jax.Array  # [] int32, batches jumped over by roll-backs


@functools.partial(jax.jit, static_argnums=(0, 1))
def create(
  task: task_lib.Task,
  optimizer: optimizer_lib.Optimizer,
  batch: batch_lib.Batch,
  seed: int,
  params: Any = None,
) -> TrainState:
  """The state before the first step.

  Args:
    task, optimizer: of the run; equal ones share what is compiled.
    batch: any batch of the run.
    seed: of the parameters.
    params: to begin with, instead of those that the seed draws.
  """
  if params is None:
    params = task.init(jax.random.key(seed), batch)
  return TrainState(
    step=jnp.int32(0),
    params=params,
    opt_state=optimizer.init(params),
    carry=task.carry(params, batch.mask.shape[1]),
    skipped_in_row=jnp.int32(0),
    rollbacks=jnp.int32(0),
    data_offset=jnp.int32(0),
  )


def step_key(seed, state: TrainState):
  """The key of the step that comes next; the seed may be traced."""
  key = jax.random.fold_in(jax.random.key(seed), state.step)
  return jax.random.fold_in(key, state.rollbacks)
