"""Penalties on the outputs of a recurrent stack, as a part of a model's loss.

hparams may hold `activation_penalty` and `temporal_penalty`: what AR
(`losses.activation`) and TAR (`losses.temporal_activation`) are multiplied by
before they are added to the mean loss. Metrics are without them.
"""

import jax.numpy as jnp

from seqjax import losses


def sow(module, outputs, dropped):
  """Lays the outputs [T, B, H] aside, before and after dropout.

  `module.apply(..., mutable='intermediates')` returns them for `price`.
  """
  module.sow('intermediates', 'outputs', outputs)
  module.sow('intermediates', 'dropped_outputs', dropped)


def price(sown, weights, resets, hparams):
  """What the penalties add to the mean loss, [] or 0.

  Args:
    sown: the intermediates that `sow` filled.
    weights, resets: [T, B], as in `losses.temporal_activation`.
    hparams: the factors, where they are given.
  """
  (outputs,), (dropped,) = sown['outputs'], sown['dropped_outputs']
  pairs = {
    'activation_penalty': losses.activation(dropped, weights),
    'temporal_penalty': losses.temporal_activation(outputs, weights, resets),
  }
  return sum(
    hparams[name] * total / jnp.where(count > 0, count, 1)
    for name, (total, count) in pairs.items()
    if name in hparams
  )
