"""The next token, given all before it."""

import flax.linen as nn

from seqjax import layers, losses
from seqjax.models import next_step
from seqjax.models import task as task_lib

step = next_step.step


class LanguageModel(nn.Module):
  """Embedding, recurrent stack, and a score for every token of the vocabulary.

    e_t = E[token_t]
    h_t = recurrent(e_t, h_tm1)
    p(token_tp1 | tokens up to t) = softmax(w h_t + b)

  Dropout stands where `next_step.scores` has it.

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
    next_step.check(self.recurrent)
    super().__post_init__()

  @nn.compact
  def __call__(self, tokens, carry=None, **options):
    """Scores the token after each one.

    Args:
      tokens: [T, B] int.
      carry: what the previous window returned; None begins a document.
      **options: of `next_step.scores`: mask, resets, key, dropout_rate, rates.

    Returns:
      logits [T, B, V], and the carry after the last token.
    """
    embed = nn.Embed(self.vocab_size, self.embedding_size, name='embedding')
    return next_step.scores(
      self, embed(tokens), carry, self.vocab_size, **options
    )


@task_lib.shared
def task(model: LanguageModel, unit: str = 'token') -> task_lib.Task:
  """The model with cross-entropy in nats per `unit` ('char', 'token').

  Of hparams it reads what `next_step.loss` does.
  """
  return task_lib.Task(
    init=lambda key, batch: model.init(key, batch.inputs[:1]),
    loss=next_step.loss(model, losses.cross_entropy, unit),
    carry=next_step.carry(model),
  )
