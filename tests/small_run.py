"""A run of the training loop that takes milliseconds, for the tests of it."""

import contextlib
import dataclasses
import itertools
import pathlib
import signal
import tempfile
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import parameterized

from seqjax import data, models, training
from seqjax.training import logs, signals
from seqjax.training import loop as loop_lib
from seqjax.training import optimizer as optimizer_lib
from seqjax.training import step as step_lib

T, B, D = 3, 2, 4
STEPS, EVAL_EVERY, CHECKPOINT_EVERY = 10, 4, 3
# Where a run of 10 steps is saved: each third, each fourth, and the last.
SAVED = (3, 4, 6, 8, 9, 10)


class Killed(BaseException):
  """Not an Exception: nothing may catch it."""


def init(key, batch):
  return {'w': jax.random.normal(key, batch.inputs.shape[2:])}


def loss(params, carry, batch, key, hparams):
  """Depends on all that a resume must bring back: carry, key and batch."""
  noise = 0.0 if key is None else 0.1 * jax.random.normal(key)
  inputs = jnp.where(batch.mask[..., None], batch.inputs, 0)
  predicted = inputs @ params['w'] + carry[None] + noise
  total = jnp.sum(batch.weights * jnp.square(predicted - batch.targets))
  weight = jnp.sum(batch.weights)
  carry = jnp.tanh(carry + predicted[-1])
  return total, models.Aux(weight, carry, {'error': (total, weight)})


TASK = models.Task(init, loss, lambda params, size: jnp.zeros(size))
OPTIMIZER = optimizer_lib.make('adam')
make_train_step = step_lib.make_train_step


def batch_of(index):
  rng = np.random.default_rng(index)
  floats = lambda *shape: rng.normal(size=shape).astype(np.float32)
  every = np.ones((T, B), bool)
  return data.Batch(
    floats(T, B, D), floats(T, B), every, every.astype(np.float32), ~every
  )


class LoopTestCase(parameterized.TestCase):
  """Trains in a folder of its own, and says nothing."""

  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    self.said = []
    self.enterContext(
      mock.patch('builtins.print', lambda text, **_: self.said.append(text))
    )
    self.evaluated = []  # (step, params)

  def evaluate(self, params):
    return {'valid/norm': float(np.square(params['w']).sum())}

  def demonstrate(self, step, params):
    self.evaluated.append((step, np.array(params['w'])))
    return f'w[0] = {params["w"][0]}'

  def plan(self, **changes):
    plan = training.Plan(
      task=TASK,
      optimizer=OPTIMIZER,
      batches=batch_of,
      hparams={'learning_rate': 0.05, 'clip_norm': 1.0},
      steps=STEPS,
      seed=3,
      evaluate=self.evaluate,
      demonstrate=self.demonstrate,
      eval_every=EVAL_EVERY,
      checkpoint_every=CHECKPOINT_EVERY,
      fingerprint='mine',
      unit='chars',
    )
    return dataclasses.replace(plan, **changes)

  def fit(self, name='run', **changes):
    """What a run of the plan leaves: the bytes of its log and parameters."""
    directory = self.folder / name
    directory.mkdir(exist_ok=True)
    params, metrics = loop_lib.fit(self.plan(**changes), directory)
    self.metrics = metrics
    return self.log(name), np.array(params['w']).tobytes()

  def log(self, name='run'):
    return (self.folder / name / 'metrics.jsonl').read_bytes()

  def lines(self, name='run', kind='metrics'):
    return logs.read_metrics(self.folder / name / f'{kind}.jsonl')

  def steps_of(self, split, name='run'):
    """The steps of the lines of one split, in the order of the file."""
    return [
      line['step']
      for line in self.lines(name)
      if any(key.startswith(split) for key in line)
    ]


@contextlib.contextmanager
def stop_request():
  """A request of its own, which the loop asks and no later test meets."""
  stop = signals.StopRequest()
  before = {signum: signal.getsignal(signum) for signum in signals.SIGNALS}
  stop.install()
  with contextlib.ExitStack() as stack:
    for name in 'install', 'requested', 'deferred', 'interruptible':
      stack.enter_context(mock.patch.object(signals, name, getattr(stop, name)))
    stack.enter_context(mock.patch.object(signals, '_say'))
    yield stop
  for signum, handler in before.items():
    signal.signal(signum, handler)


def patched_step(make_train_step):
  """The loop trains with another step."""
  return mock.patch.object(step_lib, 'make_train_step', make_train_step)


def killer(function, at):
  """`function`, but a call with `at` kills the run."""

  def call(step, *args):
    if step == at:
      raise Killed
    return function(step, *args)

  return call


def bad_batches(*bad):
  """The batches, with NaN in some; ends what would go round for ever."""
  calls = itertools.count()

  def batches(index):
    if next(calls) > 1000:
      raise AssertionError('the loop asks for batches without end')
    batch = batch_of(index)
    if index in bad:
      batch.inputs[0, 0, 0] = np.nan
    return batch

  return batches
