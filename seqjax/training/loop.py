"""The one training loop: steps, logs, evaluations, checkpoints, roll-backs.

At step n, in this order: the train line n is written; if a checkpoint is due,
the lines are made durable and checkpoint n is saved; if an evaluation is due,
its line is written. A resume from checkpoint n cuts the lines after it and goes
on from there, so that a killed run writes what the unbroken run writes.
"""

import dataclasses
import pathlib
import resource
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax import metrics as metrics_lib
from seqjax.models import task as task_lib
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import compilations, logs, signals
from seqjax.training import initial as initial_lib
from seqjax.training import optimizer as optimizer_lib
from seqjax.training import progress as progress_lib
from seqjax.training import state as state_lib
from seqjax.training import step as step_lib

# A save this often, in seconds, whatever the steps are: it changes no number,
# and bounds what a crash costs.
SAVE_SECONDS = 30.0
# Updates skipped in a row before the run goes back to its last checkpoint, and
# how often it may.
MAX_SKIPPED = 10
MAX_ROLLBACKS = 3


@dataclasses.dataclass(frozen=True)
class Plan:
  """What to train, on what, and how long.

  Attributes:
    task: the model and its loss.
    optimizer: moves the parameters.
    batches: index -> Batch, a pure function of the index.
    hparams: numbers of the step: learning_rate, clip_norm, dropout_rate, ...
    steps: updates in all; 0 saves and evaluates what the run begins with.
    seed: of initialisation and dropout.
    evaluate: params -> metrics with the split in their names; called at step 0,
      every `eval_every` steps and at the end.
    demonstrate: (step, params) -> text to show after each evaluation, such as a
      sample; None shows nothing.
    eval_every, checkpoint_every: in updates.
    fingerprint: names config and data; a checkpoint of another is refused.
    unit: what the weight of a batch counts, in the plural: 'chars'.
    programs: how often the step may be compiled, once for each shape of a
      batch, before the loop says that it was; None never does.
  """

  task: task_lib.Task
  optimizer: optimizer_lib.Optimizer
  batches: Callable[[int], Any]
  hparams: dict[str, float]
  steps: int
  seed: int
  eval_every: int
  checkpoint_every: int
  fingerprint: str
  unit: str = 'steps'
  programs: int | None = None
  evaluate: Callable[[Any], dict[str, float]] = lambda params: {}
  demonstrate: Callable[[int, Any], str] | None = None


def fit(plan: Plan, directory) -> tuple[Any, dict[str, float]]:
  """Trains, from the last checkpoint in `directory` where there is one.

  The parameters that a run begins with are those of `initial.safetensors` in
  `directory`, and drawn where there is no such file.

  Returns:
    The final parameters, and the metrics of the last step and evaluation.

  Raises:
    Stopped: a signal came; the state has been saved.
    GaveUp: updates stayed non-finite after every roll-back.
    UserError: checkpoints of another run, or none that can be read; an
      `initial.safetensors` that is not of this network.
  """
  directory = pathlib.Path(directory)
  loop = _Loop(plan, directory)
  try:
    return loop.run()
  finally:
    loop.close()


def restore(plan: Plan, directory) -> tuple[int, Any]:
  """The step and parameters of the newest checkpoint in `directory`.

  Raises:
    UserError: there is none.
  """
  directory = pathlib.Path(directory)
  checkpoints = checkpoints_lib.Checkpoints(
    directory / 'checkpoints', fingerprint=plan.fingerprint, read_only=True
  )
  restored = checkpoints.restore(jax.eval_shape(lambda: _initial(plan)))
  checkpoints.close()
  if restored is None:
    raise errors.UserError(
      f'{directory} holds no checkpoint yet. Train it first: the same command '
      'without --mode.'
    )
  step, state = restored
  return step, state.params


def _initial(plan, params=None):
  return state_lib.create(
    plan.task, plan.optimizer, plan.batches(0), plan.seed, params
  )


class _Loop:
  """The imperative shell around the pure training step."""

  def __init__(self, plan, directory):
    self._plan = plan
    # Before anything is written: weights that do not fit begin no run.
    self._given = initial_lib.read(directory)
    self._params = self._given and self._given.params(
      jax.eval_shape(lambda: _initial(plan).params)
    )
    self._progress = None
    self._hparams = {k: jnp.float32(v) for k, v in plan.hparams.items()}
    task = compilations.announce(plan.task, plan.programs, self._say)
    self._train_step = step_lib.make_train_step(task, plan.optimizer, plan.seed)
    self._metrics_log = logs.MetricsLog(directory / 'metrics.jsonl')
    self._timing_log = logs.TimingLog(directory / 'timing.jsonl')
    self._checkpoints = checkpoints_lib.Checkpoints(
      directory / 'checkpoints',
      fingerprint=plan.fingerprint,
      report=self._say,
    )
    self._last = {}  # the newest value of every metric
    self._unread = None  # step and metrics still on their way from the device
    self._read_step = 0  # the step of the last metrics read
    self._skipped = 0  # updates skipped in a row up to that step
    # Of the state, here because no step should wait for them, and because the
    # checkpoint that a roll-back restores does not know of it.
    self._rollbacks = self._data_offset = 0
    self._saved_at = time.monotonic()
    self._rate = progress_lib.Rate()

  def close(self):
    self._metrics_log.close()
    self._timing_log.close()
    self._checkpoints.close()

  def run(self):
    plan = self._plan
    state, step = self._restore()
    self._rollbacks = int(state.rollbacks)
    self._data_offset = int(state.data_offset)
    if step:
      print(f'Going on from step {step:,}.')
      self._timing_log.write(step, {'restart': 1})
    elif self._given and self._checkpoints.latest_step() is None:
      print(f'Begins from {initial_lib.describe(self._given.sha256)}.')
    with progress_lib.Progress(plan.steps, step, plan.unit) as self._progress:
      # What a run begins with is saved only where it also ends with it.
      state, step = self._boundary(state, step, fresh=plan.steps > 0)
      while step < plan.steps:
        batch = plan.batches(step + self._data_offset)
        state, *results = self._train_step(state, batch, self._hparams)
        step += 1
        self._read()  # of the step before, while the device works on this one
        self._unread = step, *results
        state, step = self._boundary(state, step)
      self._checkpoints.wait()
    self._write_timing(step)
    return state.params, self._last

  def _boundary(self, state, step, fresh=False):
    """What is due between two steps; may replace the state."""
    plan = self._plan
    stop = signals.requested()
    at_end = step >= plan.steps
    evaluation_due = at_end or step % plan.eval_every == 0
    save_due = not fresh and (
      stop is not None
      or evaluation_due
      or step % plan.checkpoint_every == 0
      or time.monotonic() - self._saved_at > SAVE_SECONDS
    )
    # Not where a roll-back is due: it must not depend on when saves are.
    if save_due and self._skipped < MAX_SKIPPED:
      self._read()
    if self._skipped >= MAX_SKIPPED:
      return self._boundary(*self._roll_back(), fresh=True)
    # A state in the middle of bad numbers is no place to go back to.
    if save_due and (at_end or not self._skipped):
      self._save(step, state)
    if at_end and step and self._skipped == step:
      raise errors.GaveUp(
        'No update had a finite loss and gradient. Try a smaller '
        '--learning_rate.'
      )
    if stop is not None:
      self._checkpoints.wait()
      self._say(f'Saved at step {step:,} of {plan.steps:,}.')
      raise errors.Stopped(stop)
    if evaluation_due:
      self._evaluate(step, state)
    return state, step

  def _read(self):
    """Takes the metrics of the last step from the device, and writes them."""
    if self._unread is None:
      return
    step, weight, sums = self._unread
    self._unread = None
    self._read_step = step
    metrics = metrics_lib.divide(sums)
    self._skipped = int(metrics['skipped_in_row'])
    if not self._skipped:
      del metrics['skipped_in_row']
    self._rate.count(float(weight))
    self._progress.step(step, metrics, self._rate.value)
    metrics = {f'train/{name}': x for name, x in metrics.items()}
    self._metrics_log.write(step, metrics)
    self._last.update(metrics)

  def _save(self, step, state):
    self._metrics_log.sync()
    self._checkpoints.save(step, state)
    self._saved_at = time.monotonic()

  def _evaluate(self, step, state):
    started = time.monotonic()
    metrics = self._plan.evaluate(state.params)
    if metrics:
      self._metrics_log.write(step, metrics)
    self._last.update(metrics)
    shown = '  '.join(progress_lib.describe(k, x) for k, x in metrics.items())
    self._say(f'step {step:>6,}  {shown}')
    if self._plan.demonstrate is not None:
      self._say(self._plan.demonstrate(step, state.params))
    self._write_timing(step, evaluation_s=time.monotonic() - started)
    self._rate.pause()

  def _write_timing(self, step, **more):
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = f'{self._plan.unit}_per_s'
    self._timing_log.write(
      step, {rate: self._rate.value, 'peak_memory_mb': peak_mb, **more}
    )

  def _say(self, text):
    (self._progress.say if self._progress else print)(text)

  def _restore(self):
    """The state of the newest checkpoint, or the one a run begins with."""
    begin = lambda params: _initial(self._plan, params)
    restored = self._checkpoints.restore(jax.eval_shape(begin, self._params))
    step, state = restored or (0, jax.jit(begin)(self._params))
    if step > self._plan.steps:
      raise errors.UserError(
        f'This run has made {step:,} updates already, more than --steps='
        f'{self._plan.steps}. Ask for more, or for another --workdir.'
      )
    self._metrics_log.rewind(step)
    return state, step

  def _roll_back(self):
    """Goes back to the last good state, and past the batches that failed."""
    self._unread = None  # The step under way continues those that failed.
    state, good = self._restore()
    said = (
      f'{self._skipped} updates in a row up to step {self._read_step:,} had a '
      'loss or a gradient that is not finite'
    )
    if self._rollbacks == MAX_ROLLBACKS:
      raise errors.GaveUp(
        f'{said}, after {MAX_ROLLBACKS} roll-backs. The last good state is of '
        f'step {good:,}. Try a smaller --learning_rate or --clip_norm.'
      )
    self._say(f'{said}: back to step {good:,}, and past those batches.')
    self._rollbacks += 1
    self._data_offset += self._read_step - good
    self._skipped = 0
    return state._replace(
      rollbacks=jnp.int32(self._rollbacks),
      data_offset=jnp.int32(self._data_offset),
    ), good
