"""What a classifier promises: its sequence alone, in whatever company."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, data, errors, layers, losses, models

V, E, H, K = 11, 3, 4, 3
LENGTHS = np.array([5, 1, 8, 0, 3, 8, 2])


@functools.cache
def make(pooling='last', vocab_size=V, **options):
  options = {'bidirectional': True} | options
  recurrent = layers.Recurrent(cells.gru(), (H,), **options)
  return models.Classifier(K, recurrent, pooling, vocab_size, E)


def sequences(width=0):
  rng = np.random.default_rng(0)
  if width:
    return [rng.normal(size=(n, width)).astype(np.float32) for n in LENGTHS]
  return [rng.integers(0, V, n).astype(np.int32) for n in LENGTHS]


TARGETS = np.arange(len(LENGTHS)) % K


def batch_of(sequences):
  """All sequences in one batch."""
  plan = data.Buckets(LENGTHS, len(LENGTHS), 1, shuffle=False)
  return data.sequence_batches(sequences, TARGETS, plan)(0)


@functools.cache
def params_of(model, width=0):
  """Random parameters, nothing at zero."""
  init = models.classifier.task(model).init
  shapes = jax.eval_shape(init, jax.random.key(0), batch_of(sequences(width)))
  rng = np.random.default_rng(1)
  return jax.tree.map(lambda p: rng.normal(size=p.shape).astype('f'), shapes)


# Compiled once for all tests.
@functools.cache
def task_of(model):
  task = models.classifier.task(model)
  return task._replace(loss=jax.jit(task.loss))


def loss_of(model, batch, key=None, **hparams):
  hparams = {name: jnp.float32(x) for name, x in hparams.items()}
  width = batch.inputs.shape[2] if batch.inputs.ndim == 3 else 0
  return task_of(model).loss(params_of(model, width), (), batch, key, hparams)


class ClassifierTest(parameterized.TestCase):
  @parameterized.product(pooling=layers.POOLINGS, width=(0, 2))
  def test_the_company_changes_nothing(self, pooling, width):
    """Evaluation at batch sizes 1, 2 and 7: the bug that taggers have."""
    model = make(pooling, 0 if width else V)
    predict = jax.jit(models.classifier.predict(model))
    found = []
    for batch_size in (1, 2, 7):
      plan = data.Buckets(LENGTHS, batch_size, 3, shuffle=False)
      batches = data.sequence_batches(sequences(width), TARGETS, plan)
      rows = np.zeros((len(LENGTHS), K))
      for index in range(plan.batches_per_epoch):
        p, _ = predict(params_of(model, width), batches(index))
        ids = plan.rows(index).ids
        rows[ids[ids >= 0]] = p[ids >= 0]
      found.append(rows)
    np.testing.assert_allclose(found[0], found[1], 1e-5, 1e-6)
    np.testing.assert_allclose(found[0], found[2], 1e-5, 1e-6)

  def test_garbage_in_the_padding_changes_no_bit(self):
    model = make('max', 0)
    batch = batch_of(sequences(2))
    dirty = np.where(batch.mask[..., None], batch.inputs, np.float32(np.nan))
    task = models.classifier.task(model)
    run = jax.jit(jax.value_and_grad(task.loss, has_aux=True))
    clean, changed = (
      run(params_of(model, 2), (), batch._replace(inputs=x), None, {})
      for x in (batch.inputs, dirty)
    )
    for a, b in zip(
      jax.tree.leaves(clean), jax.tree.leaves(changed), strict=True
    ):
      np.testing.assert_array_equal(a, b)
      self.assertTrue(np.isfinite(a).all())

  def test_attention_says_which_steps_counted(self):
    batch = batch_of(sequences())
    predict = models.classifier.predict(make('attention'))
    p, weights = predict(params_of(make('attention')), batch)
    self.assertEqual(weights.shape, batch.mask.shape)
    np.testing.assert_allclose(p.sum(axis=1), np.ones(len(p)), 1e-5)

  def test_tokens_need_an_embedding(self):
    recurrent = layers.Recurrent(cells.gru(), (H,))
    with self.assertRaisesRegex(errors.UserError, 'embedding_size of at least'):
      models.Classifier(K, recurrent, vocab_size=V)

  def test_both_directions_mixed_have_no_last_state(self):
    with self.assertRaisesRegex(errors.UserError, "merge='concat'"):
      make('last', merge='sum')
    make('mean', merge='sum')
    make('last', merge='sum', bidirectional=False)


class TaskTest(parameterized.TestCase):
  def test_the_loss_is_the_cross_entropy_of_the_scores(self):
    model, batch = make(), batch_of(sequences())
    loss, aux = loss_of(model, batch)
    logits, _ = model.apply(params_of(model), batch.inputs, mask=batch.mask)
    nats, weight = losses.cross_entropy(logits, batch.targets, batch.weights)
    np.testing.assert_allclose(loss, nats, 1e-5)
    self.assertEqual(aux.weight, weight)
    hits = (logits.argmax(axis=1) == batch.targets).sum()
    self.assertEqual(
      list(map(int, aux.metrics['accuracy'])), [int(hits), len(LENGTHS)]
    )

  def test_a_filler_row_counts_for_nothing(self):
    model = make()
    batch = batch_of(sequences())
    weights, mask = np.array(batch.weights), np.array(batch.mask)
    weights[2], mask[:, 2] = 0, False
    with_filler = batch._replace(weights=weights, mask=mask)
    without = jax.tree.map(lambda x: np.delete(x, 2, axis=-1), batch)
    for a, b in zip(
      jax.tree.leaves(loss_of(model, with_filler)),
      jax.tree.leaves(loss_of(model, without)),
      strict=True,
    ):
      np.testing.assert_allclose(a, b, 1e-5)

  @parameterized.parameters(
    ('dropout_rate', 0.5),
    ('word_dropout_rate', 0.5),
    ('zoneout_h_rate', 0.5),
    ('activation_penalty', 1.0),
    ('temporal_penalty', 1.0),
  )
  def test_what_hparams_disturb_in_training(self, name, value):
    model, batch = make(), batch_of(sequences())
    plain, _ = loss_of(model, batch, jax.random.key(0))
    disturbed, aux = loss_of(model, batch, jax.random.key(0), **{name: value})
    self.assertNotAlmostEqual(float(plain), float(disturbed), places=3)
    if name.endswith('penalty'):
      self.assertGreater(disturbed, plain)
      # Metrics are without it.
      np.testing.assert_allclose(aux.metrics['nats_per_sequence'][0], plain)

  def test_dropout_draws_a_mask_for_each_of_its_places(self):
    model, batch = make('mean'), batch_of(sequences())
    keys = jax.random.split(jax.random.key(0), 3)
    found = {float(loss_of(model, batch, k, dropout_rate=0.5)[0]) for k in keys}
    self.assertLen(found, 3)


if __name__ == '__main__':
  absltest.main()
