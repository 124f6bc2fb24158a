"""The next token, given all before it."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors, layers, losses, metrics
from seqjax.models import penalties
from seqjax.models import task as task_lib


class LanguageModel(nn.Module):
  """Embedding, recurrent stack, and a score for every token of the vocabulary.

    e_t = E[token_t]
    h_t = recurrent(e_t, h_tm1)
    p(token_tp1 | tokens up to t) = softmax(w h_t + b)

  Dropout stands on the embedding, between the layers and before the scores: on
  every connection that is not recurrent (Zaremba et al., 2014).

  Attributes:
    vocab_size: V.
    embedding_size: width of the embedding.
    recurrent: a `layers.Recurrent` in one direction.

  Raises:
    UserError: a bidirectional or reverse `recurrent`, which would read the
      answer.
  """

  vocab_size: int
  embedding_size: int
  recurrent: layers.Recurrent

  def __post_init__(self):
    for name in ('bidirectional', 'reverse'):
      if getattr(self.recurrent, name):
        raise errors.UserError(
          'A language model predicts what comes next, and a layer with '
          f'{name}=True has already read it. Set {name}=False.'
        )
    super().__post_init__()

  @nn.compact
  def __call__(
    self,
    tokens,
    carry=None,
    *,
    mask=None,
    resets=None,
    key=None,
    dropout_rate=0.0,
    rates=None,
  ):
    """Scores the token after each one.

    Args:
      tokens: [T, B] int.
      carry: what the previous window returned; None begins a document.
      mask, resets: [T, B] bool, as in `recurrence.unroll`.
      key: PRNG key; None for evaluation.
      dropout_rate: may be traced.
      rates: as in `layers.Recurrent`.

    Returns:
      logits [T, B, V], and the carry after the last token. The outputs of the
      stack are sown for `penalties`.
    """
    keys = (None,) * 3 if key is None else jax.random.split(key, 3)

    def drop(key, x):
      same = self.recurrent.variational
      return layers.dropout(key, x, dropout_rate, same_over_time=same)

    xs = nn.Embed(self.vocab_size, self.embedding_size, name='embedding')(
      tokens
    )
    ys, carry, _ = self.recurrent(
      drop(keys[0], xs),
      carry,
      mask=mask,
      resets=resets,
      key=keys[1],
      dropout_rate=dropout_rate,
      rates=rates,
    )
    dropped = drop(keys[2], ys)
    penalties.sow(self, ys, dropped)
    return nn.Dense(self.vocab_size, name='scores')(dropped), carry


def step(model: LanguageModel):
  """The model one token at a time, as `decoding` wants it.

  Returns:
    (params, carry, token [B]) -> (carry, logits [B, V]).
  """

  def read(params, carry, token):
    logits, carry = model.apply(params, token[None], carry)
    return carry, logits[0]

  return read


def task(model: LanguageModel, unit: str = 'token') -> task_lib.Task:
  """The model with cross-entropy in nats per `unit` ('char', 'token').

  Of hparams it reads `dropout_rate`, the names of `regularizers.Rates` and
  those of `penalties`.
  """

  def init(key, batch):
    return model.init(key, batch.inputs[:1])

  def carry(params, batch_size):
    # A row without a valid step returns the carry that it began with.
    nothing = jnp.zeros((1, batch_size), jnp.int32)
    return model.apply(params, nothing, mask=nothing > 0)[1]

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
    nats, weight = losses.cross_entropy(logits, batch.targets, batch.weights)
    pairs = metrics.likelihood(nats, weight, unit)
    price = penalties.price(
      sown['intermediates'], batch.weights, batch.resets, hparams
    )
    return nats + weight * price, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, carry)
