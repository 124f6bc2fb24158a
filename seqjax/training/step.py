"""One update of the parameters, as one compiled function."""

import functools

import jax
import jax.numpy as jnp
import optax

from seqjax.models import task as task_lib
from seqjax.recurrence import scan
from seqjax.training import optimizer as optimizer_lib
from seqjax.training import state as state_lib


def propose(
  task: task_lib.Task,
  optimizer: optimizer_lib.Optimizer,
  state: state_lib.TrainState,
  batch,
  hparams,
):
  """What an update would make of a state, before that is known to be finite.

  Args:
    task, optimizer: as of `make_train_step`.
    state, batch, hparams: as of the step.

  Returns:
    The mean loss, the task's `Aux`, the gradient, and the new (params,
    opt_state).
  """
  key = state_lib.step_key(hparams['seed'], state)

  def mean_loss(params):
    total, aux = task.loss(
      params, state.carry, batch, key, hparams | {'step': state.step}
    )
    # A batch without weight has no gradient, and must not divide by zero.
    return total / jnp.where(aux.weight > 0, aux.weight, 1), aux

  grad = jax.value_and_grad(mean_loss, has_aux=True)
  (loss, aux), grads = grad(state.params)
  moved = optimizer.update(grads, state.opt_state, state.params, hparams)
  return loss, aux, grads, moved


def make_train_step(
  task: task_lib.Task,
  optimizer: optimizer_lib.Optimizer,
  out_shardings=None,
):
  """The jitted training step, the same for tasks that differ in `init` alone.

  A step whose loss, gradient or result is not finite changes neither parameters
  nor optimizer state and is counted; a row whose carry is not finite begins
  anew.

  Args:
    task: its loss is differentiated and divided by its weight; among its
      hparams is `step`, the updates before this one.
    optimizer: clips and moves.
    out_shardings: where results lie, as in `jax.jit`; see `devices.Placement`.

  Returns:
    (state, batch, hparams) -> (state, weight, metrics). hparams holds the
    `seed` of the dropout keys, too: runs that differ in numbers alone share a
    program. The weight is that of the batch; metrics are (sum, weight) pairs,
    the task's and two more: `grad_norm` before clipping, and `skipped_in_row`.
    The state that goes in is donated.
  """

  return _make_train_step(task._replace(init=None), optimizer, out_shardings)


@functools.lru_cache(16)
def _make_train_step(task, optimizer, out_shardings):
  @functools.partial(jax.jit, donate_argnums=0, out_shardings=out_shardings)
  def train_step(state, batch, hparams):
    loss, aux, grads, moved = propose(task, optimizer, state, batch, hparams)
    grad_norm = optax.tree.norm(grads)
    # A finite gradient may still move a parameter out of what is finite.
    norms = jnp.stack([loss, grad_norm, optax.tree.norm(moved[0])])
    finite = jnp.isfinite(norms).all()
    params, opt_state = jax.tree.map(
      lambda new, old: jnp.where(finite, new, old),
      moved,
      (state.params, state.opt_state),
    )
    new_state = state._replace(
      step=state.step + 1,
      params=params,
      opt_state=opt_state,
      carry=_restart_bad_rows(task, params, aux.carry),
      skipped_in_row=jnp.where(finite, 0, state.skipped_in_row + 1),
    )
    own = {
      'grad_norm': grad_norm,
      'skipped_in_row': new_state.skipped_in_row.astype(jnp.float32),
    }
    pairs = {name: (x, jnp.ones_like(x)) for name, x in own.items()}
    return new_state, aux.weight, aux.metrics | pairs

  return train_step


def _restart_bad_rows(task, params, carry):
  """Gives rows with a non-finite carry the one before a document."""
  leaves = jax.tree.leaves(carry)
  if not leaves:
    return carry
  good = functools.reduce(
    jnp.logical_and,
    [jnp.isfinite(x).reshape(x.shape[0], -1).all(axis=1) for x in leaves],
  )
  return scan.where(good, carry, task.carry(params, good.shape[0]))


def make_eval_step(task: task_lib.Task):
  """The jitted (params, carry, batch) -> (carry, metrics), without a key."""
  return _make_eval_step(task.loss)


@functools.lru_cache(16)
def _make_eval_step(loss):
  @jax.jit
  def eval_step(params, carry, batch):
    _, aux = loss(params, carry, batch, None, {})
    return aux.carry, aux.metrics

  return eval_step
