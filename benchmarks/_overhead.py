"""What saves cost, and how soon a run that was stopped goes on.

A language model of two layers trains while its state is saved once, in the
background. A save costs the time that it holds the loop up, and all by which
the steps are slower until it is durable; the share is that of one save every 30
seconds. Then char_lm, with its own settings, is stopped and started again: the
seconds from there to the line of its first step, of which Python and JAX need
the most to be imported.
"""

import os
import pathlib
import signal
import statistics
import subprocess
import tempfile
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _small_runs
from seqjax import cells, data, layers, models, training
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import loop as loop_lib
from seqjax.training import state as state_lib

_SIZES = (128, 512, 1024)
_T, _B, _V = 16, 8, 100


def measure(options) -> tuple[list[dict], list[str]]:
  """Rows of the table, one for each size; speeds are never wrong."""
  sizes, rounds = (_SIZES[:1], 1) if options.short else (_SIZES, 5)
  rows = [_save(size, rounds) for size in sizes]
  walls, cpus = zip(*_restarts(1 if options.short else 3), strict=True)
  print(
    f'char_lm goes on after {statistics.median(walls):.1f} s (greatest '
    f'{max(walls):.1f}), of which the CPU works '
    f'{statistics.median(cpus):.1f} s; load '
    f'{pathlib.Path("/proc/loadavg").read_text().split()[0]}.'
  )
  return rows, []


def _save(size: int, rounds: int) -> dict:
  """The row of a hidden size: medians over the rounds."""
  model = models.LanguageModel(
    _V, 64, layers.Recurrent(cells.lstm(), (size, size))
  )
  task = models.language_model.task(model)
  optimizer = training.make_optimizer('adam')
  tokens = np.arange((_T + 1) * _B, dtype=np.int32).reshape(-1, _B) % _V
  every = np.ones((_T, _B), bool)
  batch = data.Batch(
    tokens[:-1], tokens[1:], every, every.astype(np.float32), ~every
  )
  hparams = {'learning_rate': jnp.float32(1e-3), 'clip_norm': jnp.float32(1)}
  hparams['seed'] = jnp.uint32(0)
  state = state_lib.create(task, optimizer, batch, 0)
  train_step = training.make_train_step(task, optimizer)

  def step():
    nonlocal state
    state, *_ = train_step(state, batch, hparams)
    jax.block_until_ready(state)

  def seconds_of_a_step():
    began = time.perf_counter()
    for _ in range(4):
      step()
    return (time.perf_counter() - began) / 4

  step()  # Compiles.
  held, durable, costs = [], [], []
  with tempfile.TemporaryDirectory() as folder:
    checkpoints = checkpoints_lib.Checkpoints(folder, fingerprint='')
    # The first of all imports orbax, once in a run.
    for number in range(rounds + 1):
      alone = seconds_of_a_step()
      began = time.perf_counter()
      checkpoints.save(number, state)
      blocked = time.perf_counter() - began
      waiting = threading.Thread(target=checkpoints.wait)
      waiting.start()
      steps = 0
      while waiting.is_alive():
        step()
        steps += 1
      total = time.perf_counter() - began
      alone = (alone + seconds_of_a_step()) / 2
      if number:
        held.append(blocked)
        durable.append(total)
        costs.append(max(blocked, total - steps * alone))
    checkpoints.close()
  cost = statistics.median(costs)
  return {
    'hidden size': size,
    'MB': sum(x.nbytes for x in jax.tree.leaves(state)) / 1e6,
    'step (s)': alone,
    'durable after (s)': statistics.median(durable),
    'held up (s)': statistics.median(held),
    'costs (s)': cost,
    'share': f'{cost / loop_lib.SAVE_SECONDS:.2%}',
  }


def _restarts(times: int):
  """(seconds, those of the CPU) of each restart of char_lm."""
  with tempfile.TemporaryDirectory() as folder:
    workdir = pathlib.Path(folder, 'runs', 'char_lm')
    workdir.parent.mkdir()
    # First it begins, and then all that a restart needs is compiled.
    for number in range(times + 2):
      last, began = _small_runs.last_step(workdir), time.monotonic()
      with _small_runs.start(
        'char_lm', workdir, usual=True, stderr=subprocess.DEVNULL
      ) as process:
        _small_runs.wait_for(workdir, last + 1, process)
        seconds = time.monotonic() - began
        fields = pathlib.Path(f'/proc/{process.pid}/stat').read_text().split()
        process.send_signal(signal.SIGTERM)
      if number > 1:
        cpu = (int(fields[13]) + int(fields[14])) / os.sysconf('SC_CLK_TCK')
        yield seconds, cpu
