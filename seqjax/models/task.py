"""What a model offers to training: three pure functions."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from seqjax import layers
from seqjax.cells import regularizers

# Models and what is made of them that are remembered at once, for each builder.
_REMEMBERED = 64


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


def shared(build: Callable) -> Callable:
  """Makes equal models share their functions, and so what JAX compiles of them.

  How weights begin is no part of what is compiled but for a task's `init`:
  models that differ in `init_options` alone share all other functions.

  Args:
    build: (model, ...) -> a function, or a `Task`.

  Returns:
    `build` with a memory of the models it has seen last, if they are hashable.
  """
  remember = functools.lru_cache(_REMEMBERED)(build)

  @functools.wraps(build)
  def built(model, *args, **options):
    try:
      hash(model)
    except TypeError:  # An attribute of it can be compared with nothing.
      return build(model, *args, **options)
    found = remember(_without_init(model), *args, **options)
    if isinstance(found, Task):
      found = found._replace(init=remember(model, *args, **options).init)
    return found

  return built


def _without_init(model: nn.Module) -> nn.Module:
  """The model with the weights of its layers begun as they are by default."""
  changed = {
    name: _without_init(part)
    for name in model.__dataclass_fields__
    if name not in ('parent', 'name')
    and isinstance(part := getattr(model, name), nn.Module)
  }
  if isinstance(model, layers.Recurrent):
    changed['init_options'] = None
  return model.clone(**changed) if changed else model
