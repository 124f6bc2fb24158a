"""What a tagger promises: quiet padding, whole spellings, steady numbers."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, crf, data, errors, layers, losses, metrics, models
from seqjax.models import tagger

T, B, C, K = 5, 3, 4, 6
V, V_C, E, E_C = 40, 7, 3, 2
# The last row only fills up the batch.
LENGTHS = np.array([T, 2, 0])


@functools.cache
def make(head='crf', spelling=True, merge='concat'):
  stack = functools.partial(layers.Recurrent, bidirectional=True)
  more = {}
  if spelling:
    reader = stack(cells.elman(), (3,), merge=merge)
    more = {
      'characters_vocab_size': V_C,
      'character_embedding_size': E_C,
      'character_recurrent': reader,
    }
  recurrent = stack(cells.elman(), (4,))
  return models.Tagger(K, recurrent, V, E, head, **more)


def example(seed=0, garbage=1, lengths=LENGTHS, steps=T):
  """A batch; `garbage` draws what stands in the padding, in no vocabulary."""
  rng, other = np.random.default_rng(seed), np.random.default_rng(garbage)
  mask = np.arange(steps)[:, None] < lengths

  def noise(shape):
    return other.integers(-(10**6), 10**6, shape)

  def draw(limit, mask):
    valid, rest = rng.integers(0, limit, mask.shape), noise(mask.shape)
    return np.where(mask, valid, rest).astype(np.int32)

  # Words of 0 to C characters, and whatever beside the sentences.
  shape = (*mask.shape, C)
  spelled = np.arange(C) < rng.integers(0, C + 1, (*mask.shape, 1))
  characters = np.where(spelled, rng.integers(0, V_C, shape), -1)
  characters = np.where(mask[..., None], characters, noise(shape))
  return data.Batch(
    inputs=tagger.Words(draw(V, mask), characters.astype(np.int32)),
    targets=draw(K, mask),
    mask=mask,
    weights=mask.astype(np.float32),
    resets=np.zeros_like(mask),
  )


@functools.cache
def params_of(model, seed=0):
  """Random parameters, nothing at zero."""
  batch = example()
  shapes = jax.eval_shape(
    lambda key: model.init(key, batch.inputs, mask=batch.mask),
    jax.random.key(0),
  )
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: jnp.asarray(0.5 * rng.normal(size=x.shape), x.dtype), shapes
  )


# Compiled as a whole: much faster than one operation after another.
@functools.partial(jax.jit, static_argnums=0)
def apply(model, params, inputs, **options):
  return model.apply(params, inputs, **options)


@functools.partial(jax.jit, static_argnums=0)
def loss_of(model, params, batch, key=None, hparams=None):
  return tagger.task(model).loss(params, (), batch, key, hparams or {})


@functools.partial(jax.jit, static_argnums=0)
def evaluate(model, params, batch):
  """loss_sum and Aux; tags and probabilities."""
  return (
    loss_of(model, params, batch),
    tagger.predict(model)(params, batch),
  )


@functools.partial(jax.jit, static_argnums=0)
def gradient(model, params, batch):
  return jax.grad(loss_of, argnums=1, has_aux=True)(model, params, batch)[0]


class PaddingTest(parameterized.TestCase):
  @parameterized.parameters(*tagger.HEADS)
  def test_padding_and_filler_rows_are_invisible(self, head):
    model = make(head)
    params = params_of(model)
    clean, dirty = example(), example(garbage=2)
    for a, b in zip(
      (*dirty.inputs, dirty.targets),
      (*clean.inputs, clean.targets),
      strict=True,
    ):
      self.assertTrue((a != b)[~clean.mask].any())
      np.testing.assert_array_equal(a[clean.mask], b[clean.mask])
    found, expected = (
      jax.tree.leaves([f(model, params, batch) for f in (evaluate, gradient)])
      for batch in (dirty, clean)
    )
    for a, b in zip(found, expected, strict=True):
      self.assertTrue(np.isfinite(b).all())
      np.testing.assert_array_equal(a, b)

  @parameterized.parameters(*tagger.HEADS)
  def test_every_batch_size_gives_the_same_tags_and_numbers(self, head):
    model = make(head)
    params = params_of(model)
    count, steps = 70, 11
    lengths = np.random.default_rng(3).integers(0, steps + 1, count)
    whole = example(lengths=lengths, steps=steps)

    def in_batches(size):
      found, total = np.zeros((steps, count), np.int32), None
      for start in range(0, count, size):
        rows = np.arange(start, start + size)
        # What a short batch lacks is rows without a valid step.
        real, rows = rows < count, rows % count
        width = steps if max(lengths[rows]) > 6 else 6
        batch = jax.tree.map(lambda x, w=width, r=rows: x[:w, r], whole)
        batch = batch._replace(
          mask=batch.mask & real, weights=batch.weights * real
        )
        (_, aux), (tags, _) = evaluate(model, params, batch)
        found[:width, rows[real]] = tags[:, real]
        total = metrics.add(total, aux.metrics)
      return found, metrics.divide(total)

    (tags, numbers), *others = (in_batches(size) for size in (64, 7, 1))
    self.assertSameElements(numbers, ['nats_per_token', 'accuracy'])
    self.assertGreater(len(np.unique(tags[whole.mask])), 2)
    for other_tags, other_numbers in others:
      np.testing.assert_array_equal(other_tags, tags)
      self.assertEqual(other_numbers['accuracy'], numbers['accuracy'])
      np.testing.assert_allclose(
        other_numbers['nats_per_token'], numbers['nats_per_token'], rtol=1e-5
      )


class SpellingTest(parameterized.TestCase):
  def logits(self, model, characters):
    batch = example()
    inputs = batch.inputs._replace(characters=characters)
    return apply(model, params_of(model), inputs, mask=batch.mask)[0]

  def test_a_tag_depends_on_every_character_of_its_word(self):
    model, characters = make('softmax'), example().inputs.characters.copy()
    characters[0, 0] = [1, 2, 3, -1]
    plain = self.logits(model, characters)
    for place in range(3):
      changed = characters.copy()
      changed[0, 0, place] = 5
      found = self.logits(model, changed)
      self.assertGreater(np.abs(found[0, 0] - plain[0, 0]).max(), 1e-5)
      # Another row has other words.
      np.testing.assert_array_equal(found[:, 1], plain[:, 1])

  def test_it_is_the_last_state_of_either_direction_over_one_word(self):
    model, batch = make('softmax'), example()
    params = params_of(model)
    inner = params['params']
    words = inner['embedding']['embedding'][batch.inputs.words]
    spelling = np.zeros((T, B, 6), np.float32)
    table = inner['character_embedding']['embedding']
    reader = inner['character_recurrent']
    seen = set()
    for t, b in np.argwhere(batch.mask):
      characters = batch.inputs.characters[t, b]
      characters = characters[characters >= 0]
      seen.add(len(characters))
      if len(characters):
        ys = apply(
          layers.Recurrent(cells.elman(), (3,), bidirectional=True),
          {'params': reader},
          table[characters][:, None],
        ).outputs[:, 0]
        spelling[t, b] = np.concatenate([ys[-1, :3], ys[0, 3:]])
    self.assertContainsSubset([0, 1, C], seen)
    ys = apply(
      model.recurrent,
      {'params': inner['recurrent']},
      jnp.concatenate([words, spelling], axis=-1),
      mask=batch.mask,
    ).outputs
    kernel, bias = (np.asarray(inner['scores'][n]) for n in ('kernel', 'bias'))
    expected = np.asarray(ys) @ kernel + bias
    found, _ = apply(model, params, batch.inputs, mask=batch.mask)
    np.testing.assert_allclose(found, expected, 1e-4, 1e-5)

  def test_words_alone_do(self):
    model, batch = make(spelling=False), example()
    words = batch._replace(inputs=tagger.Words(batch.inputs.words))
    params = params_of(model)
    self.assertNotIn('character_embedding', params['params'])
    for found in jax.tree.leaves(loss_of(model, params, words)):
      self.assertTrue(np.isfinite(found))


class DropoutTest(parameterized.TestCase):
  @parameterized.parameters('dropout_rate', 'word_dropout_rate')
  def test_a_rate_works_in_training_only(self, name):
    model, batch = make(), example()
    params, hparams = params_of(model), {name: jnp.float32(0.5)}
    plain = loss_of(model, params, batch)[0]
    self.assertEqual(loss_of(model, params, batch, None, hparams)[0], plain)
    key = jax.random.key(0)
    trained = loss_of(model, params, batch, key, hparams)[0]
    self.assertGreater(abs(trained - plain), 1e-3)

  def test_dropped_words_are_unknown_and_keep_their_spelling(self):
    model, batch = make('softmax'), example()
    params = params_of(model)
    found, _ = apply(
      model,
      params,
      batch.inputs,
      mask=batch.mask,
      key=jax.random.key(0),
      # As good as always: 1 is no rate of dropping.
      word_dropout_rate=jnp.float32(1 - 1e-7),
    )
    unknown = batch.inputs._replace(words=0 * batch.inputs.words)
    expected, _ = apply(model, params, unknown, mask=batch.mask)
    np.testing.assert_allclose(found, expected, rtol=1e-5)

  def test_every_connection_that_is_not_recurrent_drops(self):
    model, batch, seen = make(), example(), []
    params = params_of(model)  # Kept for other tests: not made while traced.

    def record(key, x, rate, **_):
      seen.extend([x.shape] if rate else [])
      return x

    with absltest.mock.patch.object(layers, 'dropout', record):
      jax.eval_shape(
        lambda key: model.apply(
          params,
          batch.inputs,
          mask=batch.mask,
          key=key,
          dropout_rate=0.5,
        ),
        jax.random.key(0),
      )
    self.assertEqual(seen, [(T, B, E + 6), (T, B, 8)])

  @parameterized.parameters(
    'input_dropout_rate', 'zoneout_h_rate', 'activation_penalty'
  )
  def test_what_hparams_hold_reaches_the_loss(self, name):
    # Words alone: a spelling would be disturbed as well.
    model, batch = make('softmax', spelling=False), example()
    plain, disturbed = (
      loss_of(model, params_of(model), batch, jax.random.key(0), hparams)[0]
      for hparams in ({}, {name: jnp.float32(0.3)})
    )
    self.assertGreater(abs(plain - disturbed), 1e-4)


class TaskTest(parameterized.TestCase):
  def test_the_loss_is_that_of_the_head(self):
    for head in tagger.HEADS:
      model, batch = make(head), example()
      params = params_of(model)
      logits, field = apply(model, params, batch.inputs, mask=batch.mask)
      if head == 'crf':
        expected, _ = crf.nats(field, logits, batch.targets, batch.weights)
      else:
        expected, _ = losses.cross_entropy(logits, batch.targets, batch.weights)
      (total, aux), _ = evaluate(model, params, batch)
      np.testing.assert_allclose(total, expected, rtol=1e-5)
      self.assertEqual(float(aux.weight), LENGTHS.sum())
      self.assertEqual(aux.metrics['nats_per_token'], (total, aux.weight))
      self.assertEqual(aux.carry, ())

  def test_the_accuracy_is_that_of_the_predicted_tags(self):
    for head in tagger.HEADS:
      model, batch = make(head), example()
      params = params_of(model)
      _, (tags, _) = evaluate(model, params, batch)
      tags = np.asarray(tags)
      right = np.arange(T)[:, None] % 2 == np.zeros((1, B), int)
      batch = batch._replace(targets=np.where(right, tags, (tags + 1) % K))
      (_, aux), _ = evaluate(model, params, batch)
      found = [float(x) for x in aux.metrics['accuracy']]
      self.assertEqual(found, [(right & batch.mask).sum(), LENGTHS.sum()])

  @parameterized.parameters(('softmax', True), ('crf', False))
  def test_training_looks_for_no_best_path(self, head, known):
    model = make(head)
    key = jax.random.key(0)
    aux = loss_of(model, params_of(model), example(), key)[1]
    self.assertEqual('accuracy' in aux.metrics, known)

  def test_every_parameter_learns(self):
    model = make()
    grads = gradient(model, params_of(model), example())
    for path, grad in jax.tree.leaves_with_path(grads):
      self.assertGreater(np.abs(grad).max(), 0, jax.tree_util.keystr(path))

  def test_init_depends_on_the_key_alone(self):
    task = tagger.task(make())
    init = jax.jit(lambda seed, batch: task.init(jax.random.key(seed), batch))
    one, same, other = (
      jax.tree.leaves(init(seed, example(batch)))
      for seed, batch in ((0, 0), (0, 1), (1, 0))
    )
    for a, b in zip(one, same, strict=True):
      np.testing.assert_array_equal(a, b)
    self.assertTrue(
      any((a != b).any() for a, b in zip(one, other, strict=True))
    )

  def test_the_registry_names_it(self):
    self.assertIs(models.MODELS['tagger'], models.Tagger)


class PredictTest(parameterized.TestCase):
  @parameterized.parameters(*tagger.HEADS)
  def test_probabilities_sum_to_one_where_valid(self, head):
    model, batch = make(head), example()
    _, (tags, probabilities) = evaluate(model, params_of(model), batch)
    self.assertEqual(tags.dtype, jnp.int32)
    np.testing.assert_allclose(
      probabilities.sum(axis=-1), batch.mask.astype(np.float32), rtol=1e-5
    )
    np.testing.assert_array_equal(tags[~batch.mask], 0)
    np.testing.assert_array_equal(probabilities[~batch.mask], 0)


class RefusalTest(absltest.TestCase):
  def test_what_cannot_be_is_said_in_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "head 'crff'.*'crf'"):
      make('crff')
    with self.assertRaisesRegex(errors.UserError, '7 characters need'):
      models.Tagger(K, make().recurrent, V, E, characters_vocab_size=7)
    with self.assertRaisesRegex(errors.UserError, "merge='sum' mixes"):
      make(merge='sum')


if __name__ == '__main__':
  absltest.main()
