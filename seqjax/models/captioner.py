"""Look at a picture, and write what it shows."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import layers
from seqjax.models import decoder as decoders
from seqjax.models import task as task_lib


class Captioner(nn.Module):
  """Regions of a picture, and a decoder that looks at them while it writes.

    v_1 .. v_R = regions of the picture
    the decoder begins with W mean_r v_r, and looks at all v_r at every step

  Dropout stands after each convolution, on the regions and on their mean: what
  can be seen there should be looked at.

  Attributes:
    regions: a `layers.Regions`.
    decoder: a `models.Decoder`.

  Source: Xu et al. (2015), Show, Attend and Tell, with soft attention. The
  regions are learned here, not those of a network that knows ImageNet.
  """

  regions: layers.Regions
  decoder: decoders.Decoder

  def __call__(
    self,
    inputs,
    *,
    mask,
    key=None,
    dropout_rate=0.0,
    word_dropout_rate=0.0,
    rates=None,
  ) -> decoders.Written:
    """Scores what is to be written, under a teacher.

    Args:
      inputs: a `captioned.Pictured`.
      mask: [T, B] bool, of what is written.
      key: PRNG key; None for evaluation.
      dropout_rate: of regions and decoder; `word_dropout_rate` and `rates` are
        the decoder's.
    """
    keys = (None, None) if key is None else jax.random.split(key)
    memory, context = self.look(
      inputs.pictures, key=keys[0], dropout_rate=dropout_rate
    )
    return self.decoder(
      inputs.written,
      memory,
      context=context,
      mask=mask,
      key=keys[1],
      dropout_rate=dropout_rate,
      word_dropout_rate=word_dropout_rate,
      rates=rates,
    )

  def look(self, pictures, *, key=None, dropout_rate=0.0):
    """The memory of pictures, and what a decoder begins with, [B, C]."""
    keys = (None, None) if key is None else jax.random.split(key)
    regions = self.regions(pictures, key=keys[0], dropout_rate=dropout_rate)
    everywhere = jnp.ones(regions.shape[:2], bool)
    mean = jnp.mean(regions, axis=0)
    return (
      self.decoder.remember(regions, everywhere),
      layers.dropout(keys[1], mean, dropout_rate),
    )

  def begin(self, pictures):
    """The memory of pictures, and the carry before the first token."""
    memory, context = self.look(pictures)
    return memory, self.decoder.begin(len(pictures), context)


@task_lib.shared
def begin(model: Captioner):
  """(params, pictures) -> the memory, and the carry of a decoder."""
  return lambda params, pictures: model.apply(params, pictures, method='begin')


@task_lib.shared
def task(model: Captioner) -> task_lib.Task:
  """The model with cross-entropy in nats per token that is written.

  Of hparams it reads `dropout_rate`, `word_dropout_rate`,
  `attention_penalty`, the factor on `unevenness`, and what `decoder.loss` does.
  """

  def init(key, batch):
    return model.init(key, batch.inputs, mask=jnp.asarray(batch.mask))

  def loss(params, carry, batch, key, hparams):
    found, sown = model.apply(
      params,
      batch.inputs,
      mask=batch.mask,
      key=key,
      **task_lib.disturbances(hparams, 'dropout_rate', 'word_dropout_rate'),
      mutable='intermediates',
    )
    outputs = sown['intermediates']['decoder']
    total, weight, pairs = decoders.loss(found, outputs, batch, hparams)
    if 'attention_penalty' in hparams:
      uneven = unevenness(found.attention, batch.weights)
      total += hparams['attention_penalty'] * uneven
    return total, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, lambda params, batch_size: ())


def unevenness(attention, weights):
  """How far from 1 the attention to each region is, over a whole caption.

    sum over captions and r of (1 - sum_t a_tr)^2

  Args:
    attention: [T, B, R].
    weights: [T, B], 0 where a step is not scored; rows without any count 0.

  Source: Xu et al. (2015), section 4.2.1, "doubly stochastic attention".

  >>> attention = jnp.array([[[1.0, 0.0]], [[0.25, 0.75]]])
  >>> float(unevenness(attention, jnp.ones((2, 1))))
  0.125
  """
  scored = (weights > 0).astype(attention.dtype)
  looked = jnp.einsum('tbr,tb->br', attention, scored)
  written = jnp.any(weights > 0, axis=0)[:, None]
  return jnp.sum(jnp.where(written, jnp.square(1 - looked), 0))
