"""What is written to a longer sequence, nobody having said where."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax

from seqjax import layers
from seqjax.models import penalties
from seqjax.models import task as task_lib

# The unknown symbol of a vocabulary, which is never written, is the blank.
BLANK = 0


class Recogniser(nn.Module):
  """Frames, read as a whole, and at every step a score for every symbol.

    h_t = recurrent(x_t, h_tm1)
    logits_t = w h_t + b

  Symbol 0 is the blank: nothing new is said at this step. A transcript is
  written by every path of symbols that becomes it once repetitions are merged
  and blanks taken away, and its probability is the sum over them.

  Dropout stands between the layers and before the scores.

  Attributes:
    vocab_size: V, the blank included.
    recurrent: a `layers.Recurrent`, bidirectional as a rule.

  Source: connectionist temporal classification, Graves et al. (2006), ICML.
  """

  vocab_size: int
  recurrent: layers.Recurrent

  @nn.compact
  def __call__(self, inputs, *, mask, key=None, dropout_rate=0.0, rates=None):
    """Scores every symbol at every step.

    Args:
      inputs: [T, B, D] float32.
      mask: [T, B] bool, True where a step is valid: the first of each row.
      key: PRNG key; None for evaluation.
      dropout_rate: may be traced.
      rates: as in `layers.Recurrent`.

    Returns:
      logits [T, B, V].
    """
    keys = (None,) * 2 if key is None else jax.random.split(key)
    ys = self.recurrent(
      inputs, mask=mask, key=keys[0], dropout_rate=dropout_rate, rates=rates
    ).outputs
    same = self.recurrent.variational
    dropped = layers.dropout(keys[1], ys, dropout_rate, same_over_time=same)
    penalties.sow(self, ys, dropped)
    return nn.Dense(self.vocab_size, name='scores')(dropped)


def nats(logits, targets, mask):
  """-log p(transcript) of each row.

  Args:
    logits: [T, B, V], finite in the padding too.
    targets: [U, B] int, the transcript of each row and `BLANK` behind it.
    mask: [T, B] bool, True at the first steps of each row.

  Returns:
    [B] float32; infinite where the row is too short for its transcript.
  """
  found = optax.ctc_loss(
    jnp.swapaxes(logits, 0, 1),
    1 - mask.T.astype(logits.dtype),
    targets.T,
    (targets.T == BLANK).astype(logits.dtype),
    blank_id=BLANK,
  )
  repeats = (targets[1:] == targets[:-1]) & (targets[1:] != BLANK)
  needed = jnp.sum(targets != BLANK, axis=0) + jnp.sum(repeats, axis=0)
  # Optax has some 1e5 for log 0, which looks like a loss.
  return jnp.where(needed <= jnp.sum(mask, axis=0), found, jnp.inf)


def scores(model: Recogniser):
  """(params, batch) -> logits [T, B, V], for `decoding`."""

  def scores(params, batch):
    return model.apply(params, batch.inputs, mask=batch.mask)

  return scores


@task_lib.shared
def task(model: Recogniser) -> task_lib.Task:
  """The model with -log p(transcript) in nats per symbol.

  Its batches are those of `data.transcripts.transcript_batches`: a row weighs
  as many as it has symbols. Of hparams it reads `dropout_rate`, the names of
  `regularizers.Rates` and those of `penalties`.
  """

  def init(key, batch):
    return model.init(key, batch.inputs[:, :1], mask=batch.mask[:, :1])

  def loss(params, carry, batch, key, hparams):
    logits, sown = model.apply(
      params,
      batch.inputs,
      mask=batch.mask,
      key=key,
      **task_lib.disturbances(hparams, 'dropout_rate'),
      mutable='intermediates',
    )
    counted = batch.weights > 0
    each = nats(logits, batch.targets, batch.mask)
    total = jnp.sum(jnp.where(counted, each, 0))
    weight = jnp.sum(batch.weights)
    pairs = {'nats_per_symbol': (total, weight)}
    valid = jnp.asarray(batch.mask, jnp.float32)
    price = penalties.price(sown['intermediates'], valid, batch.resets, hparams)
    return total + weight * price, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, lambda params, batch_size: ())
