"""One answer to a question about a story."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors, layers
from seqjax.models import classifier, penalties
from seqjax.models import task as task_lib


class Answerer(nn.Module):
  """Sentences read one after another, and looked at again and again.

    s_t = positioned(E[words of sentence t])       q the same of the question
    h_t = recurrent(s_t, h_tm1)
    m_0 = W_0 q + b_0
    c_i = attention_i(m_im1, h_1 .. h_S)           i = 1 .. hops
    m_i = relu(W_i [m_im1, c_i, m_0] + b_i)
    p(answer | story, question) = softmax(W m_hops + b)

  Without attention there is one hop, and c_1 is what the stack ends with.
  Dropout stands on s_t, between the layers and on the last m.

  Attributes:
    num_answers: K.
    recurrent: a `layers.Recurrent`, bidirectional as a rule: what follows a
      sentence says whether it still holds.
    vocab_size: V, of the words.
    embedding_size: E, width of the embedding.
    attention: of `layers.ATTENTIONS`; each hop has weights of its own.
    hops: how often the story is looked at.

  Raises:
    UserError: no hop; or no attention to two directions that are not
      concatenated, which no longer tell where each ends.

  Source: Xiong, Merity and Socher (2016), ICML, section 3, with the soft
  attention. There the story is read by a GRU whose directions are summed, and
  the attention scores four products of sentence, question and memory.
  """

  num_answers: int
  recurrent: layers.Recurrent
  vocab_size: int
  embedding_size: int
  attention: str = 'general'
  hops: int = 3

  def __post_init__(self):
    if self.attention not in layers.ATTENTIONS:
      raise errors.unknown('attention', self.attention, layers.ATTENTIONS)
    if self.hops < 1:
      raise errors.UserError(f'expected at least one hop, got {self.hops}.')
    merge = self.recurrent.merge
    last_of_both = self.recurrent.bidirectional and self.attention == 'none'
    if last_of_both and merge != 'concat':
      raise errors.UserError(
        "attention='none' takes each direction where it has read everything, "
        f"which merge={merge!r} mixes. Use merge='concat' or attention."
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
    """Scores every answer.

    Args:
      inputs: `data.Asked`: story [S, B, W], question [B, W].
      mask: [S, B] bool, True where there is a sentence.
      key: PRNG key; None for evaluation.
      dropout_rate, word_dropout_rate: may be traced; the second makes words of
        the story unknown.
      rates: as in `layers.Recurrent`.

    Returns:
      logits [B, K], and the weights of each hop [hops, B, S] or None.
    """
    keys = (None,) * 4 if key is None else jax.random.split(key, 4)
    embed = nn.Embed(self.vocab_size, self.embedding_size, name='embedding')

    def read(words, ids):
      return positioned(embed(ids), words >= 0)

    known = jnp.maximum(inputs.story, 0)
    story = read(
      inputs.story, layers.drop_words(keys[0], known, word_dropout_rate)
    )
    question = read(inputs.question, jnp.maximum(inputs.question, 0))
    same = self.recurrent.variational
    ys = self.recurrent(
      layers.dropout(keys[1], story, dropout_rate, same_over_time=same),
      mask=mask,
      key=keys[2],
      dropout_rate=dropout_rate,
      rates=rates,
    ).outputs
    penalties.sow(self, ys, ys)

    width = self.recurrent.hidden_sizes[-1]
    memory = asked = nn.Dense(width, name='question')(question)

    def update(hop, context):
      together = jnp.concatenate([memory, context, asked], axis=-1)
      return nn.relu(nn.Dense(width, name=f'memory_{hop}')(together))

    weights = []
    if self.attention == 'none':
      pool = layers.Pooling(
        bidirectional=self.recurrent.bidirectional,
        reverse=self.recurrent.reverse,
      )
      memory = update(1, pool(ys, mask)[0])
    else:
      for hop in range(1, self.hops + 1):
        look = layers.Attention(self.attention, width, name=f'attention_{hop}')
        context, looked = look(ys, mask, memory)
        memory = update(hop, context)
        weights.append(looked)
    memory = layers.dropout(keys[3], memory, dropout_rate)
    logits = nn.Dense(self.num_answers, name='scores')(memory)
    return logits, jnp.stack(weights) if weights else None


def positioned(embedded, mask):
  """A sum of word vectors that knows in which order they stand.

    sum over j of l_j * x_j    l_jk = (1 - j / J) - (k / E) (1 - 2 j / J)

  with j = 1 .. J and k = 1 .. E.

  Args:
    embedded: [..., W, E].
    mask: [..., W] bool, True for the J words, which come first.

  Returns:
    [..., E], zero where there is no word.

  Source: Sukhbaatar et al. (2015), NeurIPS, section 4.1.

  Example:
    >>> positioned(jnp.ones((3, 2)), jnp.array([True, True, False]))
    Array([1. , 1.5], dtype=float32)
  """
  valid = mask.astype(embedded.dtype)
  far = jnp.cumsum(valid, axis=-1) / jnp.maximum(
    valid.sum(axis=-1, keepdims=True), 1
  )
  # l is linear in k: two sums over the words, whatever the features.
  first, change = (
    jnp.einsum('...w,...we->...e', valid * weights, embedded)
    for weights in (1 - far, 1 - 2 * far)
  )
  size = embedded.shape[-1]
  k = jnp.arange(1, size + 1, dtype=embedded.dtype)
  return first - jnp.einsum('e,...e->...e', k / size, change)


@task_lib.shared
def task(model: Answerer) -> task_lib.Task:
  """As `classifier.task`, whose `predict` serves an Answerer too."""

  def init(key, batch):
    inputs, mask = jax.tree.map(jnp.asarray, (batch.inputs, batch.mask))
    return model.init(key, inputs, mask=mask)

  return classifier.task(model)._replace(init=init)
