"""What an answerer promises: its story and question alone, in order."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, data, errors, layers, models
from seqjax.data.text import questions
from seqjax.models import answerer

V, E, H, K, W = 11, 5, 4, 3, 6
LENGTHS = np.array([5, 1, 7, 3, 7, 2])
TARGETS = np.arange(len(LENGTHS)) % K


@functools.cache
def make(attention='general', hops=2, **options):
  options = {'bidirectional': True} | options
  recurrent = layers.Recurrent(cells.gru(), (H,), **options)
  return models.Answerer(K, recurrent, V, E, attention, hops)


def words(rng, *shape):
  """Sentences of 0 to W words."""
  ids = rng.integers(0, V, (*shape, W)).astype(np.int32)
  lengths = rng.integers(0, W + 1, (*shape, 1))
  return np.where(np.arange(W) < lengths, ids, np.int32(-1))


@functools.cache
def asked():
  rng = np.random.default_rng(0)
  story = [words(rng, n) for n in LENGTHS]
  return questions.Asked(story, words(rng, len(LENGTHS)))


def batches_of(batch_size, max_compilations=1):
  plan = data.Buckets(LENGTHS, batch_size, max_compilations, shuffle=False)
  return questions.question_batches(asked(), TARGETS, plan), plan


def batch_of():
  """All questions in one batch."""
  return batches_of(len(LENGTHS))[0](0)


@functools.cache
def params_of(model):
  """Random parameters, nothing at zero."""
  init = models.answerer.task(model).init
  shapes = jax.eval_shape(init, jax.random.key(0), batch_of())
  rng = np.random.default_rng(1)
  return jax.tree.map(lambda p: rng.normal(size=p.shape).astype('f'), shapes)


@functools.cache
def predict_of(model):
  return jax.jit(models.classifier.predict(model))


def said(model, batch):
  return predict_of(model)(params_of(model), batch)


class AnswererTest(parameterized.TestCase):
  @parameterized.parameters('none', 'general')
  def test_the_company_changes_nothing(self, attention):
    found = []
    for batch_size in (1, 2, 6):
      batches, plan = batches_of(batch_size, max_compilations=2)
      rows = np.zeros((len(LENGTHS), K))
      for index in range(plan.batches_per_epoch):
        p, _ = said(make(attention), batches(index))
        ids = plan.rows(index).ids
        rows[ids[ids >= 0]] = p[ids >= 0]
      found.append(rows)
    np.testing.assert_allclose(found[0].sum(axis=1), 1, 1e-5)
    np.testing.assert_allclose(found[0], found[1], 1e-5, 1e-6)
    np.testing.assert_allclose(found[0], found[2], 1e-5, 1e-6)

  def test_garbage_in_the_padding_changes_no_bit(self):
    batch = batch_of()
    task = models.answerer.task(make())
    run = jax.jit(jax.value_and_grad(task.loss, has_aux=True))
    dirty = np.where(batch.mask[..., None], batch.inputs.story, 7)
    clean, changed = (
      run(params_of(make()), (), batch._replace(inputs=inputs), None, {})
      for inputs in (batch.inputs, batch.inputs._replace(story=dirty))
    )
    jax.tree.map(np.testing.assert_array_equal, clean, changed)

  @parameterized.parameters(1, 3)
  def test_each_hop_looks_at_sentences_alone(self, hops):
    batch = batch_of()
    _, weights = said(make(hops=hops), batch)
    self.assertEqual(weights.shape, (hops, *batch.mask.T.shape))
    np.testing.assert_allclose(weights.sum(axis=-1), 1, 1e-5)
    self.assertEqual(np.where(batch.mask.T, 0, weights).max(), 0)
    if hops > 1:
      self.assertGreater(np.abs(weights[0] - weights[1]).max(), 1e-3)

  def test_without_attention_it_answers_from_the_ends_of_the_story(self):
    model = make('none')
    p, weights = said(model, batch_of())
    self.assertIsNone(weights)
    self.assertNotIn('memory_2', params_of(model)['params'])
    self.assertEqual(p.shape, (len(LENGTHS), K))

  @parameterized.parameters('none', 'general')
  def test_it_reads_the_question_and_the_order_of_everything(self, attention):
    batch = batch_of()
    before, _ = said(make(attention), batch)
    story, question = batch.inputs
    for change in (
      {'question': np.roll(question, 1, axis=0)},
      {'story': np.roll(story, 3, axis=0)},  # the sentences
      {'story': np.where(story >= 0, (story + 1) % V, -1)},
    ):
      changed = batch._replace(inputs=batch.inputs._replace(**change))
      after, _ = said(make(attention), changed)
      self.assertGreater(np.abs(after - before).max(), 1e-3, change)

  @parameterized.parameters(
    ('dropout_rate', 0.5),
    ('word_dropout_rate', 0.5),
    ('zoneout_h_rate', 0.5),
    ('activation_penalty', 1.0),
  )
  def test_what_hparams_disturb_in_training(self, name, value):
    task = models.answerer.task(make())
    loss = jax.jit(task.loss)
    plain, disturbed = (
      loss(params_of(make()), (), batch_of(), jax.random.key(3), hparams)[0]
      for hparams in ({}, {name: jnp.float32(value)})
    )
    self.assertNotAlmostEqual(float(plain), float(disturbed), places=3)

  @parameterized.parameters(
    ({'attention': 'genral'}, "Did you mean 'general'"),
    ({'hops': 0}, 'at least one hop'),
    ({'attention': 'none', 'merge': 'sum'}, "merge='concat'"),
  )
  def test_what_cannot_be_is_a_sentence(self, options, words):
    with self.assertRaisesRegex(errors.UserError, words):
      make(**options)

  def test_two_directions_may_be_summed_where_it_looks(self):
    self.assertLen(said(make('dot', merge='sum'), batch_of()), 2)

  def test_it_is_found_by_its_name(self):
    self.assertIs(models.MODELS['answerer'], models.Answerer)


class PositionedTest(absltest.TestCase):
  def test_it_is_the_sum_of_the_paper(self):
    rng = np.random.default_rng(2)
    embedded = rng.normal(size=(3, W, E)).astype(np.float32)
    lengths = np.array([W, 2, 0])
    expected = np.zeros((3, E))
    for row, num_words in enumerate(lengths):
      for j in range(1, num_words + 1):
        for k in range(1, E + 1):
          weight = (1 - j / num_words) - k / E * (1 - 2 * j / num_words)
          expected[row, k - 1] += weight * embedded[row, j - 1, k - 1]
    mask = np.arange(W) < lengths[:, None]
    found = answerer.positioned(jnp.asarray(embedded), jnp.asarray(mask))
    np.testing.assert_allclose(found, expected, 1e-5, 1e-6)


if __name__ == '__main__':
  absltest.main()
