"""Where numbers that are not finite come from: which step, rows, parameters.

bad_numbers/
  1/               the first roll-back of the run
    report.json    what `investigate` found, and the command that repeats it
    811/           the state before the step, as a checkpoint
"""

import json
import os
import pathlib
import shutil
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from seqjax import errors, files
from seqjax.training import checkpoint_format, logs
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import plan as plan_lib
from seqjax.training import state as state_lib
from seqjax.training import step as step_lib

FOLDER = 'bad_numbers'
_REPORT = 'report.json'


def investigate(
  plan: plan_lib.Plan,
  train_step: Callable,
  good: state_lib.TrainState,
  step: int,
  hparams: dict[str, jax.Array],
) -> tuple[dict[str, Any], state_lib.TrainState]:
  """Goes from a good state to a step whose numbers went bad, and looks at it.

  Args:
    plan: of the run.
    train_step: as of `make_train_step`.
    good: a state before the step; stays as it is.
    step: the update whose loss or gradient was not finite, counted from 1.
    hparams: of the step, as arrays.

  Returns:
    What a person should know, as JSON has it, and the state before the step:
    'step'; 'batch', its index; 'loss', the mean; 'rows', those of the batch
    whose loss or gradient is not finite by themselves; 'grad_norm', and
    'moved_norm' of what the update would make of it, per parameter; and
    'repeats', False where all is finite the second time: then neither data nor
    settings are the cause.
  """
  state = jax.tree.map(jnp.copy, good)  # A step donates what it is given.
  offset = int(state.data_offset)
  for index in range(int(state.step) + offset, step - 1 + offset):
    state = train_step(state, plan.batches(index), hparams)[0]
  index = step - 1 + offset
  batch = plan.batches(index)

  @jax.jit
  def look(state, batch, row=None):
    if row is not None:
      batch = _only(batch, row)
    loss, _, grads, (moved, _) = step_lib.propose(
      plan.task, plan.optimizer, state, batch, hparams
    )
    norms = lambda tree: jax.tree.map(optax.tree.norm, tree)
    # The step goes by these: of all together, which may overflow by itself.
    overall = optax.tree.norm(grads), optax.tree.norm(moved)
    return loss, norms(grads), norms(moved), overall

  found = look(state, batch)
  loss, grad_norm, moved_norm, _ = found
  rows = [
    row
    for row in range(batch.mask.shape[1])
    if not _all_finite(look(state, batch, row)[:2])
  ]
  report = {
    'step': step,
    'batch': index,
    'loss': logs.encode(loss),
    'rows': rows,
    'grad_norm': _encode(grad_norm),
    'moved_norm': _encode(moved_norm),
    'repeats': not _all_finite(found),
  }
  return report, state


def describe(report: dict[str, Any]) -> str:
  """The report in a sentence or two.

  >>> report = {'step': 812, 'batch': 811, 'loss': 2.5, 'rows': [3]}
  >>> report |= {'grad_norm': {'w_h': 'nan', 'b': 0.1}, 'repeats': True}
  >>> report |= {'moved_norm': {'w_h': 'nan', 'b': 0.2}}
  >>> describe(report).partition('; ')[2]
  'not finite: row 3 alone; the gradient of w_h (1 of 2 parameters).'
  """
  if not report['repeats']:
    return (
      f'Repeated from the last good state, step {report["step"]} is finite: '
      'not the data or the settings went bad, but numbers in memory.'
    )
  step, batch, loss, rows = (
    report[name] for name in ('step', 'batch', 'loss', 'rows')
  )
  found = []
  if rows:
    more = f' and {len(rows) - 8} more' * (len(rows) > 8)
    found.append(f'row {", ".join(map(str, rows[:8]))}{more} alone')
  # What moves by a gradient that is not finite is not so either.
  for what, name in (('gradient', 'grad_norm'), ('update', 'moved_norm')):
    norms = report[name]
    bad = [name for name, norm in norms.items() if isinstance(norm, str)]
    if bad:
      found.append(
        f'the {what} of {", ".join(bad[:3])} ({len(bad)} of {len(norms)} '
        'parameters)'
      )
      break
  if not found:
    one = isinstance(loss, str)
    found.append('the loss alone' if one else 'the norm of all parameters')
  return (
    f'Step {step}, batch {batch}: loss {loss}; not finite: {"; ".join(found)}.'
  )


def report(
  plan: plan_lib.Plan,
  train_step: Callable,
  good: state_lib.TrainState,
  step: int,
  hparams: dict[str, jax.Array],
  *,
  folder: pathlib.Path,
  fetch: Callable[[state_lib.TrainState], state_lib.TrainState],
  say: Callable[[str], None],
) -> None:
  """Says what `investigate` finds, and keeps it in a folder, where it can.

  Args:
    plan, train_step, good, step, hparams: as of `investigate`.
    folder: of this roll-back; what an earlier run left there goes.
    fetch: as of `devices.Placement`.
    say: is given each sentence.
  """
  found, state = investigate(plan, train_step, good, step, hparams)
  say(describe(found))
  state = fetch(state)
  try:
    if folder.exists():
      shutil.rmtree(folder)
    checkpoints = checkpoints_lib.Checkpoints(
      folder, fingerprint=plan.fingerprint
    )
    checkpoints.save(step - 1, state)
    checkpoints.close()
    if _has_nan(found):  # Else it would find nothing.
      found['command'] = f'{plan.command} --jax_debug_nans'
    text = json.dumps(found, indent=2) + '\n'
    files.atomic_write(folder / _REPORT, text)  # Last: now it is whole.
  except (errors.UserError, errors.GaveUp, OSError) as error:
    say(f'{folder} was not written ({error}). Training goes on without it.')
  else:
    say(f'{folder / _REPORT} says more.')


def newest_report(directory: str | os.PathLike) -> pathlib.Path | None:
  """The folder of the last roll-back of a run, if there was one."""
  # What else lies there was not written by us, or not to its end.
  reports = pathlib.Path(directory, FOLDER).glob(f'*/{_REPORT}')
  whole = [x.parent for x in reports if x.parent.name.isdecimal()]
  return max(whole, key=lambda folder: int(folder.name), default=None)


def repeat(
  plan: plan_lib.Plan, train_step: Callable, directory, hparams
) -> None:
  """Does the last bad step again, with JAX looking at every operation.

  Raises:
    FloatingPointError: the first operation with a NaN, by its traceback.
    UserError: no step of this run went bad, or it is finite now.
  """
  newest = newest_report(directory)
  if newest is None:
    raise errors.UserError(
      f'--jax_debug_nans: there is no report in {directory}/{FOLDER}, so no '
      'step of this run was rolled back. Leave the flag out.'
    )
  checkpoints = checkpoints_lib.Checkpoints(
    newest, fingerprint=plan.fingerprint, read_only=True
  )
  restored = checkpoints.restore(jax.eval_shape(plan.initial))
  checkpoints.close()
  if restored is None:
    raise errors.UserError(
      f'--jax_debug_nans: the state before the bad step is missing from '
      f'{newest}. Begin with another --workdir to come there again.'
    )
  step, state = restored
  print(f'Repeating step {step + 1:,}.')
  batch = plan.batches(step + int(state.data_offset))
  # Operation by operation, so that the traceback ends in the cell or the loss.
  with jax.debug_nans(True), jax.disable_jit():
    jax.block_until_ready(train_step(state, batch, hparams))
  raise errors.UserError(
    f'--jax_debug_nans: step {step + 1:,} holds no NaN when it is repeated, '
    f'and infinities are not looked for: {newest / _REPORT} says more.'
  )


def _only(batch, row):
  """The batch in which every other row weighs nothing."""
  chosen = jnp.arange(batch.mask.shape[1]) == row
  # Weights are [T, B] or [B]: the rows stand last in both.
  like = lambda array: jnp.broadcast_to(chosen, array.shape)
  return batch._replace(
    mask=batch.mask & like(batch.mask),
    weights=jnp.where(like(batch.weights), batch.weights, 0),
  )


def _has_nan(report) -> bool:
  norms = report['grad_norm'], report['moved_norm']
  values = [report['loss'], *norms[0].values(), *norms[1].values()]
  return 'nan' in values


def _all_finite(tree) -> bool:
  return all(np.isfinite(x) for x in jax.tree.leaves(tree))


def _encode(norms) -> dict[str, Any]:
  named = checkpoint_format.named_leaves(norms)
  return {name: logs.encode(norm) for name, norm in named.items()}
