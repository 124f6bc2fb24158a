"""What a language model promises: no look ahead, exact carry, quiet dropout."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, data, errors, layers, losses, models
from seqjax.cells import regularizers
from seqjax.layers import drop

T, B, V, E = 5, 2, 11, 3
SIZES = (4, 6)


@functools.cache
def make(sizes=SIZES, cell='elman', vocab_size=V, **options):
  recurrent = layers.Recurrent(cells.CELLS[cell](), sizes, **options)
  return models.LanguageModel(vocab_size, E, recurrent)


# Compiled as a whole: much faster than one operation after another.
@functools.partial(jax.jit, static_argnums=0, static_argnames='mutable')
def apply(model, params, *inputs, **options):
  return model.apply(params, *inputs, **options)


@contextlib.contextmanager
def dropout_replaced_by(function):
  """In the model and between its layers."""
  replace = absltest.mock.patch.object
  with replace(layers, 'dropout', function):
    with replace(drop, 'dropout', function):
      yield


def example(seed=0, steps=T):
  """A batch in which every token of [T, B] differs where V allows it."""
  rng = np.random.default_rng(seed)
  tokens = rng.permutation(np.arange(steps * B) % V).reshape(steps, B)
  targets = rng.integers(0, V, (steps, B))
  weights = rng.uniform(0.5, 2, (steps, B))
  return data.Batch(
    inputs=jnp.asarray(tokens, jnp.int32),
    targets=jnp.asarray(targets, jnp.int32),
    mask=jnp.ones((steps, B), bool),
    weights=jnp.asarray(weights, jnp.float32),
    resets=jnp.zeros((steps, B), bool).at[0].set(True),
  )


def params_of(model, seed=0):
  """Random parameters, nothing at zero, a learned carry included."""
  tokens = jax.ShapeDtypeStruct((1, B), jnp.int32)
  shapes = jax.eval_shape(model.init, jax.random.key(0), tokens)
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: jnp.asarray(0.5 * rng.normal(size=x.shape), x.dtype), shapes
  )


class CausalityTest(parameterized.TestCase):
  def test_a_score_depends_on_all_tokens_before_and_on_no_other(self):
    model, batch = make(cell='lstm', residual=True), example()
    params = params_of(model)

    def scores(embedding):
      inner = dict(params['params'], embedding={'embedding': embedding})
      return model.apply({'params': inner}, batch.inputs)[0]

    # No token occurs twice, so a row of the embedding is a place in the text.
    embedding = params['params']['embedding']['embedding']
    jacobian = jax.jit(jax.jacrev(scores))(embedding)  # [T, B, V, V, E]
    strength = np.abs(jacobian).max(axis=(2, 4))
    for t, b in np.ndindex(T, B):
      for s, other in np.ndindex(T, B):
        found = strength[t, b, batch.inputs[s, other]]
        if b == other and s <= t:
          self.assertGreater(found, 0, (t, s))
        else:
          self.assertEqual(found, 0, (t, b, s, other))

  def test_a_network_that_reads_ahead_is_refused(self):
    for name in ('bidirectional', 'reverse'):
      with self.assertRaisesRegex(errors.UserError, f'{name}=False'):
        make(**{name: True})


class CarryTest(parameterized.TestCase):
  @parameterized.parameters('zero', 'learned')
  def test_windows_with_the_carry_passed_equal_the_whole(self, initial):
    model, batch = make(initial_carry=initial), example()
    params = params_of(model)
    whole, last = apply(model, params, batch.inputs)
    carry = models.language_model.task(model).carry(params, B)
    parts = []
    for window in (slice(0, 2), slice(2, 3), slice(3, T)):
      logits, carry = apply(model, params, batch.inputs[window], carry)
      parts.append(logits)
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-5)
    for found, expected in zip(
      jax.tree.leaves(carry), jax.tree.leaves(last), strict=True
    ):
      np.testing.assert_allclose(found, expected, rtol=1e-5)

  def test_the_carry_before_a_document_is_zero_for_every_row_and_layer(self):
    model = make(cell='lstm')
    carry = models.language_model.task(model).carry(params_of(model), 7)
    self.assertLen(carry, len(SIZES))
    for layer, size in zip(carry, SIZES, strict=True):
      for leaf in (layer.h, layer.c):
        np.testing.assert_array_equal(leaf, np.zeros((7, size)))

  def test_a_learned_carry_is_given_to_every_row_and_learns_from_resets(self):
    model, batch = make(cell='lstm', initial_carry='learned'), example()
    params = params_of(model)
    task = models.language_model.task(model)
    carry = task.carry(params, 7)
    for layer, found in enumerate(carry):
      expected = params['params']['recurrent'][f'layer_{layer}_initial']
      for row in range(7):
        np.testing.assert_array_equal(found.h[row], expected.h)
        np.testing.assert_array_equal(found.c[row], expected.c)

    @jax.jit
    @jax.grad
    def gradient(params, resets):
      carry = jax.lax.stop_gradient(task.carry(params, B))
      return task.loss(params, carry, batch._replace(resets=resets), None, {})[
        0
      ]

    for resets in (batch.resets, jnp.zeros_like(batch.resets)):
      grads = gradient(params, resets)['params']['recurrent']
      initial = np.abs(grads['layer_1_initial'].c).max()
      self.assertEqual(initial > 0, bool(resets.any()))

  def test_a_reset_begins_a_document_within_a_window(self):
    model, batch = make(initial_carry='learned'), example()
    params = params_of(model)
    resets = jnp.zeros((T, B), bool).at[3, 1].set(True)
    logits, _ = apply(model, params, batch.inputs, resets=resets)
    alone, _ = apply(model, params, batch.inputs[3:])
    whole, _ = apply(model, params, batch.inputs)
    np.testing.assert_allclose(logits[3:, 1], alone[:, 1], rtol=1e-5)
    np.testing.assert_allclose(logits[:, 0], whole[:, 0], rtol=1e-5)
    self.assertGreater(np.abs(logits[3:, 1] - whole[3:, 1]).max(), 1e-3)


class StepTest(absltest.TestCase):
  def test_token_by_token_equals_the_whole(self):
    model, batch = make(initial_carry='learned'), example()
    params = params_of(model)
    whole, last = apply(model, params, batch.inputs)
    step = jax.jit(models.language_model.step(model))
    carry = models.language_model.task(model).carry(params, B)
    for token, expected in zip(batch.inputs, whole, strict=True):
      carry, logits = step(params, carry, token)
      np.testing.assert_allclose(logits, expected, rtol=1e-5)
    np.testing.assert_allclose(carry[1].h, last[1].h, rtol=1e-5)


class DropoutTest(parameterized.TestCase):
  def apply(self, model, batch, key, rate=0.5):
    params = params_of(model)
    return np.asarray(
      apply(model, params, batch.inputs, key=key, dropout_rate=rate)[0]
    )

  def test_without_a_key_nothing_is_dropped(self):
    model, batch = make(), example()
    np.testing.assert_array_equal(
      self.apply(model, batch, None), self.apply(model, batch, None, rate=0.0)
    )

  def test_a_key_decides_what_is_dropped(self):
    model, batch = make(), example()
    keys = [jax.random.key(seed) for seed in (3, 3, 4)]
    same, again, other = (self.apply(model, batch, key) for key in keys)
    np.testing.assert_array_equal(same, again)
    self.assertTrue((same != other).any(axis=-1).all())

  @parameterized.parameters(False, True)
  def test_one_mask_for_all_steps_where_variational(self, variational):
    # Scores that show the last outputs as they are, dropped units as zeros.
    model = make(sizes=(8,), vocab_size=8, variational=variational)
    batch = example(steps=20)._replace(inputs=jnp.ones((20, B), jnp.int32))
    params = params_of(model)
    inner = dict(
      params['params'], scores={'kernel': jnp.eye(8), 'bias': jnp.zeros(8)}
    )
    shown, _ = apply(
      model,
      {'params': inner},
      batch.inputs,
      key=jax.random.key(0),
      dropout_rate=0.5,
    )
    dropped = np.asarray(shown) == 0
    self.assertTrue(0.2 < dropped.mean() < 0.8)
    self.assertEqual((dropped == dropped[:1]).all(), variational)
    # Each row has a mask of its own.
    self.assertFalse((dropped[:, 0] == dropped[:, 1]).all())

  def test_every_connection_that_is_not_recurrent_drops(self):
    model, batch = make(), example()
    params = params_of(model)
    seen = []

    def record(key, x, rate, **_):
      seen.extend([x.shape[-1]] if rate else [])
      return x

    with dropout_replaced_by(record):
      jax.eval_shape(
        lambda key: model.apply(
          params, batch.inputs, key=key, dropout_rate=0.5
        ),
        jax.random.key(0),
      )
    self.assertEqual(seen, [E, SIZES[0], SIZES[1]])

  def test_the_rate_is_a_number_of_the_step_not_of_the_program(self):
    model, batch = make(), example()
    params, traces = params_of(model), []
    task = models.language_model.task(model)

    @jax.jit
    def nats(hparams):
      traces.append(1)
      carry = task.carry(params, B)
      return task.loss(params, carry, batch, jax.random.key(0), hparams)[0]

    found = [nats({'dropout_rate': jnp.float32(r)}) for r in (0.0, 0.4, 0.8)]
    self.assertLen(set(map(float, found)), 3)
    self.assertLen(traces, 1)
    carry = task.carry(params, B)
    np.testing.assert_allclose(
      found[0], task.loss(params, carry, batch, None, {})[0], rtol=1e-5
    )


@functools.partial(jax.jit, static_argnums=0)
def loss_of(model, params, batch, key, hparams):
  task = models.language_model.task(model)
  return task.loss(params, task.carry(params, B), batch, key, hparams)


class RegularizersTest(parameterized.TestCase):
  def loss(self, model, hparams, seed=None, batch=None):
    key = None if seed is None else jax.random.key(seed)
    hparams = {name: jnp.float32(x) for name, x in hparams.items()}
    return loss_of(model, params_of(model), batch or example(), key, hparams)

  @parameterized.parameters(*regularizers.Rates._fields)
  def test_every_rate_of_hparams_reaches_the_stack(self, name):
    model = make(cell='lstm')
    plain, disturbed = (
      self.loss(model, hparams, seed=0)[0] for hparams in ({}, {name: 0.3})
    )
    self.assertGreater(abs(plain - disturbed), 1e-4)

  def test_zoneout_is_known_wherever_the_model_is_read(self):
    rates = regularizers.Rates(zoneout_h_rate=0.3)
    model, batch = make(rates=rates), example()
    params = params_of(model)
    whole, _ = apply(model, params, batch.inputs)
    plain, _ = apply(make(), params, batch.inputs)
    self.assertGreater(np.abs(whole - plain).max(), 1e-3)
    step = jax.jit(models.language_model.step(model))
    carry = models.language_model.task(model).carry(params, B)
    for token, expected in zip(batch.inputs, whole, strict=True):
      carry, logits = step(params, carry, token)
      np.testing.assert_allclose(logits, expected, 1e-5, 1e-6)
    nats, weight = losses.cross_entropy(whole, batch.targets, batch.weights)
    np.testing.assert_allclose(self.loss(model, {})[0], nats, rtol=1e-5)

  @parameterized.parameters('activation_penalty', 'temporal_penalty')
  def test_a_penalty_is_a_mean_times_its_factor_per_unit(self, name):
    model, batch = make(), example()
    params = params_of(model)
    resets = batch.resets.at[2, 1].set(True)
    batch = batch._replace(resets=resets)
    ys = np.asarray(
      apply(
        model, params, batch.inputs, resets=resets, mutable='intermediates'
      )[1]['intermediates']['outputs'][0]
    )
    weights = np.asarray(batch.weights)
    squares = (ys**2).mean(axis=-1)
    if name == 'temporal_penalty':
      squares = ((ys[1:] - ys[:-1]) ** 2).mean(axis=-1)
      weights = weights[1:] * ~np.asarray(resets)[1:]
    mean = (weights * squares).sum() / weights.sum()
    plain, aux = self.loss(model, {}, batch=batch)
    total, aux_charged = self.loss(model, {name: 3.0}, batch=batch)
    np.testing.assert_allclose(total, plain + 3 * mean * aux.weight, rtol=1e-5)
    self.assertEqual(aux.metrics, aux_charged.metrics)

  def test_ar_sees_dropout_and_tar_does_not(self):
    # A model of its own: what is compiled with the patch stays so.
    model = make(sizes=(6,))

    def cost(name, rate):
      hparams = {'dropout_rate': rate}
      charged, plain = (
        self.loss(model, h, seed=0)[0] for h in (hparams | {name: 1.0}, hparams)
      )
      return float(charged - plain)

    with dropout_replaced_by(self.only_outputs):
      for name, moves in (('activation_penalty', 1), ('temporal_penalty', 0)):
        change = abs(cost(name, 0.5) - cost(name, 0.0))
        self.assertEqual(change > 1e-2, bool(moves), name)

  @staticmethod
  def only_outputs(key, x, rate, *, same_over_time, real=layers.dropout):
    return real(key, x, rate) if x.shape[-1] == 6 else x


class TaskTest(parameterized.TestCase):
  def test_the_loss_is_the_cross_entropy_of_the_scores(self):
    model, batch = make(), example()
    params = params_of(model)
    task = models.language_model.task(model, unit='char')
    carry = task.carry(params, B)
    total, aux = task.loss(params, carry, batch, None, {})
    logits, last = apply(model, params, batch.inputs)
    nats, weight = losses.cross_entropy(logits, batch.targets, batch.weights)
    np.testing.assert_allclose(total, nats, rtol=1e-5)
    np.testing.assert_allclose(aux.weight, weight, rtol=1e-6)
    np.testing.assert_allclose(aux.carry[1].h, last[1].h, rtol=1e-5)
    self.assertSameElements(aux.metrics, ['nats_per_char', 'bits_per_char'])
    found, weight = aux.metrics['nats_per_char']
    self.assertEqual((found, weight), (total, aux.weight))

  def test_padding_is_invisible(self):
    model, batch = make(), example()
    params = params_of(model)
    task = models.language_model.task(model)
    mask = jnp.ones((T, B), bool).at[2:, 1].set(False)
    batch = batch._replace(mask=mask, weights=jnp.where(mask, batch.weights, 0))
    dirty = batch._replace(
      inputs=jnp.where(mask, batch.inputs, 4),
      targets=jnp.where(mask, batch.targets, 4),
    )
    self.assertFalse((dirty.inputs == batch.inputs).all())

    @jax.jit
    @jax.value_and_grad
    def nats(params, batch):
      carry = task.carry(params, B)
      total, aux = task.loss(params, carry, batch, None, {})
      return total + sum(x.sum() for x in jax.tree.leaves(aux.carry))

    found = jax.tree.leaves(nats(params, dirty))
    expected = jax.tree.leaves(nats(params, batch))
    for a, b in zip(found, expected, strict=True):
      np.testing.assert_array_equal(a, b)

  def test_init_depends_on_the_key_alone(self):
    task = models.language_model.task(make(sizes=(4,)))
    init = jax.jit(lambda seed, batch: task.init(jax.random.key(seed), batch))
    one, same, other = (
      jax.tree.leaves(init(seed, batch))
      for seed, batch in ((0, example(0)), (0, example(1)), (1, example(0)))
    )
    for a, b in zip(one, same, strict=True):
      np.testing.assert_array_equal(a, b)
    differ = [(a != b).any() for a, b in zip(one, other, strict=True)]
    self.assertIn(True, differ)

  def test_the_registry_names_it(self):
    self.assertIs(models.MODELS['language_model'], models.LanguageModel)


if __name__ == '__main__':
  absltest.main()
