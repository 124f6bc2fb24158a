"""Truncated backpropagation through time: how far gradients reach.

`bptt_steps` (k2) is how far back the gradient of a loss reaches, `update_every`
(k1) how often parameters move; Williams and Peng (1990) write BPTT(k2; k1).
Update n trains on steps [n * k1, (n + 1) * k1) of the stream.
"""

import functools

import jax
import jax.numpy as jnp

from seqjax import metrics
from seqjax.models import task as task_lib


@functools.lru_cache(64)  # So that equal losses share what is compiled.
def truncate(loss, update_every: int, bptt_steps: int | None = None):
  """Makes the loss of a window out of the loss of a stretch of it.

  * k2 = k1: the window is one stretch.
  * k2 < k1: the window of k1 steps is k1 / k2 stretches, with a `stop_gradient`
    on the carry between them.
  * k2 > k1: the window begins k2 - k1 steps early (`data.Streams` gives those
    steps no weight), and gradients pass through all of it. The carry that the
    next window needs is the one after k1 steps, and is what is returned.

  Whatever the case, the carry that enters is a constant.

  Args:
    loss: (params, carry, batch, key, hparams) -> (loss_sum, Aux).
    update_every: k1.
    bptt_steps: k2; None means k1. One must divide the other.

  Returns:
    A function like `loss`, for windows of max(k1, k2) steps.

  Raises:
    ValueError: neither divides the other.
  """
  k1, k2 = update_every, bptt_steps or update_every
  if max(k1, k2) % min(k1, k2):
    raise ValueError(
      f'bptt_steps={k2} and update_every={k1}: one must divide the other.'
    )

  def whole(params, carry, batch, key, hparams):
    return loss(params, jax.lax.stop_gradient(carry), batch, key, hparams)

  def cut(params, carry, batch, key, hparams):
    stretches = jax.tree.map(
      lambda x: x.reshape(k1 // k2, k2, *x.shape[1:]), batch
    )

    def body(carry, inputs):
      index, stretch = inputs
      key_i = None if key is None else jax.random.fold_in(key, index)
      total, aux = whole(params, carry, stretch, key_i, hparams)
      return aux.carry, (total, aux.weight, aux.metrics)

    carry, sums = jax.lax.scan(
      body, carry, (jnp.arange(k1 // k2, dtype=jnp.int32), stretches)
    )
    total, weight, pairs = jax.tree.map(lambda x: jnp.sum(x, axis=0), sums)
    return total, task_lib.Aux(weight, carry, pairs)

  def overlapping(params, carry, batch, key, hparams):
    keys = (None, None) if key is None else jax.random.split(key)
    head = jax.tree.map(lambda x: x[:k1], batch)
    tail = jax.tree.map(lambda x: x[k1:], batch)
    total_1, aux_1 = whole(params, carry, head, keys[0], hparams)
    total_2, aux_2 = loss(params, aux_1.carry, tail, keys[1], hparams)
    return total_1 + total_2, task_lib.Aux(
      aux_1.weight + aux_2.weight,
      aux_1.carry,
      metrics.add(aux_1.metrics, aux_2.metrics),
    )

  return whole if k1 == k2 else cut if k2 < k1 else overlapping
