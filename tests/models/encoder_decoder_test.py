"""What an encoder-decoder promises, against its equations in float64 NumPy."""

import closeness
import jax
import jax.numpy as jnp
import numpy as np
import oracle
import writers
from absl.testing import absltest, parameterized

from seqjax import cells, errors, layers, models
from seqjax.models import decoder, encoder_decoder
from seqjax.recurrence import scheduled_sampling

VARIANTS = (
  {},
  {'attention': 'none'},
  {'attention': 'none', 'tied': True},
  {'attention': 'dot', 'tied': True},
  {'attention': 'additive', 'input_feeding': True},
  {'input_feeding': True, 'tied': True},
)


def loss_of(model, **options):
  return jax.jit(encoder_decoder.task(model, **options).loss)


def valid(batch, x):
  return np.where(batch.mask[..., None], x, 0)


class EquationsTest(parameterized.TestCase):
  @parameterized.parameters(*VARIANTS)
  def test_it_computes_its_equations(self, **variant):
    model, batch = writers.make(**variant), writers.batch_of()
    params = writers.params_of(model)
    found = writers.applied(model)(params, batch)
    logits, attention = writers.by_hand(model, params, batch)
    closeness.assert_close(
      valid(batch, found.logits), valid(batch, logits.real)
    )
    if model.decoder.attention != 'none':
      closeness.assert_close(
        valid(batch, found.attention), valid(batch, attention.real)
      )

  @parameterized.parameters(
    {}, {'attention': 'additive', 'input_feeding': True}
  )
  def test_gradients_are_those_of_the_equations(self, **variant):
    model, batch = writers.make(**variant), writers.batch_of()
    params = writers.params_of(model)
    grads = jax.grad(
      lambda params: loss_of(model)(params, (), batch, None, {})[0]
    )(params)['params']
    expected = oracle.gradient(
      lambda part: writers.nats_by_hand(model, {'params': part}, batch),
      jax.tree.map(np.float64, oracle.as_dicts(params['params'])),
    )
    closeness.assert_close_in_norm(grads, expected, rtol=1e-4)

  def test_neither_padding_nor_the_other_rows_change_a_row(self):
    model = writers.make()
    params, apply = writers.params_of(model), writers.applied(model)
    batch = writers.batch_of()
    whole = apply(params, batch).logits
    filled = writers.batch_of((2, -1, 1, -1))
    # What stands in the padding is of no account.
    source = np.where(filled.inputs.source_mask, filled.inputs.source, 8)
    filled = filled._replace(inputs=filled.inputs._replace(source=source))
    found = apply(params, filled).logits
    for a, b in ((0, 2), (2, 1)):
      steps = batch.mask[:, b]
      np.testing.assert_allclose(
        found[steps, a], whole[steps, b], rtol=1e-5, atol=1e-6
      )
    self.assertTrue(np.isfinite(found).all())


class StepTest(parameterized.TestCase):
  @parameterized.parameters({}, {'input_feeding': True}, {'attention': 'none'})
  def test_one_by_one_it_says_the_same(self, **variant):
    model, batch = writers.make(**variant), writers.batch_of()
    params = writers.params_of(model)
    whole = writers.applied(model)(params, batch).logits
    memory, carry = encoder_decoder.begin(model)(
      params, batch.inputs.source, batch.inputs.source_mask
    )
    step = jax.jit(decoder.step(model))
    for t, token in enumerate(batch.inputs.written):
      carry, logits = step((params, memory), carry, token)
      there = batch.mask[t]
      np.testing.assert_allclose(
        logits[there], whole[t][there], rtol=1e-5, atol=1e-6
      )
    for leaf in jax.tree.leaves(carry):
      self.assertLen(leaf, batch.mask.shape[1])

  def test_it_looks_where_it_looked(self):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    found = decoder.attention(model)(params, batch)
    expected = writers.applied(model)(params, batch).attention
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    sums = found.sum(axis=-1)
    np.testing.assert_allclose(sums, np.ones_like(sums), rtol=1e-5)
    outside = ~batch.inputs.source_mask.T[None]
    self.assertEqual(np.abs(np.where(outside, found, 0)).max(), 0)


class TeacherTest(parameterized.TestCase):
  """The steps one by one, and who says what was written."""

  def test_a_teacher_who_always_speaks_is_teacher_forcing(self):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    coins = jnp.ones(batch.targets.shape, bool)
    apply = writers.applied(model)
    at_once, one_by_one = apply(params, batch), apply(params, batch, coins)
    closeness.assert_close(
      valid(batch, one_by_one.logits), valid(batch, at_once.logits)
    )
    always = scheduled_sampling.schedule('constant', 1.0)
    hparams = {'step': jnp.int32(0)}

    def gradient(loss):
      key = jax.random.key(0)
      return jax.grad(lambda p: loss(p, (), batch, key, hparams)[0])(params)

    taught = gradient(loss_of(model, teacher=always))
    plain = gradient(loss_of(model))
    closeness.assert_close_in_norm(taught, plain, rtol=1e-5)

  @parameterized.parameters(False, True)
  def test_without_one_it_reads_its_own_likeliest_token(self, input_feeding):
    model = writers.make(input_feeding=input_feeding)
    batch, params = writers.batch_of(), writers.params_of(model)
    coins = jnp.zeros(batch.targets.shape, bool)
    free = writers.applied(model)(params, batch, coins)
    own = np.argmax(free.logits, axis=-1)
    self.assertTrue(
      (own[:-1] != batch.inputs.written[1:])[batch.mask[1:]].any()
    )
    written = np.concatenate([batch.inputs.written[:1], own[:-1]])
    told = batch._replace(
      inputs=batch.inputs._replace(written=written.astype(np.int32))
    )
    expected = writers.applied(model)(params, told).logits
    closeness.assert_close(valid(batch, free.logits), valid(batch, expected))

  def test_the_coin_of_a_step_decides_what_the_next_one_reads(self):
    model, batch = writers.make(), writers.batch_of()
    params, at = writers.params_of(model), 1
    coins = np.ones(batch.targets.shape, bool)
    coins[at] = False
    found = writers.applied(model)(params, batch, jnp.asarray(coins)).logits
    plain = writers.applied(model)(params, batch).logits
    same = [
      np.allclose(a, b, atol=1e-5) for a, b in zip(found, plain, strict=True)
    ]
    self.assertEqual(same[: at + 2], [True, True, False])

  def test_the_teacher_leaves_as_the_steps_go_by(self):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    leaving = scheduled_sampling.schedule('linear', 10)
    loss = loss_of(model, teacher=leaving)
    first, last = (
      loss(params, (), batch, jax.random.key(0), {'step': jnp.int32(step)})[0]
      for step in (0, 10)
    )
    plain = loss_of(model)(params, (), batch, None, {})[0]
    np.testing.assert_allclose(first, plain, rtol=1e-5)
    self.assertGreater(abs(last - plain), 1e-3)
    # Nobody learns in evaluation.
    evaluated = loss(params, (), batch, None, {})[0]
    self.assertEqual(evaluated, plain)


class LossTest(parameterized.TestCase):
  def test_it_is_in_nats_per_token(self):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    total, aux = loss_of(model)(params, (), batch, None, {})
    expected = writers.nats_by_hand(model, params, batch).real
    np.testing.assert_allclose(total, expected, rtol=1e-5)
    self.assertEqual(float(aux.weight), batch.mask.sum())
    self.assertEqual(aux.metrics['nats_per_token'], (total, aux.weight))
    logits, _ = writers.by_hand(model, params, batch)
    right = (logits.real.argmax(-1) == batch.targets) & batch.mask
    self.assertEqual(float(aux.metrics['accuracy'][0]), right.sum())

  def test_smoothing_moves_the_loss_and_no_metric(self):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    plain, aux = loss_of(model)(params, (), batch, None, {})
    share = {'label_smoothing': jnp.float32(0.3)}
    smooth, same = loss_of(model)(params, (), batch, None, share)
    logits, _ = writers.by_hand(model, params, batch)
    log_p = logits.real - np.log(np.exp(logits.real).sum(-1, keepdims=True))
    evenly = -(batch.weights * log_p.mean(-1)).sum()
    np.testing.assert_allclose(smooth, 0.7 * plain + 0.3 * evenly, rtol=1e-5)
    self.assertEqual(same.metrics, aux.metrics)

  @parameterized.parameters(
    'dropout_rate', 'word_dropout_rate', 'zoneout_h_rate', 'activation_penalty'
  )
  def test_what_hparams_hold_reaches_it(self, name):
    model, batch = writers.make(), writers.batch_of()
    params = writers.params_of(model)
    plain, disturbed = (
      loss_of(model)(params, (), batch, jax.random.key(0), hparams)[0]
      for hparams in ({}, {name: jnp.float32(0.3)})
    )
    self.assertGreater(abs(plain - disturbed), 1e-4)

  def test_dropout_works_step_by_step_too(self):
    model, batch = writers.make(input_feeding=True), writers.batch_of()
    params = writers.params_of(model)
    hparams = {'dropout_rate': jnp.float32(0.3)}
    one, other, same = (
      loss_of(model)(params, (), batch, jax.random.key(seed), hparams)[0]
      for seed in (0, 1, 0)
    )
    self.assertNotEqual(one, other)
    self.assertEqual(one, same)


class RefusalTest(parameterized.TestCase):
  @parameterized.parameters(
    ({'zoneout_h_rate': jnp.float32(0.1)}, {}, 'zoneout_h_rate'),
    ({}, {'variational': True}, 'variational'),
  )
  def test_noise_of_a_whole_sequence_step_by_step(self, hparams, options, word):
    model = writers.make(input_feeding=True, **options)
    with self.assertRaisesRegex(errors.UserError, f'{word}.*one by one'):
      loss_of(model)(
        writers.params_of(model),
        (),
        writers.batch_of(),
        jax.random.key(0),
        hparams,
      )

  def test_models_that_cannot_be(self):
    stack = layers.Recurrent(cells.gru(), (4,))
    both = layers.Recurrent(cells.gru(), (4,), bidirectional=True, merge='sum')
    writes = models.Decoder(5, stack, 3)
    for make, words in (
      (lambda: models.EncoderDecoder(both, writes, 5, 3), "merge='concat'"),
      (lambda: models.EncoderDecoder(stack, writes, 5), 'embedding_size'),
      (lambda: models.Decoder(5, both, 3), 'bidirectional=False'),
      (lambda: layers.Attention('sideways', 3), "'sideways'"),
    ):
      with self.assertRaisesRegex(errors.UserError, words):
        make()

  def test_dot_of_other_widths(self):
    model = models.EncoderDecoder(
      layers.Recurrent(cells.gru(), (4,)),
      models.Decoder(5, layers.Recurrent(cells.gru(), (3,)), 3, 'dot'),
      9,
      2,
    )
    batch = writers.batch_of()
    with self.assertRaisesRegex(errors.UserError, 'width 3, the second 4'):
      jax.eval_shape(encoder_decoder.task(model).init, jax.random.key(0), batch)

  def test_the_registry_names_it(self):
    self.assertIs(models.MODELS['encoder_decoder'], models.EncoderDecoder)


if __name__ == '__main__':
  absltest.main()
