"""What models have in common that say what comes next."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors, layers, metrics
from seqjax.models import penalties
from seqjax.models import task as task_lib


def check(recurrent: layers.Recurrent) -> None:
  """Refuses a stack that has read what comes next.

  Raises:
    UserError: it is bidirectional or reverse.
  """
  for name in ('bidirectional', 'reverse'):
    if getattr(recurrent, name):
      raise errors.UserError(
        'A model of what comes next predicts it, and a layer with '
        f'{name}=True has already read it. Set {name}=False.'
      )


def scores(
  module,
  xs,
  carry,
  num_scores: int,
  *,
  mask=None,
  resets=None,
  key=None,
  dropout_rate=0.0,
  rates=None,
  drops_inputs=True,
):
  """Reads inputs with the recurrent stack of a module, and scores the next.

    h_t = recurrent(x_t, h_tm1)
    logits_t = w h_t + b

  Dropout stands on the inputs, between the layers and before the scores: on
  every connection that is not recurrent (Zaremba et al., 2014). Submodules are
  made, so the caller is an `nn.compact` method.

  Args:
    module: its `recurrent` reads.
    xs: [T, B, D].
    carry: what the previous window returned; None begins a document.
    num_scores: V.
    mask, resets: [T, B] bool, as in `recurrence.unroll`.
    key: PRNG key; None for evaluation.
    dropout_rate: may be traced.
    rates: as in `layers.Recurrent`.
    drops_inputs: False lets the inputs through as they are.

  Returns:
    logits [T, B, V], and the carry after the last step. The outputs of the
    stack are sown for `penalties`.
  """
  keys = (None,) * 3 if key is None else jax.random.split(key, 3)

  def drop(key, x):
    same = module.recurrent.variational
    return layers.dropout(key, x, dropout_rate, same_over_time=same)

  ys, carry, _ = module.recurrent(
    drop(keys[0], xs) if drops_inputs else xs,
    carry,
    mask=mask,
    resets=resets,
    key=keys[1],
    dropout_rate=dropout_rate,
    rates=rates,
  )
  dropped = drop(keys[2], ys)
  penalties.sow(module, ys, dropped)
  return nn.Dense(num_scores, name='scores')(dropped), carry


@task_lib.shared
def step(model: nn.Module):
  """The model one step at a time, as `decoding` wants it.

  Returns:
    (params, carry, x_t [B, ...]) -> (carry, logits [B, V]).
  """

  def read(params, carry, x_t):
    logits, carry = model.apply(params, x_t[None], carry)
    return carry, logits[0]

  return read


@task_lib.shared
def carry(model: nn.Module, shape: tuple[int, ...] = ()):
  """The carry before the first step.

  Args:
    model: as for `step`.
    shape: of one step of one input; () for a token.

  Returns:
    (params, batch_size) -> carry.
  """

  @functools.partial(jax.jit, static_argnums=1)
  def begin(params, batch_size):
    # A row without a valid step returns the carry that it began with.
    nothing = jnp.zeros((1, batch_size, *shape), jnp.int32)
    mask = jnp.zeros((1, batch_size), bool)
    return model.apply(params, nothing, mask=mask)[1]

  return begin


def loss(model: nn.Module, loss_of, unit: str):
  """The loss of a model's task, in nats per `unit`.

  Of hparams it reads `dropout_rate`, the names of `regularizers.Rates` and
  those of `penalties`.

  Args:
    model: whose call takes inputs, a carry and the options of `scores`.
    loss_of: (logits, targets, weights) -> (nats, weight), of `losses`.
    unit: what a step is, for the names of the metrics.

  Returns:
    As `models.Task` has it.
  """

  def loss(params, carry, batch, key, hparams):
    (logits, carry), sown = model.apply(
      params,
      batch.inputs,
      carry,
      mask=batch.mask,
      resets=batch.resets,
      key=key,
      **task_lib.disturbances(hparams, 'dropout_rate'),
      mutable='intermediates',
    )
    nats, weight = loss_of(logits, batch.targets, batch.weights)
    pairs = metrics.likelihood(nats, weight, unit)
    price = penalties.price(
      sown['intermediates'], batch.weights, batch.resets, hparams
    )
    return nats + weight * price, task_lib.Aux(weight, carry, pairs)

  return loss
