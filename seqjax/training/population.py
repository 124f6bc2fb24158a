"""Many runs of one program, trained at once: `vmap` over their members.

Members read the same batches and differ in seed and numbers. Each writes what
it would write alone, at the same steps and in the same order (see `loop`). Its
numbers are those of the same run alone at step 0; later their last digits
differ, because the compiler adds up many members in another order than one.

There are no roll-backs: a member whose updates stay non-finite has given up.
Nothing of it is written any more, and the others never notice. A population
goes on from the newest step of which every member has a checkpoint.
"""

import contextlib
import functools
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import ahead, errors
from seqjax.training import (
  compilations,
  devices,
  loop,
  member,
  signals,
)
from seqjax.training import step as step_lib

# The share of a device's memory that a population may take.
MEMORY_SHARE = 0.8
_AXIS = 'members'


def fit(members: Sequence[member.Member]) -> list[Any]:
  """Trains all members, as `loop.fit` trains one.

  Args:
    members: of one group, as `groups` has it.

  Returns:
    For each, what `loop.fit` would return, or the error that it would raise:
    an error of one member alone leaves the others as they are.

  Raises:
    Stopped: a signal came; the states have been saved.
    ValueError: members that cannot be trained together.
  """
  if len({member.kind(x.plan) for x in members}) > 1:
    raise ValueError('expected members of one group.')
  with signals.deferred(), contextlib.ExitStack() as stack:
    runs = [stack.enter_context(member.Run(x)) for x in members]
    return _Population(runs).train()


def groups(
  members: Sequence[member.Member], memory: int | None = None
) -> list[list[int]]:
  """The places of those that can be trained together.

  They share a program and their batches, have come equally far, and fit into
  memory.

  Args:
    members: whoever is to be trained.
    memory: of a device, in bytes; None takes what it says, and no limit where
      it says nothing.
  """
  alike = {}
  for place, each in enumerate(members):
    alike.setdefault(member.kind(each.plan), []).append(place)
  found = []
  for places in alike.values():
    made = [member.made(members[place]) for place in places]
    # One that has given up may have been of any of them.
    newest = max((x for x in made if x is not None), default=0)
    made = [newest if x is None else x for x in made]
    # Those that were trained together were left within a step of each other.
    order = np.argsort(made, kind='stable')
    gaps = np.flatnonzero(np.diff(np.sort(made)) > 1) + 1
    for part in np.split(np.array(places)[order], gaps):
      size = _capacity(members[part[0]].plan, len(part), memory)
      found += [list(part[i : i + size]) for i in range(0, len(part), size)]
  return found


def _capacity(plan, size, memory) -> int:
  """How many of so many members fit into memory at once; at least one."""
  if memory is None:
    memory = (jax.local_devices()[0].memory_stats() or {}).get('bytes_limit')
  if memory is None:
    return size
  train_step = step_lib.make_train_step(plan.task, plan.optimizer)
  one = jax.eval_shape(plan.initial), plan.arrays()
  state, hparams = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct((size, *x.shape), x.dtype), one
  )
  program = make_train_step(train_step).lower(state, plan.batches(0), hparams)
  found = program.compile().memory_analysis()
  needed = (
    found.argument_size_in_bytes
    + found.output_size_in_bytes
    - found.alias_size_in_bytes
    + found.temp_size_in_bytes
  )
  there = MEMORY_SHARE * memory * devices.count(plan.num_devices)
  return max(1, min(size, int(size * there / needed)))


@functools.lru_cache(16)
def make_train_step(train_step, mesh: jax.sharding.Mesh | None = None):
  """The step of all members at once, the batch in common.

  Args:
    train_step: of `step.make_train_step`.
    mesh: of the devices that share the members; None is one device.
  """
  many = jax.vmap(train_step, in_axes=(0, None, 0))
  if mesh is not None:
    # Each device works on its members alone: nothing is said between them.
    mine, whole = map(jax.sharding.PartitionSpec, (_AXIS, None))
    many = jax.shard_map(
      many,
      mesh=mesh,
      in_specs=(mine, whole, mine),
      out_specs=mine,
      check_vma=False,
    )
  return jax.jit(many, donate_argnums=0)


class _Population:
  """The imperative shell around the step; `loop` has the same for one run."""

  def __init__(self, runs: Sequence[member.Run]):
    self._runs = runs
    self._plan = plan = runs[0].plan
    self._mesh = None
    num_devices = min(devices.count(plan.num_devices), len(runs))
    if num_devices > 1:
      used = np.array(jax.local_devices()[:num_devices])
      self._mesh = jax.sharding.Mesh(used, _AXIS)
    self._train_step = make_train_step(
      step_lib.make_train_step(plan.task, plan.optimizer), self._mesh
    )
    self._hparams = self._stack([run.plan.arrays() for run in runs])
    self._awaited = None  # (step, weights, sums), still on their way
    self._programs = compilations.Programs(plan.programs)
    self._saved_at = time.monotonic()

  def train(self):
    ahead.load('orbax.checkpoint')  # While it compiles.
    state, step = self._restore()
    if not self._active():
      return [run.error for run in self._runs]
    self._boundary(state, step, fresh=self._plan.steps > 0)
    while step < self._plan.steps and self._active():
      state, step = self._advance(state, step)
      self._boundary(state, step)
    params = jax.device_get(state.params)
    for _, run in self._active():
      run.do(run.finish, step)
    return [
      run.error or (_on_device(params, place), run.recorder.last)
      for place, run in enumerate(self._runs)
    ]

  def _active(self):
    """The members that still train, with their places."""
    return [(i, run) for i, run in enumerate(self._runs) if run.error is None]

  def _restore(self):
    """The states of the newest step that all have; then nothing is refused."""
    with signals.interruptible(leave=self._settle):
      states = [run.do(run.initial) for run in self._runs]
      found, newest = {}, None
      while True:
        for place, run in self._active():
          found[place] = run.do(run.restore, states[place], newest)
        steps = {found[place][0] for place, _ in self._active()}
        if len(steps) < 2:
          break
        newest = min(steps)
    step = max(steps, default=0)
    for place, run in self._active():
      states[place] = found[place][1]
      run.do(run.begin, step, int(states[place].skipped_in_row))
    # One that has ended keeps its place, or the program would be another one.
    spare = next((x for x in states if x is not None), None)
    return self._stack([spare if x is None else x for x in states]), step

  def _advance(self, state, step):
    batch = self._plan.batches(step)
    if batch in self._programs:
      state, *results = self._train_step(state, batch, self._hparams)
    else:
      if surprise := self._programs.surprise(batch):
        for _, run in self._active():
          run.say(surprise)
      # To compile may take minutes, in which Python hears no signal.
      self._read()
      if step:
        self._save(state, step)
      with signals.interruptible(leave=self._settle):
        state, *results = self._train_step(state, batch, self._hparams)
      self._programs.add(batch)
    self._read()  # the update before; the device works on this one
    self._awaited = step + 1, results
    return state, step + 1

  def _read(self):
    """Waits for the update that is awaited, if any; each takes down its own."""
    if self._awaited is None:
      return
    (step, results), self._awaited = self._awaited, None
    weights, sums = jax.device_get(results)
    for place, run in self._active():
      run.do(run.read, step, weights[place], _one_of(sums, place))

  def _boundary(self, state, step, fresh=False):
    """What is due between two steps."""
    plan = self._plan
    stop = signals.requested()
    at_end = step >= plan.steps
    # A save takes a while for each of them.
    patience = loop.SAVE_SECONDS + len(self._runs)
    late = time.monotonic() - self._saved_at > patience
    due = stop is not None or at_end or plan.is_anchor(step) or late
    if due and not fresh:
      self._read()
      self._save(state, step)
    if stop is not None:
      self._settle()
      for _, run in self._active():
        if (saved := run.checkpoints.latest_step()) is not None:
          run.say(f'Saved at step {saved:,} of {plan.steps:,}.')
      raise errors.Stopped(stop)
    if at_end or step % plan.eval_every == 0:
      params = jax.device_get(state.params)
      for place, run in self._active():
        with signals.interruptible(leave=self._settle):
          run.do(run.evaluate, step, _on_device(params, place))

  def _save(self, state, step):
    state = jax.device_get(state)
    self._settle()
    # The disk may have been full for one: what all have, all keep.
    kept = {run.checkpoints.latest_step() for _, run in self._active()}
    for place, run in self._active():
      run.do(run.save, step, _one_of(state, place), kept - {None})
    self._saved_at = time.monotonic()

  def _settle(self):
    """Returns when all that is being saved would survive a power failure."""
    for _, run in self._active():
      run.do(run.settle)

  def _stack(self, trees):
    """Puts trees side by side, as many on each device."""
    sharding = None
    if self._mesh is not None:
      axes = jax.sharding.PartitionSpec(_AXIS)
      sharding = jax.sharding.NamedSharding(self._mesh, axes)
      # What fills a device up is computed, and never looked at.
      trees = trees + trees[:1] * (-len(trees) % self._mesh.size)
    stacked = jax.tree.map(lambda *xs: np.stack(xs), *jax.device_get(trees))
    return jax.device_put(stacked, sharding)


def _one_of(stacked, place):
  return jax.tree.map(lambda x: x[place], stacked)


def _on_device(params, place):
  """A copy: the device may be about to reuse what NumPy looks at."""
  return jax.tree.map(lambda x: jnp.array(x[place]), params)
