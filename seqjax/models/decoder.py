"""A network that writes: what comes next, given what it looks at."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from seqjax import errors, layers, losses, metrics
from seqjax.models import next_step, penalties
from seqjax.models import task as task_lib


class DecoderCarry(NamedTuple):
  recurrent: Any  # that of the stack
  a: Any  # [B, A], what the step before made of where it looked; else ()


class Written(NamedTuple):
  """What a decoder says of a sequence that it read."""

  logits: jax.Array  # [T, B, V]
  carry: DecoderCarry
  attention: jax.Array  # [T, B, S], where each step looked


class Decoder(nn.Module):
  """Tokens so far to scores of the next, with attention to a memory.

    e_t = E[y_tm1]
    h_t = recurrent([e_t, a_tm1], h_tm1)       a_tm1 only with input feeding
    c_t = attention(h_t, memory)
    a_t = tanh(W_a [h_t, c_t])                 h_t itself without attention
    p(y_t) = softmax(W_y a_t + b)              W_y is E where tied

  Dropout stands on e_t, between the layers and before the scores.

  Under a teacher and without input feeding no step waits for another but in
  the recurrent stack: everything else is done for all of them at once.

  Attributes:
    vocab_size: V, the end included.
    recurrent: a `layers.Recurrent` in one direction.
    embedding_size: width of the embedding.
    attention: of `layers.ATTENTIONS`.
    input_feeding: what a step made of where it looked is read by the next.
    tied: the embedding is the matrix of the scores, too.

  Raises:
    UserError: a stack that has read what comes next.

  Source: Luong, Pham and Manning (2015); tied as in Press and Wolf (2017).
  """

  vocab_size: int
  recurrent: layers.Recurrent
  embedding_size: int
  attention: str = 'general'
  input_feeding: bool = False
  tied: bool = False

  def __post_init__(self):
    next_step.check(self.recurrent)
    super().__post_init__()

  def setup(self):
    self.embedding = nn.Embed(self.vocab_size, self.embedding_size)
    width = self.recurrent.hidden_sizes[-1]
    self.look = layers.Attention(self.attention, query_size=width)
    if self.tied or self.attention != 'none':
      self.combine = nn.Dense(self._made_size, use_bias=False)
    if self.tied:
      self.bias = self.param('bias', nn.initializers.zeros, (self.vocab_size,))
    else:
      self.scores = nn.Dense(self.vocab_size)

  def remember(self, values, mask) -> layers.Memory:
    """As `layers.Attention.remember`: values [S, B, C], mask [S, B]."""
    return self.look.remember(values, mask)

  def __call__(
    self,
    tokens,
    memory: layers.Memory,
    carry: DecoderCarry | None = None,
    *,
    context=None,
    mask=None,
    key=None,
    dropout_rate=0.0,
    word_dropout_rate=0.0,
    rates=None,
    coins=None,
  ) -> Written:
    """Scores what comes after each of the tokens.

    Args:
      tokens: [T, B] int32, what is read at each step.
      memory: of `remember`.
      carry: what the call before returned; None begins anew.
      context: [B, E], what is known before it begins; see `layers.Recurrent`.
      mask: [T, B] bool, True where a step is valid.
      key: PRNG key; None for evaluation.
      dropout_rate, word_dropout_rate: may be traced; the second makes tokens
        that are read unknown.
      rates: as in `layers.Recurrent`.
      coins: [T, B] bool, as `recurrence.scheduled_sampling` tosses them: where
        one is False, the next step reads the likeliest token instead of its
        own. None is teacher forcing.

    Raises:
      UserError: rates where the steps run one by one, each with its own noise.
    """
    if mask is None:
      mask = jnp.ones(tokens.shape, bool)
    rate = {
      'dropout_rate': dropout_rate,
      'word_dropout_rate': word_dropout_rate,
    }
    if coins is None and not self.input_feeding:
      keys = _split(key)
      hs, carry, _ = self.recurrent(
        self._embed(keys, tokens, **rate),
        carry and carry.recurrent,
        mask=mask,
        key=keys[2],
        dropout_rate=dropout_rate,
        rates=rates,
        context=context if carry is None else None,
      )
      made, weights = self._combine(hs, memory)
      dropped = layers.dropout(keys[3], made, dropout_rate)
      penalties.sow(self, hs, dropped)
      return Written(self._score(dropped), DecoderCarry(carry, ()), weights)
    if rates or (key is not None and self.recurrent.variational):
      raise errors.UserError(
        f'{", ".join(rates or ["variational"])}: noise that lasts for a whole '
        'sequence needs its steps at once, and with input feeding or without a '
        'teacher they come one by one. Leave it out.'
      )
    if coins is None:
      coins = jnp.ones(tokens.shape, bool)
    if carry is None:
      carry = self.begin(tokens.shape[1], context)
    return self._one_by_one(tokens, memory, carry, mask, key, rate, coins)

  def _one_by_one(self, tokens, memory, carry, mask, key, rate, coins):
    def step(self, state, inputs):
      carry, own = state
      token, given, mask, t = inputs
      keys = _split(None if key is None else jax.random.fold_in(key, t))
      token = jnp.where(given, token, own)
      x = self._embed(keys, token[None], **rate)
      if self.input_feeding:
        x = jnp.concatenate([x, carry.a[None]], axis=-1)
      hs, recurrent, _ = self.recurrent(
        x,
        carry.recurrent,
        mask=mask[None],
        key=keys[2],
        dropout_rate=rate['dropout_rate'],
      )
      made, weights = self._combine(hs, memory)
      dropped = layers.dropout(keys[3], made, rate['dropout_rate'])
      logits = self._score(dropped)[0]
      own = jnp.argmax(logits, axis=-1).astype(token.dtype)
      a = ()
      if self.input_feeding:
        a = jnp.where(mask[:, None], made[0], carry.a)
      state = (DecoderCarry(recurrent, a), own)
      return state, (logits, weights[0], hs[0], dropped[0])

    # Whether a step reads the token that it is given: the coin of the one
    # before says so, and before the first there is none.
    given = jnp.concatenate([jnp.ones_like(coins[:1]), coins[:-1]])
    run = nn.scan(
      step, variable_broadcast='params', split_rngs={'params': False}
    )
    steps = jnp.arange(len(tokens), dtype=jnp.int32)
    (carry, _), (logits, weights, hs, dropped) = run(
      self, (carry, tokens[0]), (tokens, given, mask, steps)
    )
    penalties.sow(self, hs, dropped)
    return Written(logits, carry, weights)

  def begin(self, batch_size: int, context) -> DecoderCarry:
    """The carry before the first step; context as in a call."""
    a = ()
    width = self.embedding_size
    if self.input_feeding:
      a = jnp.zeros((batch_size, self._made_size))
      width += self._made_size
    # A row without a valid step returns the carry that it began with.
    begun = self.recurrent(
      jnp.zeros((1, batch_size, width)),
      mask=jnp.zeros((1, batch_size), bool),
      context=context,
    )
    return DecoderCarry(begun.carry, a)

  @property
  def _made_size(self) -> int:
    """A, the width of a_t."""
    return self.embedding_size if self.tied else self.recurrent.hidden_sizes[-1]

  def _embed(self, keys, tokens, dropout_rate, word_dropout_rate):
    tokens = layers.drop_words(keys[0], tokens, word_dropout_rate)
    same = self.recurrent.variational
    return layers.dropout(
      keys[1], self.embedding(tokens), dropout_rate, same_over_time=same
    )

  def _combine(self, hs, memory):
    """a_t [T, B, A] and the weights [T, B, S]."""
    context, weights = self.look.look(hs, memory)
    if not self.tied and self.attention == 'none':
      return hs, weights
    return jnp.tanh(self.combine(jnp.concatenate([hs, context], -1))), weights

  def _score(self, made):
    if self.tied:
      logits = self.embedding.attend(made)
      return logits + jnp.broadcast_to(self.bias, logits.shape)
    return self.scores(made)


@task_lib.shared
def step(model: nn.Module):
  """A model one step at a time, as `decoding` wants it.

  Args:
    model: has a `Decoder`, its attribute `decoder`.

  Returns:
    ((params, memory), carry, token [B]) -> (carry, logits [B, V]).
  """

  def write(model, token, memory, carry):
    return model.decoder(token[None], memory, carry)

  def step(params, carry, token):
    params, memory = params
    found = model.apply(params, token, memory, carry, method=write)
    return found.carry, found.logits[0]

  return step


@task_lib.shared
def attention(model: nn.Module):
  """Where a model looks under a teacher.

  Args:
    model: a module whose call, of `Batch.inputs` and a mask, gives `Written`.

  Returns:
    (params, batch) -> [T, B, S].
  """
  return lambda params, batch: (
    model.apply(params, batch.inputs, mask=batch.mask).attention
  )


def loss(found: Written, sown, batch, hparams):
  """The loss of what was written under a teacher, in nats.

  Of hparams it reads `label_smoothing`, the share of the target's probability
  that is spread evenly over all tokens (Szegedy et al., 2016), and the names of
  `penalties`. The metrics are without either.

  Args:
    found: of a decoder.
    sown: the intermediates of the decoder.
    batch: with targets, weights and resets [T, B].
    hparams: the numbers, where they are given.

  Returns:
    The sum, the weight, and the metrics per token.
  """
  of_targets = (found.logits, batch.targets, batch.weights)
  nats, weight = losses.cross_entropy(*of_targets)
  pairs = metrics.likelihood(nats, weight, 'token')
  pairs['accuracy'] = metrics.accuracy(*of_targets)
  total = nats
  if 'label_smoothing' in hparams:
    evenly, _ = losses.cross_entropy_of_uniform(found.logits, batch.weights)
    total = nats + hparams['label_smoothing'] * (evenly - nats)
  price = penalties.price(sown, batch.weights, batch.resets, hparams)
  return total + weight * price, weight, pairs


def _split(key):
  """The keys of a call, one for each thing that is dropped."""
  return (None,) * 4 if key is None else jax.random.split(key, 4)
