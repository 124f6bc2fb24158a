"""An encoder and decoder to test, and the same in float64 NumPy, by hand."""

import functools

import jax
import numpy as np
import oracle

from seqjax import cells, data, layers, models

VX, VY, E, HX, HY = 9, 8, 4, 3, 6
END = VY - 1
SOURCES = tuple(
  np.array(x, np.int32) for x in ([3, 1, 8], [2, 7, 5, 1, 4], [6], [1, 1])
)
TARGETS = tuple(
  np.array(x, np.int32) for x in ([5, 2], [1], [3, 3, 6, 2], [4, 0, 1])
)


@functools.cache
def make(attention='general', input_feeding=False, tied=False, **options):
  """A small one; the encoder reads both ways, so that its states are as wide
  as those of the decoder."""
  return models.EncoderDecoder(
    encoder=layers.Recurrent(cells.elman(), (HX,), bidirectional=True),
    decoder=models.Decoder(
      VY,
      layers.Recurrent(cells.elman(), (HY,), **options),
      E,
      attention=attention,
      input_feeding=input_feeding,
      tied=tied,
    ),
    vocab_size=VX,
    embedding_size=E,
  )


def batch_of(ids=(0, 1, 2, 3)):
  """The pairs as one batch; -1 is a filler row."""
  source, source_mask = data.pad(SOURCES, ids, 5)
  written, targets, mask = data.pairs.write(TARGETS, ids, 5, END)
  resets = np.zeros_like(mask)
  resets[0] = True
  return data.Batch(
    data.Pair(source, source_mask, written),
    targets,
    mask,
    mask.astype(np.float32),
    resets,
  )


@functools.cache
def params_of(model):
  """Random parameters, nothing at zero."""
  batch = batch_of()
  shapes = jax.eval_shape(
    models.encoder_decoder.task(model).init, jax.random.key(0), batch
  )
  random = np.random.RandomState(1)
  return jax.tree.map(
    lambda p: (0.5 * random.randn(*p.shape)).astype(np.float32), shapes
  )


@functools.cache
def applied(model):
  """The model, compiled."""
  return jax.jit(
    lambda params, batch, coins=None: model.apply(
      params, batch.inputs, mask=batch.mask, coins=coins
    )
  )


def by_hand(model, params, batch):
  """logits [T, B, V] and attention [T, B, S], as the docstrings have them."""
  params = oracle.as_dicts(params['params'])
  num_steps, batch_size = batch.targets.shape
  logits = np.zeros((num_steps, batch_size, VY), complex)
  attention = np.zeros(
    (num_steps, batch_size, len(batch.inputs.source)), complex
  )
  for b in range(batch_size):
    steps = int(batch.inputs.source_mask[:, b].sum())
    memory, last = _read(params, batch.inputs.source[:steps, b])
    said = _write(
      model.decoder, params['decoder'], batch.inputs.written[:, b], memory, last
    )
    for t, (scores, weights) in enumerate(said):
      logits[t, b], attention[t, b, :steps] = scores, weights
  return logits, attention


def _read(params, source):
  """The states of the encoder [S, 2 H], and where each direction ended."""
  xs = params['embedding']['embedding'][source]
  both = [
    _elman(params['encoder'][f'layer_0_{way}'], xs[::order])[::order]
    for way, order in (('forward', 1), ('backward', -1))
  ]
  return np.concatenate(both, -1), np.concatenate([both[0][-1], both[1][0]])


def _elman(params, xs):
  h, hs = np.zeros(HX, complex), []
  for x in xs:
    carry, h = oracle.step('elman', params, {'h': h}, x)
    hs.append(carry['h'])
  return np.array(hs)


def _write(decoder, params, tokens, memory, last):
  """Scores and weights of every step of one sequence."""
  recurrent = params['recurrent']
  h = last @ recurrent['layer_0_context_0']['kernel']
  embedding = params['embedding']['embedding']
  made = np.zeros(E if decoder.tied else HY)
  for token in tokens:
    x = embedding[token]
    x = np.concatenate([x, made]) if decoder.input_feeding else x
    _, h = oracle.step('elman', recurrent['layer_0'], {'h': h}, x)
    weights = _look(decoder.attention, params.get('look'), h, memory)
    context = weights @ memory if len(weights) else np.zeros(0)
    made = h
    if 'combine' in params:
      joined = np.concatenate([h, context])
      made = np.tanh(joined @ params['combine']['kernel'])
    if decoder.tied:
      scores = made @ embedding.T + params['bias']
    else:
      scores = made @ params['scores']['kernel'] + params['scores']['bias']
    yield scores, weights if len(weights) else np.zeros(len(memory))


def _look(kind, params, h, memory):
  if kind == 'none':
    return np.zeros(0)
  if kind == 'dot':
    scores = [h @ m for m in memory]
  if kind == 'general':
    scores = [h @ (m @ params['key']['kernel']) for m in memory]
  if kind == 'additive':
    key, query = params['key'], params['query']['kernel']
    scores = [
      np.tanh(m @ key['kernel'] + key['bias'] + h @ query)
      @ params['score']['kernel'][:, 0]
      for m in memory
    ]
  e = np.exp(np.array(scores) - np.max(np.real(scores)))
  return e / e.sum()


def nats_by_hand(model, params, batch):
  """The sum of -log p over the targets that count."""
  logits, _ = by_hand(model, params, batch)
  log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
  picked = np.take_along_axis(log_p, batch.targets[..., None], -1)[..., 0]
  return -(batch.weights * picked).sum()
