"""What a captioner promises, beyond what a decoder does."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, layers, models, training
from seqjax.data import buckets
from seqjax.data.vision import captioned
from seqjax.models import captioner

V, END = 9, 8
PICTURES = np.random.RandomState(0).randint(0, 256, (3, 8, 12, 3), np.uint8)
TARGETS = [np.array(x, np.int32) for x in ([3, 1, 4], [5], [2, 6])]


def make(**options):
  recurrent = layers.Recurrent(cells.gru(), (7,))
  decoder = models.Decoder(V, recurrent, embedding_size=5, **options)
  return models.Captioner(layers.Regions((4, 4, 6)), decoder)


def batch_of(ids=(0, 1, 2)):
  targets = [TARGETS[i] for i in ids if i >= 0]
  owners = [i for i in ids if i >= 0]
  lengths = [len(x) + 1 for x in targets] + [1] * (len(ids) - len(targets))
  plan = buckets.Buckets(lengths, len(ids), 1, shuffle=False)
  plan.rows = lambda _: buckets.Rows(
    4, np.array([owners.index(i) if i >= 0 else -1 for i in ids])
  )
  return captioned.caption_batches(PICTURES, owners, targets, END, plan)(0)


@functools.cache
def params_of(model):
  return captioner.task(model).init(jax.random.key(1), batch_of())


def apply(model, batch, **options):
  return model.apply(params_of(model), batch.inputs, mask=batch.mask, **options)


class CaptionerTest(parameterized.TestCase):
  @parameterized.parameters({}, {'input_feeding': True}, {'attention': 'none'})
  def test_one_by_one_it_says_the_same(self, **options):
    model, batch = make(**options), batch_of()
    whole = apply(model, batch).logits
    params = params_of(model)
    memory, carry = captioner.begin(model)(params, batch.inputs.pictures)
    step = jax.jit(models.decoder.step(model))
    for t, token in enumerate(batch.inputs.written):
      carry, logits = step((params, memory), carry, token)
      there = batch.mask[t]
      np.testing.assert_allclose(
        logits[there], whole[t][there], rtol=1e-5, atol=1e-6
      )

  def test_a_filler_row_changes_nothing_and_is_finite(self):
    model = make()
    whole = apply(model, batch_of()).logits
    filled = apply(model, batch_of((2, -1, 1))).logits
    for row, other in ((0, 2), (2, 1)):
      steps = batch_of().mask[:, other]
      np.testing.assert_allclose(
        filled[steps, row], whole[steps, other], rtol=1e-5, atol=1e-6
      )
    self.assertTrue(np.isfinite(filled).all())

  def test_it_looks_at_regions_and_their_mean(self):
    model, batch = make(), batch_of()
    found = models.decoder.attention(model)(params_of(model), batch)
    self.assertEqual(found.shape[:2], (4, 3))
    num_regions = np.prod(model.regions.grid(8, 12))
    self.assertEqual(found.shape[2], num_regions)
    np.testing.assert_allclose(found.sum(axis=-1), np.ones((4, 3)), rtol=1e-5)
    _, context = model.apply(params_of(model), PICTURES, method='look')
    regions = model.regions.apply(
      {'params': params_of(model)['params']['regions']}, PICTURES
    )
    np.testing.assert_allclose(context, regions.mean(axis=0), rtol=1e-5)

  def test_dropout_is_of_training_alone(self):
    model, batch = make(), batch_of()
    options = {'dropout_rate': 0.5, 'word_dropout_rate': 0.5}
    plain = apply(model, batch).logits
    same = apply(model, batch, **options).logits
    np.testing.assert_array_equal(plain, same)
    other = apply(model, batch, key=jax.random.key(0), **options).logits
    self.assertGreater(float(jnp.abs(plain - other).max()), 1e-3)


class TaskTest(absltest.TestCase):
  def test_the_penalty_is_added_to_the_loss_and_to_nothing_else(self):
    model, batch = make(), batch_of()
    loss = jax.jit(captioner.task(model).loss)
    plain, aux = loss(params_of(model), (), batch, None, {})
    hparams = {'attention_penalty': 0.5}
    priced, priced_aux = loss(params_of(model), (), batch, None, hparams)
    attention = apply(model, batch).attention
    uneven = captioner.unevenness(attention, batch.weights)
    self.assertGreater(float(uneven), 0.1)
    np.testing.assert_allclose(priced, plain + 0.5 * uneven, rtol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, aux, priced_aux)
    self.assertEqual(float(aux.weight), batch.mask.sum())

  def test_unevenness_is_of_what_is_scored(self):
    random = np.random.RandomState(0)
    attention = random.rand(4, 3, 5)
    weights = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 0]])
    expected = sum(
      (1 - sum(attention[t, b, r] for t in range(4) if weights[t, b])) ** 2
      for b in range(2)
      for r in range(5)
    )
    found = captioner.unevenness(
      jnp.asarray(attention, jnp.float32), jnp.asarray(weights, jnp.float32)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)

  def test_it_learns_three_pictures_by_heart(self):
    model, batch = make(input_feeding=True), batch_of()
    loss = captioner.task(model).loss

    optimizer = training.make_optimizer('adam')
    hparams = {'learning_rate': jnp.float32(0.01)}

    @jax.jit
    def step(params, state):
      grads = jax.grad(lambda p: loss(p, (), batch, None, {})[0])(params)
      return optimizer.update(grads, state, params, hparams)

    params = params_of(model)
    state = optimizer.init(params)
    for _ in range(200):
      params, state = step(params, state)
    _, aux = loss(params, (), batch, None, {})
    hits, weight = aux.metrics['accuracy']
    self.assertEqual(float(hits), float(weight))

  def test_it_is_known_by_name(self):
    self.assertIs(models.MODELS['captioner'], models.Captioner)


if __name__ == '__main__':
  absltest.main()
