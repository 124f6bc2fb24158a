"""One label for a whole sequence."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors, layers, losses, metrics
from seqjax.models import penalties
from seqjax.models import task as task_lib


class Classifier(nn.Module):
  """A recurrent stack, its outputs pooled, and a score for every label.

    h_t = recurrent(e_t, h_tm1)     e_t = E[token_t], or the numbers x_t
    p(label | sequence) = softmax(w pooling(h_1 .. h_T) + b)

  Dropout stands on the embedding, between the layers and on the pooled vector.

  Attributes:
    num_classes: K.
    recurrent: a `layers.Recurrent`.
    pooling: of `layers.POOLINGS`.
    vocab_size: V, where inputs are tokens in [0, V), 0 being the unknown one;
      0 where inputs are numbers.
    embedding_size: width of the embedding of tokens.

  Raises:
    UserError: tokens without an embedding; or the last states of two directions
      that are not concatenated, which no longer tell one from the other.
  """

  num_classes: int
  recurrent: layers.Recurrent
  pooling: str = 'last'
  vocab_size: int = 0
  embedding_size: int = 0

  def __post_init__(self):
    if self.vocab_size and self.embedding_size < 1:
      raise errors.UserError(
        f'{self.vocab_size} tokens need an embedding_size of at least 1, got '
        f'{self.embedding_size}.'
      )
    merge = self.recurrent.merge
    last_of_both = self.recurrent.bidirectional and self.pooling == 'last'
    if last_of_both and merge != 'concat':
      raise errors.UserError(
        "pooling='last' takes each direction where it has read everything, "
        f"which merge={merge!r} mixes. Use merge='concat' or another pooling."
      )
    super().__post_init__()

  @nn.compact
  def __call__(
    self,
    inputs,
    *,
    mask,
    key=None,
    dropout_rate=0.0,
    word_dropout_rate=0.0,
    rates=None,
  ):
    """Scores every label.

    Args:
      inputs: [T, B] int tokens, or [T, B, D] numbers.
      mask: [T, B] bool, True where a step is valid.
      key: PRNG key; None for evaluation.
      dropout_rate, word_dropout_rate: may be traced; the second makes tokens
        unknown.
      rates: as in `layers.Recurrent`.

    Returns:
      logits [B, K], and the weights of attention pooling [T, B] or None.
    """
    keys = (None,) * 4 if key is None else jax.random.split(key, 4)
    xs = inputs
    if self.vocab_size:
      tokens = layers.drop_words(keys[0], inputs, word_dropout_rate)
      embed = nn.Embed(self.vocab_size, self.embedding_size, name='embedding')
      # One mask per sequence or per step, as between the layers.
      same = self.recurrent.variational
      xs = layers.dropout(
        keys[1], embed(tokens), dropout_rate, same_over_time=same
      )
    ys = self.recurrent(
      xs, mask=mask, key=keys[2], dropout_rate=dropout_rate, rates=rates
    ).outputs
    penalties.sow(self, ys, ys)
    pool = layers.Pooling(
      self.pooling,
      bidirectional=self.recurrent.bidirectional,
      reverse=self.recurrent.reverse,
      name='pooling',
    )
    pooled, attention = pool(ys, mask)
    pooled = layers.dropout(keys[3], pooled, dropout_rate)
    return nn.Dense(self.num_classes, name='scores')(pooled), attention


@task_lib.shared
def predict(model: Classifier):
  """(params, batch) -> probabilities [B, K] and attention [T, B] or None."""

  def predict(params, batch):
    logits, attention = model.apply(params, batch.inputs, mask=batch.mask)
    return jax.nn.softmax(logits), attention

  return predict


@task_lib.shared
def task(model: Classifier) -> task_lib.Task:
  """The model with cross-entropy in nats per sequence, and accuracy.

  Of hparams it reads `dropout_rate`, `word_dropout_rate`, the names of
  `regularizers.Rates` and those of `penalties`.
  """

  def init(key, batch):
    return model.init(key, batch.inputs[:1], mask=jnp.asarray(batch.mask[:1]))

  def loss(params, carry, batch, key, hparams):
    (logits, _), sown = model.apply(
      params,
      batch.inputs,
      mask=batch.mask,
      key=key,
      **task_lib.disturbances(hparams, 'dropout_rate', 'word_dropout_rate'),
      mutable='intermediates',
    )
    nats, weight = losses.cross_entropy(logits, batch.targets, batch.weights)
    pairs = {
      'nats_per_sequence': (nats, weight),
      'accuracy': metrics.accuracy(logits, batch.targets, batch.weights),
    }
    valid = jnp.asarray(batch.mask, jnp.float32)
    price = penalties.price(sown['intermediates'], valid, batch.resets, hparams)
    return nats + weight * price, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, lambda params, batch_size: ())
