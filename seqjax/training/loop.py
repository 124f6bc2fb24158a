"""The one training loop: steps, logs, evaluations, checkpoints, roll-backs.

At step n, in this order: the train line n is written; if a checkpoint is due,
the lines are made durable and checkpoint n is saved; if an evaluation is due,
its line is written. A resume from checkpoint n cuts the lines after it and goes
on from there, so that a killed run writes what the unbroken run writes.
"""

import contextlib
import contextvars
import dataclasses
import pathlib
import time
from typing import Any

import jax
import numpy as np

from seqjax import ahead, errors
from seqjax.training import (
  bad_numbers,
  compilations,
  devices,
  processes,
  signals,
)
from seqjax.training import best as best_lib
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import initial as initial_lib
from seqjax.training import plan as plan_lib
from seqjax.training import recorder as recorder_lib
from seqjax.training import step as step_lib

# A save this often, in seconds, whatever the steps are: it changes no number,
# and bounds what a crash costs.
SAVE_SECONDS = 30.0
# Updates skipped in a row before the run goes back to its last checkpoint, and
# how often it may.
MAX_SKIPPED = 10
MAX_ROLLBACKS = 3
# Trains in place of `fit` where it is set: runs that train together set it.
stand_in = contextvars.ContextVar('stand_in', default=None)


def fit(plan: plan_lib.Plan, directory) -> tuple[Any, dict[str, float]]:
  """Trains, from the last checkpoint in `directory` where there is one.

  The parameters that a run begins with are those of `initial.safetensors` in
  `directory`, and drawn where there is no such file.

  Returns:
    The final parameters, and the metrics of the last step and evaluation.

  Raises:
    Stopped: a signal came; the state has been saved.
    GaveUp: updates stayed non-finite after every roll-back.
    FloatingPointError: what `debug_nans` in the plan looks for.
    UserError: checkpoints of another run, or none that can be read; an
      `initial.safetensors` that is not of this network; other processes of the
      run that were started otherwise.
  """
  directory = pathlib.Path(directory)
  if (train := stand_in.get()) is not None:
    return train(plan, directory)
  # Before anything is written: weights that do not fit begin no run.
  given = initial_lib.read(directory)
  given_params = given and given.params(
    jax.eval_shape(lambda: plan.initial().params)
  )
  processes.check_alike(
    steps=plan.steps,
    eval_every=plan.eval_every,
    checkpoint_every=plan.checkpoint_every,
    num_devices=devices.count(plan.num_devices),
    fingerprint=plan.fingerprint,
  )
  with signals.deferred(), recorder_lib.Recorder(plan, directory) as recorder:
    loop = _Loop(plan, directory, given_params, recorder)
    try:
      return loop.repeat() if plan.debug_nans else loop.run()
    except BaseException as error:
      loop.settle()  # Or what it raises would hide the error.
      if isinstance(error, (errors.GaveUp, errors.Stopped)):
        # All come here, and JAX would abort one that is left while it saves.
        processes.agree(None)
      raise
    finally:
      loop.close()


class _Loop:
  """The imperative shell around the pure training step."""

  def __init__(self, plan, directory, given_params, recorder):
    self._plan = plan
    self._directory = directory
    self._given_params = given_params
    self._recorder = recorder
    self._say = recorder.say
    self._hparams = plan.arrays()
    self._placement = devices.Placement(plan.num_devices)
    self._train_step = step_lib.make_train_step(
      plan.task, plan.optimizer, self._placement.out_shardings
    )
    self._batches = lambda index: self._placement.batch(plan.batches(index))
    self._checkpoints = checkpoints_lib.Checkpoints(
      directory / 'checkpoints', fingerprint=plan.fingerprint, report=self._say
    )
    self._best = best_lib.Best(plan, directory, self._say)
    self._programs = compilations.Programs(plan.programs)
    # Of the state, here because no step should wait for them, and because the
    # checkpoint that a roll-back restores does not know of it.
    self._rollbacks = self._data_offset = 0
    self._saved_at = time.monotonic()

  def settle(self):
    self._best.settle('')
    self._checkpoints.settle('')

  def close(self):
    with contextlib.closing(self._checkpoints), contextlib.closing(self._best):
      pass

  def run(self):
    plan = self._plan
    ahead.load('orbax.checkpoint')  # While it compiles.
    state, step = self._restore()
    if self._checkpoints.latest_step() is None and self._recorder.last_step():
      self._say('No checkpoint was complete: begins again.')
    plan.begin()
    self._recorder.rewind(step)
    self._best.rewind(step)
    self._rollbacks = int(state.rollbacks)
    self._data_offset = int(state.data_offset)
    if step:
      self._say(f'Going on from step {step:,}.')
    elif self._given_params and self._checkpoints.latest_step() is None:
      sha256 = initial_lib.sha256(self._directory)
      self._say(f'Begins from {initial_lib.describe(sha256)}.')
    self._recorder.begin(step, int(state.skipped_in_row))
    # What a run begins with is saved only where it also ends with it.
    state, step = self._boundary(state, step, fresh=plan.steps > 0)
    while step < plan.steps:
      state, step = self._boundary(*self._advance(state, step))
    self._checkpoints.wait()
    self._recorder.timing(step)
    return self._placement.params(state), self._recorder.last

  def repeat(self):
    with signals.interruptible(leave=self._checkpoints.wait):
      bad_numbers.repeat(
        self._plan, self._train_step, self._directory, self._hparams
      )

  def _advance(self, state, step):
    """One update; none where a signal came before it, or a roll-back is due."""
    try:
      with self._interruptible(leave=None):
        batch = self._batches(step + self._data_offset)
    except errors.Stopped:
      return state, step
    if batch in self._programs:
      state, *results = self._train_step(state, batch, self._hparams)
    else:
      if surprise := self._programs.surprise(batch):
        self._say(surprise)
      # To compile may take minutes, in which Python hears no signal.
      self._recorder.read()
      if self._recorder.skipped >= MAX_SKIPPED:
        return state, step
      if step:  # Where one is on disk, that one stays.
        self._save(step, state)
      with self._interruptible():
        state, *results = self._train_step(state, batch, self._hparams)
      self._programs.add(batch)
    self._recorder.read()  # the update before; the device works on this one
    self._recorder.await_update(step + 1, *results)
    return state, step + 1

  def _boundary(self, state, step, fresh=False):
    """What is due between two steps; may replace the state."""
    plan = self._plan
    late = time.monotonic() - self._saved_at > SAVE_SECONDS
    said = processes.agree({'stop': signals.requested(), 'late': late})
    stop = max((x['stop'] for x in said if x['stop']), default=None)
    at_end = step >= plan.steps
    evaluation_due = at_end or step % plan.eval_every == 0
    save_due = not fresh and (
      stop is not None
      or at_end
      or plan.is_anchor(step)
      or any(x['late'] for x in said)
    )
    # Not where a roll-back is due: it must not depend on when saves are.
    if save_due and self._recorder.skipped < MAX_SKIPPED:
      self._recorder.read()
    if self._recorder.skipped >= MAX_SKIPPED:
      return self._boundary(*self._roll_back(), fresh=True)
    if save_due:
      self._save(step, state)
    if at_end and step and self._recorder.skipped == step:
      raise errors.GaveUp(
        'No update had a finite loss, gradient and result. Try a smaller '
        '--learning_rate, in another --workdir.'
      )
    if stop is not None:
      self._checkpoints.wait()
      saved = self._checkpoints.latest_step()
      if saved is not None:
        self._say(f'Saved at step {saved:,} of {plan.steps:,}.')
      raise errors.Stopped(stop)
    if evaluation_due:
      self._evaluate(step, state)
    return state, step

  def _save(self, step, state):
    self._recorder.sync()
    # No checkpoint without the best parameters before it, which it would not
    # make again; and what one process has, all have until they have a newer.
    self._best.settle()
    self._checkpoints.settle()
    newest = processes.agree(self._checkpoints.latest_step())
    self._checkpoints.save(
      step,
      self._placement.fetch(state),
      # In the middle of bad numbers is no place to go back to.
      anchor=self._plan.is_anchor(step) and not self._recorder.skipped,
      # The disk of one may have been full.
      kept=[] if None in newest else [min(newest)],
    )
    self._saved_at = time.monotonic()

  def _evaluate(self, step, state):
    started = time.monotonic()
    with self._interruptible():
      metrics = self._plan.evaluate(self._placement.params(state))
    self._recorder.evaluation(step, metrics)
    self._best.offer(step, self._placement.params(state), metrics)
    if self._plan.demonstrate is not None:
      with self._interruptible():
        shown = self._plan.demonstrate(step, self._placement.params(state))
      self._say(shown)
    self._recorder.timing(step, evaluation_s=time.monotonic() - started)
    self._recorder.pause()

  def _interruptible(self, **leave):
    """Lets a signal end the process within: all that was made is saved.

    Not one of several processes, which stop when all have agreed.
    """
    if jax.process_count() > 1:
      return contextlib.nullcontext()
    return signals.interruptible(**{'leave': self._checkpoints.wait} | leave)

  def _restore(self):
    """The state of the newest checkpoint, or the one a run begins with."""
    begin, given = self._plan.initial, self._given_params
    made = self._recorder.last_step()
    with self._interruptible():
      step, state = processes.restore(
        self._checkpoints, jax.eval_shape(begin, given), made
      ) or (0, begin(given))
      jax.block_until_ready(state)
    self._plan.check_steps(step)
    return self._placement.state(state), step

  def _roll_back(self):
    """Goes back to the last good state, and past the batches that failed."""
    recorder = self._recorder
    recorder.forget_update()  # It continues those that failed.
    self._checkpoints.discard_to_anchor()
    state, good = self._restore()
    said = (
      f'{recorder.skipped} updates in a row up to step {recorder.step:,} had a '
      'loss, gradient or result that is not finite'
    )
    with self._interruptible():
      bad_numbers.report(
        dataclasses.replace(self._plan, batches=self._batches),
        self._train_step,
        self._with_rollbacks(state),
        recorder.step - recorder.skipped + 1,
        self._hparams,
        folder=self._directory / bad_numbers.FOLDER / str(self._rollbacks + 1),
        fetch=self._placement.fetch,
        say=self._say,
      )
    if self._rollbacks == MAX_ROLLBACKS:
      raise errors.GaveUp(
        f'{said}, after {MAX_ROLLBACKS} roll-backs. Try a smaller '
        '--learning_rate or --clip_norm, in another --workdir.'
        + f' --init_from={self._directory} takes over step {good:,}.'
        * (self._checkpoints.latest_step() is not None)
      )
    recorder.rewind(good)
    self._best.rewind(good)
    self._say(f'{said}: back to step {good:,}, and past those batches.')
    self._rollbacks += 1
    self._data_offset += recorder.step - good
    recorder.skipped = 0
    return self._with_rollbacks(state), good

  def _with_rollbacks(self, state):
    """The state, which may be from before the last of them."""
    return state._replace(
      rollbacks=np.int32(self._rollbacks),
      data_offset=np.int32(self._data_offset),
    )
