"""Puts NaN where it hurts: is the run saved, and nothing else?

A small language model trains by `training.fit`; a batch, its gradient or the
parameters in memory are made NaN at some steps. What the run says is printed
step by step. It must end well where it can (each step in the log once, the last
ones and all parameters finite), or give up in a sentence; and no state that is
not finite may ever be written.
"""

import functools
import pathlib
import tempfile
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _small_runs
from seqjax import cells, data, errors, layers, models, training
from seqjax.training import bad_numbers, checkpoint_format, logs
from seqjax.training import step as step_lib

_STEPS, _FIRST = 60, 24  # the first step that goes wrong, counted from 1
_T, _B, _V = 8, 4, 7
_MODEL = models.LanguageModel(_V, 6, layers.Recurrent(cells.gru(), (8,)))
_OPTIMIZER = training.make_optimizer('adam')
# where, how many steps -> what is to happen
_CASES = {
  ('batch', 1): 'skipped',
  ('batch', 12): 'rolled back',
  ('batch', 100): 'gave up',
  ('gradient', 1): 'skipped',
  ('gradient', 12): 'gave up',  # At these steps, whatever the batches.
  ('parameters', 1): 'rolled back',
}


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each case, and what was wrong."""
  cases = list(_CASES.items())[: 2 if options.short else None]
  rows, wrong = [], []
  for (where, length), due in cases:
    with tempfile.TemporaryDirectory() as folder:
      row, said = _run(where, length, pathlib.Path(folder))
    title = f'NaN in the {where} at step {row["at step"]}'
    print(f'{title}:')
    for line in said:
      print(f'  | {line.replace(folder, "RUN")}')
    rows.append(row)
    if row['then'] != due or row['log'] != 'whole' or row['bad saves']:
      wrong.append(f'{title}: {row}, expected it {due}')
  print()
  return rows, wrong


def _batches(index, bad=()):
  rng = np.random.default_rng(index)
  tokens = (rng.integers(_V, size=(1, _B)) + np.arange(_T + 1)[:, None]) % _V
  tokens = tokens.astype(np.int32)
  every = np.ones((_T, _B), bool)
  weights = every.astype(np.float32)
  if index in bad:
    weights[2, 1] = np.nan
  return data.Batch(tokens[:-1], tokens[1:], every, weights, ~every)


@functools.cache
def _task(bad=()):
  """The language model, whose gradient is NaN at some steps, not its loss."""
  task = models.language_model.task(_MODEL)

  def loss(params, carry, batch, key, hparams):
    total, aux = task.loss(params, carry, batch, key, hparams)
    if bad:
      step = hparams.get('step', jnp.int32(-1)) + 1
      here = (step >= bad[0]) & (step <= bad[-1])
      bias = params['params']['scores']['bias'][0]
      # The slope of a square root at 0 is infinite; times 0 it is NaN. At 1, in
      # all other steps, it must not even be 0 times that.
      total += jnp.sqrt(jnp.where(here, 0 * bias, 1)) - jnp.where(here, 0, 1)
    return total, aux

  return task._replace(loss=loss)


_make_train_step = step_lib.make_train_step


def _run(where, length, folder):
  """The row of a case, and what the run said of it."""
  steps = range(_FIRST, _FIRST + length)
  of = lambda name: steps if where == name else ()
  batches = [step - 1 for step in of('batch')]
  evaluated = []
  plan = training.Plan(
    task=_task(of('gradient')),
    optimizer=_OPTIMIZER,
    batches=lambda index: _batches(index, batches),
    hparams={'learning_rate': 0.01, 'clip_norm': 1.0},
    steps=_STEPS,
    seed=0,
    eval_every=20,
    checkpoint_every=10,
    fingerprint='numbers',
    command='./launch.sh numbers',
    evaluate=lambda params: evaluated.append(params) or {},
  )
  said, bad_saves = [], []
  write = checkpoint_format.write

  def look(directory, step, arrays, **more):
    if not all(np.isfinite(x).all() for x in arrays.values()):
      bad_saves.append(step)
    write(directory, step, arrays, **more)

  def make_train_step(*args, **more):
    train_step, hit = _make_train_step(*args, **more), []

    def step(state, *args):
      if int(state.step) + 1 in of('parameters') and not hit:
        hit.append(1)
        nan = lambda x: x * np.float32(np.nan)
        state = state._replace(params=jax.tree.map(nan, state.params))
      return train_step(state, *args)

    return step

  say = lambda *words, **_: said.append(' '.join(map(str, words)))
  with (
    mock.patch.object(checkpoint_format, 'write', look),
    mock.patch.object(step_lib, 'make_train_step', make_train_step),
    mock.patch('builtins.print', say),
  ):
    try:
      params, _ = training.fit(plan, folder)
      finite = all(np.isfinite(x).all() for x in jax.tree.leaves(params))
      then = 'rolled back' if any('back to' in x for x in said) else 'skipped'
    except errors.GaveUp as error:
      said.append(f'gave up: {error}')
      finite, then = True, 'gave up'
  found = _small_runs.train_steps(folder)
  last = logs.read_metrics(folder / 'metrics.jsonl')[-1]
  whole = found == list(range(1, len(found) + 1)) and (
    then == 'gave up'
    or len(found) == _STEPS
    and finite
    and all(np.isfinite(x) for x in last.values())
  )
  row = {
    'NaN in': where,
    'at step': f'{_FIRST}' + (f' to {steps[-1]}' if length > 1 else ''),
    'then': then if finite else 'ended with NaN',
    'log': 'whole' if whole else 'not whole',
    'bad saves': len(bad_saves),
    'report': (folder / bad_numbers.FOLDER).is_dir(),
  }
  return row, [x for x in said if 'grad_norm' not in x]
