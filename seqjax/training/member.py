"""One run among those that are trained together: what is its own."""

import contextvars
import hashlib
import pathlib
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from seqjax import errors
from seqjax.training import best as best_lib
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import initial as initial_lib
from seqjax.training import logs, loop
from seqjax.training import plan as plan_lib
from seqjax.training import recorder as recorder_lib
from seqjax.training import state as state_lib
from seqjax.training import step as step_lib

_SKIPPED = 'train/skipped_in_row'


class Member(NamedTuple):
  """A run that is to be trained with others.

  Attributes:
    plan: what it trains.
    directory: where it writes.
    context: in which the plan's functions are called, and is printed what is
      said of the run.
  """

  plan: plan_lib.Plan
  directory: pathlib.Path
  context: contextvars.Context


def kind(plan: plan_lib.Plan) -> tuple:
  """What members must share to be trained together."""
  leaves, structure = jax.tree.flatten(plan.batches(0))
  digest = hashlib.sha256()
  for leaf in map(np.asarray, leaves):
    digest.update(f'{leaf.dtype}{leaf.shape}'.encode() + leaf.tobytes())
  return (
    step_lib.make_train_step(plan.task, plan.optimizer),
    tuple(sorted(plan.hparams)),
    (structure, digest.digest()),
    (plan.steps, plan.eval_every, plan.checkpoint_every, plan.num_devices),
  )


def made(member: Member) -> int | None:
  """How many updates it has taken down; None where it has given up."""
  last = _last_line(member.directory)
  return None if _gave_up(member.plan, last) else last.get('step', 0)


class Run:
  """What one member writes, in the order of `loop`; a context manager.

  Attributes:
    plan: of the member.
    error: what has ended it; nothing of it is written any more.
    recorder, checkpoints: of its directory.
    say: prints a line, in its context and from any thread.
  """

  def __init__(self, member: Member):
    self.plan, self._directory, self._context = member
    self.error = None
    self.recorder = recorder_lib.Recorder(self.plan, self._directory)
    self.say = lambda text: self._inside(self.recorder.say, text)
    self.checkpoints = checkpoints_lib.Checkpoints(
      self._directory / 'checkpoints',
      fingerprint=self.plan.fingerprint,
      report=self.say,
    )
    self._best = best_lib.Best(self.plan, self._directory, self.say)

  def __enter__(self):
    return self

  def __exit__(self, *error):
    for each in (self.checkpoints, self._best):
      each.settle('')
      each.close()
    self._inside(self.recorder.__exit__, *error)

  def do(self, method: Callable, *args) -> Any:
    """Calls one of the methods below; what it raises ends this member alone."""
    try:
      return self._inside(method, *args)
    except Exception as error:
      self.error = error

  def initial(self) -> state_lib.TrainState:
    """The state that it begins with, in NumPy arrays.

    Raises:
      GaveUp: it has given up before.
      UserError: `initial.safetensors` is not of this network.
    """
    self._check(_last_line(self._directory))
    given = initial_lib.read(self._directory)
    params = given and given.params(
      jax.eval_shape(lambda: self.plan.initial().params)
    )
    return jax.device_get(self.plan.initial(params))

  def restore(
    self, initial: state_lib.TrainState, newest: int | None
  ) -> tuple[int, state_lib.TrainState]:
    """The step and the state of its newest checkpoint, else what it is given.

    Args:
      initial: the state of step 0.
      newest: the greatest step to read; None takes any.
    """
    there = self.checkpoints.steps()
    found = None
    if newest is None or any(step <= newest for step in there):
      found = self.checkpoints.restore(initial, newest)
    step, state = found or (0, initial)
    self.plan.check_steps(step)
    if state.data_offset:
      raise errors.UserError(
        f'This run has gone back and past {state.data_offset} batches, and '
        f'shares no more with others. It goes on alone: {self.plan.command}'
      )
    return step, state

  def begin(self, step: int, skipped: int) -> None:
    """Goes back to a step, from which it will be trained."""
    self.plan.begin()
    if step:
      self.say(f'Going on from step {step:,}.')
    elif self.recorder.last_step():
      self.say('No checkpoint was complete: begins again.')
    elif sha256 := initial_lib.sha256(self._directory):
      self.say(f'Begins from {initial_lib.describe(sha256)}.')
    self.checkpoints.discard_after(step)
    self.recorder.rewind(step)
    self._best.rewind(step)
    self.recorder.begin(step, skipped)

  def read(self, step: int, weight: Any, sums: Mapping) -> None:
    """Takes down an update.

    Raises:
      GaveUp: the updates stay non-finite.
    """
    self.recorder.await_update(step, weight, sums)
    self.recorder.read()
    self._check({'step': step} | self.recorder.last)

  def settle(self) -> None:
    """Returns when what was saved is durable."""
    self._best.settle()
    self.checkpoints.settle()

  def save(
    self, step: int, state: state_lib.TrainState, kept: Collection[int]
  ) -> None:
    """Begins to save a state, all before it settled; `kept` as of `save`."""
    self.recorder.sync()
    anchor = self.plan.is_anchor(step) and not self.recorder.skipped
    self.checkpoints.save(step, state, anchor=anchor, kept=kept)

  def evaluate(self, step: int, params: Any) -> None:
    started = time.monotonic()
    metrics = self.plan.evaluate(params)
    self.recorder.evaluation(step, metrics)
    self._best.offer(step, params, metrics)
    if self.plan.demonstrate is not None:
      self.recorder.say(self.plan.demonstrate(step, params))
    self.recorder.timing(step, evaluation_s=time.monotonic() - started)
    self.recorder.pause()

  def finish(self, step: int) -> None:
    """Returns when all is durable; raises what was not."""
    self.checkpoints.close()
    self._best.close()
    self.recorder.timing(step)

  def _inside(self, function, *args):
    # A copy: a context can be entered once at a time, and a save reports from
    # a thread of its own.
    return self._context.copy().run(function, *args)

  def _check(self, line):
    if _gave_up(self.plan, line):
      raise errors.GaveUp(
        f'{line[_SKIPPED]:.0f} updates in a row up to step {line["step"]:,} '
        'had a loss, gradient or result that is not finite, and of runs that '
        'train together none goes back. Try a smaller --learning_rate or '
        f'--clip_norm; or train it alone: {self.plan.command}'
      )


def _gave_up(plan, line) -> bool:
  # Fewer, if there are fewer in all.
  return line.get(_SKIPPED, 0) >= max(min(loop.MAX_SKIPPED, plan.steps), 1)


def _last_line(directory) -> dict[str, Any]:
  path = directory / 'metrics.jsonl'
  return (logs.read_metrics(path) or [{}])[-1] if path.exists() else {}
