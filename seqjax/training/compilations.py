"""A compilation that nobody planned, said aloud."""

import itertools
from collections.abc import Callable

import jax

from seqjax.models import task as task_lib


def announce(
  task: task_lib.Task, programs: int | None, say: Callable[[str], None]
) -> task_lib.Task:
  """The task, saying so when its step is compiled more often than planned.

  JAX runs a loss in Python once for each program that it compiles: batches of
  new shapes need a new one.

  Args:
    task: what is trained; its loss is unchanged otherwise.
    programs: how many compilations are planned; None says nothing.
    say: takes a sentence for each further one, before it begins.
  """
  if programs is None:
    return task
  numbers = itertools.count(1)

  def loss(params, carry, batch, key, hparams):
    number = next(numbers)
    if number > programs:
      say(
        f'Compiling program {number} of the training step, of which {programs} '
        f'were foreseen, for a batch with {_shapes(batch)}. Each costs '
        'seconds: pad to fewer lengths, or plan for more programs.'
      )
    return task.loss(params, carry, batch, key, hparams)

  return task._replace(loss=loss)


def _shapes(batch):
  return ', '.join(
    f'{jax.tree_util.keystr(path, simple=True, separator=".")} '
    f'{leaf.dtype}{list(leaf.shape)}'
    for path, leaf in jax.tree.leaves_with_path(batch)
  )
