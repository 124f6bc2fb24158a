"""Read a whole sequence, then write another."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors, layers
from seqjax.models import decoder as decoders
from seqjax.models import task as task_lib
from seqjax.recurrence import scheduled_sampling


class EncoderDecoder(nn.Module):
  """An encoder that reads, and a decoder that looks at what was read.

    m_s = encoder(E[x_s], m_sm1)                 in both directions as a rule
    memory = m_1 .. m_S
    the decoder begins with W m_last, and looks at the memory at every step

  Attributes:
    encoder: a `layers.Recurrent`.
    decoder: a `models.Decoder`.
    vocab_size: of the source, 0 being the unknown token; 0 where it is numbers.
    embedding_size: width of its embedding.

  Raises:
    UserError: tokens without an embedding; an encoder whose two directions are
      mixed, whose last states are then those of neither.

  Source: Sutskever, Vinyals and Le (2014), Bahdanau, Cho and Bengio (2015),
  Luong, Pham and Manning (2015). Unlike the last, every layer of the decoder
  begins with a learned linear map of where the encoder's last layer ended, so
  that the stacks may differ in width, depth and cell.
  """

  encoder: layers.Recurrent
  decoder: decoders.Decoder
  vocab_size: int = 0
  embedding_size: int = 0

  def __post_init__(self):
    if self.vocab_size and self.embedding_size < 1:
      raise errors.UserError(
        f'{self.vocab_size} tokens need an embedding_size of at least 1, got '
        f'{self.embedding_size}.'
      )
    if self.encoder.bidirectional and self.encoder.merge != 'concat':
      raise errors.UserError(
        'A decoder begins where each direction of the encoder ended, which '
        f"merge={self.encoder.merge!r} mixes. Use merge='concat'."
      )
    super().__post_init__()

  def setup(self):
    if self.vocab_size:
      self.embedding = nn.Embed(self.vocab_size, self.embedding_size)
    self.pool = layers.Pooling(
      'last',
      bidirectional=self.encoder.bidirectional,
      reverse=self.encoder.reverse,
    )

  def __call__(
    self,
    inputs,
    *,
    mask,
    key=None,
    dropout_rate=0.0,
    word_dropout_rate=0.0,
    rates=None,
    coins=None,
  ) -> decoders.Written:
    """Scores what is to be written, under a teacher.

    Args:
      inputs: a `data.Pair`.
      mask: [T, B] bool, of what is written.
      key: PRNG key; None for evaluation.
      dropout_rate, word_dropout_rate, rates: of encoder and decoder; `rates` as
        in `layers.Recurrent`.
      coins: as in `models.Decoder`.
    """
    keys = (None, None) if key is None else jax.random.split(key)
    memory, context = self.read(
      inputs.source,
      inputs.source_mask,
      key=keys[0],
      dropout_rate=dropout_rate,
      word_dropout_rate=word_dropout_rate,
      rates=rates,
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
      coins=coins,
    )

  def read(
    self,
    source,
    mask,
    *,
    key=None,
    dropout_rate=0.0,
    word_dropout_rate=0.0,
    rates=None,
  ):
    """The memory of a source, and what a decoder begins with, [B, E]."""
    keys = (None,) * 3 if key is None else jax.random.split(key, 3)
    xs = source
    if self.vocab_size:
      xs = self.embedding(layers.drop_words(keys[0], source, word_dropout_rate))
    same = self.encoder.variational
    ys = self.encoder(
      layers.dropout(keys[1], xs, dropout_rate, same_over_time=same),
      mask=mask,
      key=keys[2],
      dropout_rate=dropout_rate,
      rates=rates,
    ).outputs
    return self.decoder.remember(ys, mask), self.pool(ys, mask)[0]

  def begin(self, source, mask):
    """The memory of a source, and the carry before the first token."""
    memory, context = self.read(source, mask)
    return memory, self.decoder.begin(source.shape[1], context)


@task_lib.shared
def begin(model: EncoderDecoder):
  """(params, source, source_mask) -> the memory, and the carry of a decoder."""

  def begin(params, source, mask):
    return model.apply(params, source, mask, method='begin')

  return begin


@task_lib.shared
def task(model: EncoderDecoder, teacher=None) -> task_lib.Task:
  """The model with cross-entropy in nats per token that is written.

  Of hparams it reads `dropout_rate`, `word_dropout_rate`, the names of
  `regularizers.Rates`, those that `decoder.loss` reads, and `step`.

  Args:
    model: what is trained.
    teacher: step of training -> how probable it is that the decoder is told the
      token before, of `scheduled_sampling.schedule`; None tells it always.
  """

  def init(key, batch):
    return model.init(key, batch.inputs, mask=jnp.asarray(batch.mask))

  def loss(params, carry, batch, key, hparams):
    coins = None
    if teacher is not None and key is not None:
      key, key_coins = jax.random.split(key)
      coins = scheduled_sampling.coins(
        key_coins, teacher(hparams['step']), *batch.targets.shape
      )
    found, sown = model.apply(
      params,
      batch.inputs,
      mask=batch.mask,
      key=key,
      coins=coins,
      **task_lib.disturbances(hparams, 'dropout_rate', 'word_dropout_rate'),
      mutable='intermediates',
    )
    outputs = sown['intermediates']['decoder']
    total, weight, pairs = decoders.loss(found, outputs, batch, hparams)
    return total, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, lambda params, batch_size: ())
