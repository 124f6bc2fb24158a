"""One tag for every step of a sequence."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import crf, errors, layers, losses, metrics
from seqjax.models import penalties
from seqjax.models import task as task_lib

HEADS = ('softmax', 'crf')


class Words(NamedTuple):
  """The words of a batch and their spelling."""

  words: Any  # [T, B] int32; 0 is the unknown word
  characters: Any = None  # [T, B, C] int32; -1 where there is no character


class Tagger(nn.Module):
  """Words, read both ways beside their spelling, and a score for every tag.

    s_t = last states of character_recurrent over the characters of word t
    h_t = recurrent([E[word_t], s_t], h_tm1)
    logits_t = w h_t + b

  The head makes probabilities of the logits: 'softmax' at every step by itself,
  'crf' of the whole path (`crf.Transitions`).

  Dropout stands on what enters the recurrent stack, between the layers and
  before the scores.

  Attributes:
    num_tags: K.
    recurrent: a `layers.Recurrent`, bidirectional as a rule.
    vocab_size: V, of the words.
    embedding_size: width of the embedding of words.
    head: of `HEADS`.
    characters_vocab_size: how many characters there are; 0 leaves the spelling
      out.
    character_embedding_size: width of the embedding of characters.
    character_recurrent: a `layers.Recurrent` over the characters of a word.

  Raises:
    UserError: unknown head; a spelling without a layer that reads it, or with
      one whose two directions are not concatenated.

  Source: Lample et al. (2016), NAACL; the softmax head as in Ling et al.
  (2015), EMNLP.
  """

  num_tags: int
  recurrent: layers.Recurrent
  vocab_size: int
  embedding_size: int
  head: str = 'softmax'
  characters_vocab_size: int = 0
  character_embedding_size: int = 0
  character_recurrent: layers.Recurrent | None = None

  def __post_init__(self):
    if self.head not in HEADS:
      raise errors.unknown('head', self.head, HEADS)
    reader = self.character_recurrent
    if self.characters_vocab_size and reader is None:
      raise errors.UserError(
        f'{self.characters_vocab_size} characters need a character_recurrent '
        'that reads them. Give one, or set characters_vocab_size=0.'
      )
    if reader and reader.bidirectional and reader.merge != 'concat':
      raise errors.UserError(
        'A spelling is the last state of each direction, which '
        f"merge={reader.merge!r} mixes. Use merge='concat' for the characters."
      )
    super().__post_init__()

  @nn.compact
  def __call__(
    self,
    inputs: Words,
    *,
    mask,
    key=None,
    dropout_rate=0.0,
    word_dropout_rate=0.0,
    rates=None,
  ):
    """Scores every tag at every step.

    Args:
      inputs: words, and their characters where there is a vocabulary of them.
      mask: [T, B] bool, True where a step is valid.
      key: PRNG key; None for evaluation.
      dropout_rate, word_dropout_rate: may be traced; the second makes words
        unknown, and leaves their spelling.
      rates: as in `layers.Recurrent`, of words and characters.

    Returns:
      logits [T, B, K], and the `crf.Transitions` of the head, None for softmax.
    """
    keys = (None,) * 5 if key is None else jax.random.split(key, 5)

    def drop(key, x):
      same = self.recurrent.variational
      return layers.dropout(key, x, dropout_rate, same_over_time=same)

    words = layers.drop_words(keys[0], inputs.words, word_dropout_rate)
    embed = nn.Embed(self.vocab_size, self.embedding_size, name='embedding')
    xs = embed(words)
    if self.characters_vocab_size:
      spelling = self._spelling(
        inputs.characters,
        mask,
        key=keys[1],
        dropout_rate=dropout_rate,
        rates=rates,
      )
      xs = jnp.concatenate([xs, spelling], axis=-1)
    ys = self.recurrent(
      drop(keys[2], xs),
      mask=mask,
      key=keys[3],
      dropout_rate=dropout_rate,
      rates=rates,
    ).outputs
    dropped = drop(keys[4], ys)
    penalties.sow(self, ys, dropped)
    logits = nn.Dense(self.num_tags, name='scores')(dropped)
    if self.head == 'softmax':
      return logits, None
    return logits, self.param('transitions', lambda _: crf.zeros(self.num_tags))

  def _spelling(self, characters, mask, **options):
    """What the characters say of each word, [T, B, ...]."""
    # Every word is a sequence of its own: [C, T * B].
    num_characters = characters.shape[-1]
    characters = characters.reshape(-1, num_characters).T
    valid = (characters >= 0) & mask.reshape(1, -1)
    embed = nn.Embed(
      self.characters_vocab_size,
      self.character_embedding_size,
      name='character_embedding',
    )
    reader = self.character_recurrent
    pool = layers.Pooling(
      bidirectional=reader.bidirectional,
      reverse=reader.reverse,
      name='character_pooling',
    )
    ys = reader(embed(characters), mask=valid, **options).outputs
    return pool(ys, valid)[0].reshape(*mask.shape, -1)


@task_lib.shared
def predict(model: Tagger):
  """Tags, and how sure the model is of each.

  Args:
    model: with either head.

  Returns:
    (params, batch) -> tags [T, B] int32, 0 where invalid; and probabilities
    [T, B, K], zero where invalid. With a field the tags are the best path, and
    the probabilities those of each tag over all paths.
  """

  def predict(params, batch):
    logits, transitions = model.apply(params, batch.inputs, mask=batch.mask)
    if transitions is not None:
      tags, _ = crf.viterbi(transitions, logits, batch.mask)
      return tags, crf.marginals(transitions, logits, batch.mask)
    tags = jnp.argmax(logits, axis=-1).astype(jnp.int32)
    return (
      jnp.where(batch.mask, tags, 0),
      jnp.where(batch.mask[..., None], jax.nn.softmax(logits), 0),
    )

  return predict


@task_lib.shared
def task(model: Tagger) -> task_lib.Task:
  """The model with -log p(tags) in nats per token, and accuracy.

  The accuracy of a field is that of its best path, and is there in evaluation
  only. Of hparams it reads `dropout_rate`, `word_dropout_rate`, the names of
  `regularizers.Rates` and those of `penalties`.
  """

  def init(key, batch):
    inputs, mask = jax.tree.map(lambda x: x[:1], (batch.inputs, batch.mask))
    return model.init(key, inputs, mask=mask)

  def loss(params, carry, batch, key, hparams):
    (logits, transitions), sown = model.apply(
      params,
      batch.inputs,
      mask=batch.mask,
      key=key,
      **task_lib.disturbances(hparams, 'dropout_rate', 'word_dropout_rate'),
      mutable='intermediates',
    )
    scored = batch.targets, batch.weights
    if transitions is None:
      nats, weight = losses.cross_entropy(logits, *scored)
      pairs = {'accuracy': metrics.accuracy(logits, *scored)}
    else:
      nats, weight = crf.nats(transitions, logits, *scored)
      pairs = {}
      if key is None:
        tags, _ = crf.viterbi(transitions, logits, batch.mask)
        best = jax.nn.one_hot(tags, model.num_tags)
        pairs['accuracy'] = metrics.accuracy(best, *scored)
    pairs['nats_per_token'] = nats, weight
    price = penalties.price(
      sown['intermediates'], batch.weights, batch.resets, hparams
    )
    return nats + weight * price, task_lib.Aux(weight, carry, pairs)

  return task_lib.Task(init, loss, lambda params, batch_size: ())
