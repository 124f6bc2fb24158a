"""What a run has learnt, for what reads it and does not train."""

import os
import pathlib
from typing import Any

import jax
import numpy as np

from seqjax import errors
from seqjax.training import best as best_lib
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import plan as plan_lib


def restore(
  plan: plan_lib.Plan, directory: str | os.PathLike
) -> tuple[int, Any]:
  """The step and the parameters of the checkpoint that the plan names.

  Args:
    plan: 'latest' or 'best' is its `checkpoint`.
    directory: of the run.

  Raises:
    UserError: there is none; or the best, which the log names, is not whole.
  """
  directory = pathlib.Path(directory)
  template = jax.eval_shape(plan.initial)
  if plan.checkpoint == 'best':
    return _restore_best(plan, directory, template.params)
  step, state = _some(
    _open(directory / 'checkpoints', plan.fingerprint, template), directory
  )
  return step, state.params


def newest_params(
  directory: str | os.PathLike,
) -> tuple[int, dict[str, np.ndarray]]:
  """The step and the parameters by name of the newest checkpoint of a run.

  Args:
    directory: of the run, whatever it trained.

  Raises:
    UserError: it holds none.
  """
  step, state = _some(
    _open(pathlib.Path(directory, 'checkpoints'), None, None), directory
  )
  params = {
    name.removeprefix('params/'): array
    for name, array in state.items()
    if name.startswith('params/')
  }
  return step, params


def _restore_best(plan, directory, params):
  step = best_lib.step(directory)
  if step is None:
    raise errors.UserError(
      f'{directory} holds no best parameters: no evaluation had a finite '
      'score, or best/ was removed. Leave out --checkpoint=best.'
    )
  folder = directory / best_lib.FOLDER
  restored = _open(folder, plan.fingerprint, {'params': params})
  if restored is None or restored[0] != step:
    raise errors.UserError(
      f'{folder} does not hold the best parameters: those of step {step:,} are '
      'missing or damaged, or still being written. Leave out '
      '--checkpoint=best to read the newest.'
    )
  return step, restored[1]['params']


def _open(folder, fingerprint, template):
  checkpoints = checkpoints_lib.Checkpoints(
    folder, fingerprint=fingerprint, read_only=True
  )
  if template is None:
    restored = checkpoints.restore_leaves()
  else:
    restored = checkpoints.restore(template)
  checkpoints.close()
  return restored


def _some(restored, directory):
  if restored is None:
    raise errors.UserError(
      f'{directory} holds no checkpoint yet. Train it first: the same command '
      'without --mode.'
    )
  return restored
