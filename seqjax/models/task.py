"""What a model offers to training: three pure functions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from seqjax.cells import regularizers


class Aux(NamedTuple):
  """What a loss returns beside its sum."""

  weight: jax.Array  # [], the loss is the sum divided by this
  carry: Any  # [B, ...], after the last step
  metrics: dict[str, tuple[jax.Array, jax.Array]]  # name -> (sum, weight)


class Task(NamedTuple):
  """A model with its loss.

  A task without carried state has the carry ().
  """

  # (key, batch) -> params
  init: Callable[..., Any]
  # (params, carry, batch, key, hparams) -> (loss_sum, Aux). key=None means
  # evaluation; hparams holds the numbers that a sweep may vary, as arrays.
  loss: Callable[..., tuple[jax.Array, Aux]]
  # (params, batch_size) -> the carry before a document.
  carry: Callable[[Any, int], Any]


def disturbances(hparams, *names: str) -> dict[str, Any]:
  """What a module disturbs in training, from hparams, as it takes it in a call.

  Args:
    hparams: as of a loss.
    *names: of its arguments, such as 'dropout_rate'; 0 where not in hparams.
  """
  known = regularizers.Rates._fields
  rates = {name: hparams[name] for name in known if name in hparams}
  return {name: hparams.get(name, 0.0) for name in names} | {'rates': rates}
