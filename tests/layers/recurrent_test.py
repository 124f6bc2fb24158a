import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from examples import mostly_slow

from seqjax import cells, errors, layers, recurrence
from seqjax.cells import regularizers

T, B, D = 5, 3, 2


def draw(shape, seed=0):
  rng = np.random.default_rng(seed)
  return jnp.asarray(rng.normal(size=shape), jnp.float32)


def make(sizes=(4, 6), cell=None, **options):
  return layers.Recurrent(cell or cells.gru(), sizes, **options)


def init(module, xs):
  """Random parameters of the module's shapes, nothing at zero."""
  shapes = jax.eval_shape(module.init, jax.random.key(0), xs)
  rng = np.random.default_rng(1)
  return jax.tree.map(
    lambda p: jnp.asarray(0.5 * rng.normal(size=p.shape), p.dtype), shapes
  )


# Compiled as a whole: much faster than one operation after another.
@functools.partial(jax.jit, static_argnums=0)
def apply(module, params, xs, *carry, **options):
  return module.apply(params, xs, *carry, **options)


@pytest.mark.parametrize(
  'name',
  mostly_slow(
    [('weight_noise',), ('zoneout_c_rate',)], regularizers.Rates._fields
  ),
)
def test_every_rate_disturbs_the_training_of_every_layer(name):
  xs = draw((T, 9, D))
  module = make((4, 4), cells.lstm())
  params = init(module, xs)
  run = jax.jit(
    lambda key, rate: module.apply(params, xs, key=key, rates={name: rate})
  )
  zero, a, again, b = (
    run(jax.random.key(k), jnp.float32(r))
    for k, r in ((0, 0.0), (0, 0.5), (0, 0.5), (1, 0.5))
  )
  plain = apply(module, params, xs)
  np.testing.assert_allclose(zero.outputs, plain.outputs, 1e-5, 1e-6)
  for layer in range(2):
    h = lambda result, layer=layer: np.asarray(result.carry[layer].h)
    assert np.abs(h(a) - h(zero)).max() > 1e-3
    assert np.abs(h(a) - h(b)).max() > 1e-3
    np.testing.assert_array_equal(h(a), h(again))


class RecurrentTest(parameterized.TestCase):
  def test_a_stack_is_one_layer_after_another(self):
    xs, mask = draw((T, B, D)), draw((T, B), 2) > 0
    module = make()
    params = init(module, xs)
    result = apply(module, params, xs, mask=mask)
    ys = xs
    for layer in range(2):
      ys, last, every = recurrence.unroll(
        cells.gru(), params['params'][f'layer_{layer}'], ys, mask=mask
      )
      np.testing.assert_allclose(result.carry[layer].h, last.h, 1e-5)
      np.testing.assert_allclose(result.carries[layer].h, every.h, 1e-5)
    np.testing.assert_allclose(result.outputs, ys, 1e-5)
    self.assertEqual(result.outputs.shape, (T, B, 6))

  @parameterized.parameters(False, True)
  def test_chunks_with_the_carry_passed_on_are_the_whole(self, residual):
    xs = draw((T, B, D))
    module = make(residual=residual)
    params = init(module, xs)
    whole = apply(module, params, xs)
    left = apply(module, params, xs[:2])
    right = apply(module, params, xs[2:], left.carry)
    np.testing.assert_allclose(
      np.concatenate([left.outputs, right.outputs]), whole.outputs, 1e-5, 1e-6
    )

  @parameterized.parameters('concat', 'sum', 'mean', 'product')
  def test_two_directions_are_merged_as_named(self, merge):
    xs, mask = draw((T, B, D)), draw((T, B), 2) > -0.5
    module = make((4,), bidirectional=True, merge=merge)
    params = init(module, xs)
    a, b = (
      recurrence.unroll(
        cells.gru(),
        params['params'][f'layer_0_{name}'],
        xs,
        mask=mask,
        reverse=name == 'backward',
      ).outputs
      for name in ('forward', 'backward')
    )
    expected = {
      'concat': np.concatenate([a, b], axis=-1),
      'sum': a + b,
      'mean': (a + b) / 2,
      'product': a * b,
    }[merge]
    result = apply(module, params, xs, mask=mask)
    np.testing.assert_allclose(result.outputs, expected, 1e-5, 1e-6)
    np.testing.assert_array_equal(np.asarray(result.outputs)[~mask], 0)

  def test_both_directions_see_every_step_under_padding(self):
    """The fault of taggers: padding that leaks through the backward layer."""
    xs = draw((T, B, D))
    lengths = np.array([5, 3, 1])
    mask = np.arange(T)[:, None] < lengths
    module = make(bidirectional=True)
    params = init(module, xs)
    batch = apply(module, params, xs, mask=mask).outputs
    for b, length in enumerate(lengths):
      alone = apply(module, params, xs[:length, b : b + 1]).outputs
      np.testing.assert_allclose(
        batch[:length, b], alone[:, 0], 1e-5, 1e-6, err_msg=str(length)
      )

  def test_a_residual_adds_the_input_of_upper_layers(self):
    xs, mask = draw((T, B, D)), draw((T, B), 2) > 0
    plain, residual = make((4, 4)), make((4, 4), residual=True)
    params = init(plain, xs)
    first = apply(
      make((4,)),
      {'params': {'layer_0': params['params']['layer_0']}},
      xs,
      mask=mask,
    )
    np.testing.assert_allclose(
      apply(residual, params, xs, mask=mask).outputs,
      apply(plain, params, xs, mask=mask).outputs + first.outputs,
      1e-5,
      1e-6,
    )

  def test_a_residual_between_widths_is_a_matrix_and_keeps_padding_zero(self):
    xs, mask = draw((T, B, D)), draw((T, B), 2) > 0
    module = make((4, 6), residual=True)
    params = init(module, xs)
    self.assertEqual(params['params']['shortcut_1']['kernel'].shape, (4, 6))
    self.assertNotIn('bias', params['params']['shortcut_1'])
    outputs = np.asarray(apply(module, params, xs, mask=mask).outputs)
    np.testing.assert_array_equal(outputs[~mask], 0)

  def test_a_learned_carry_is_where_every_document_begins(self):
    xs = draw((T, B, D))
    resets = jnp.zeros((T, B), bool).at[3, 1].set(True)
    module = make((4,), initial_carry='learned')
    params = init(module, xs)
    learned = params['params']['layer_0_initial'].h
    self.assertGreater(np.abs(learned).max(), 0)
    result = apply(module, params, xs, resets=resets)
    again = apply(module, params, xs[3:]).outputs
    np.testing.assert_allclose(result.outputs[3:, 1], again[:, 1], 1e-5, 1e-6)

    def begins(params, resets):
      ys = apply(module, params, xs, resets=resets).outputs
      return jnp.sum(ys[3:, 1])  # only what comes after the reset

    grads = jax.jit(jax.grad(begins))(params, resets)['params']
    self.assertGreater(np.abs(grads['layer_0_initial'].h).max(), 1e-3)

  def test_a_normal_carry_is_drawn_per_sequence_and_zero_in_evaluation(self):
    xs, nothing = draw((T, 512, D)), jnp.zeros((T, 512), bool)
    module = make((4,), initial_carry='normal', initial_scale=0.5)
    params = init(module, xs)
    carry = lambda key: np.asarray(
      apply(module, params, xs, mask=nothing, key=key).carry[0].h
    )
    drawn = carry(jax.random.key(0))
    self.assertBetween(drawn.std(), 0.47, 0.53)
    self.assertGreater(np.abs(drawn - carry(jax.random.key(1))).max(), 0.1)
    np.testing.assert_array_equal(carry(None), 0)

  def test_dropout_stands_between_the_layers_only(self):
    xs = draw((T, B, D))
    run = lambda module, params, key: (
      apply(module, params, xs, key=key, dropout_rate=0.5).outputs
    )
    one = make((4,))
    params = init(one, xs)
    np.testing.assert_array_equal(
      run(one, params, jax.random.key(0)), run(one, params, None)
    )
    two = make((4, 6))
    params = init(two, xs)
    a, b = (run(two, params, jax.random.key(k)) for k in (0, 1))
    self.assertGreater(np.abs(a - b).max(), 1e-3)
    np.testing.assert_array_equal(a, run(two, params, jax.random.key(0)))

  def noises(self, module, xs, seeds=1, **options):
    """What each layer and direction handed to its cell, for every seed."""
    params = init(module, xs)

    @jax.jit
    def drawn(key):
      with absltest.mock.patch.object(
        recurrence, 'unroll', wraps=recurrence.unroll
      ) as unroll:
        module.apply(params, xs, key=key, **options)
      return [call.args[2].noise for call in unroll.call_args_list]

    return [drawn(jax.random.key(seed)) for seed in range(seeds)]

  def test_layers_and_directions_have_masks_of_their_own(self):
    xs = draw((40, 30, D))
    module = make((4, 4), cells.lstm(), bidirectional=True)
    rates = {'state_dropout_rate': 0.5, 'zoneout_h_rate': 0.5}
    noises, other = self.noises(module, xs, seeds=2, rates=rates)
    self.assertLen(noises, 4)
    for a, b in itertools.combinations(noises, 2):
      for masks in zip(
        (a.state.kept, a.zoneout_h), (b.state.kept, b.zoneout_h), strict=True
      ):
        self.assertBetween(np.mean(masks[0] != masks[1]), 0.35, 0.65)
    self.assertTrue((other[0].zoneout_h != noises[0].zoneout_h).any())

  def test_the_candidate_may_have_a_mask_for_every_step(self):
    xs, rates = draw((20, B, D)), {'candidate_dropout_rate': 0.5}
    for per_step in (False, True):
      module = make((4,), candidate_per_step=per_step)
      ((noise,),) = self.noises(module, xs, rates=rates)
      kept = np.asarray(noise.candidate.kept)
      self.assertEqual((kept == kept[:1]).all(), not per_step)

  def test_noise_and_a_drawn_carry_have_keys_of_their_own(self):
    # `fold_in(key, i)` is `split(key)[i]`: what is drawn from one must not be
    # split by the name of the other.
    xs = draw((T, B, D))
    module = make((4,), cells.lstm(), initial_carry='normal')
    params = init(module, xs)
    of_noise, of_carry = [], []
    data = lambda key: jax.random.key_data(key).tolist()

    def drop_connect(key, params, rate):
      of_noise.append(data(key))
      return params

    def normal(key, *rest):
      of_carry.extend(data(k) for k in [*jax.random.split(key, 4), key])
      return jnp.zeros(*rest)

    with (
      absltest.mock.patch.object(regularizers, 'drop_connect', drop_connect),
      absltest.mock.patch.object(jax.random, 'normal', normal),
    ):
      module.apply(params, xs, key=jax.random.key(0))
    self.assertLen(of_carry, 2 * 5)
    self.assertNotIn(of_noise[0], of_carry)

  def test_a_rate_of_a_call_takes_the_place_of_the_attribute(self):
    xs = draw((T, B, D))
    rate = regularizers.Rates(zoneout_h_rate=0.25)
    plain, zoned = make(), make(rates=rate)
    params = init(plain, xs)
    # Not `apply`, to which a rate would be a traced number.
    run = lambda module, **options: jax.jit(
      lambda params: module.apply(params, xs, **options).outputs
    )(params)
    np.testing.assert_array_equal(
      run(zoned, rates={'zoneout_h_rate': 0.0}), run(plain)
    )
    np.testing.assert_array_equal(run(plain, rates=rate._asdict()), run(zoned))
    # Evaluation knows the rate too: zoneout is then its expectation.
    self.assertGreater(np.abs(run(zoned) - run(plain)).max(), 1e-3)
    np.testing.assert_array_equal(run(zoned), run(zoned))

  def test_evaluation_drops_nothing(self):
    xs = draw((T, B, D))
    rates = regularizers.Rates(
      input_dropout_rate=0.5,
      state_dropout_rate=0.5,
      candidate_dropout_rate=0.5,
      weight_dropout_rate=0.5,
      weight_noise=0.5,
    )
    plain, noised = make(), make(rates=rates)
    params = init(plain, xs)
    run = lambda module, key: apply(module, params, xs, key=key).outputs
    np.testing.assert_array_equal(run(noised, None), run(plain, None))

  def test_the_input_of_every_layer_is_dropped_the_same_at_all_steps(self):
    xs = jnp.ones((T, 50, D))
    module = make((3, 4), cells.lstm())
    params = init(module, xs)

    @jax.jit
    def inputs(key):
      with absltest.mock.patch.object(
        recurrence, 'unroll', wraps=recurrence.unroll
      ) as unroll:
        module.apply(params, xs, key=key, rates={'input_dropout_rate': 0.5})
      return [call.args[2] for call in unroll.call_args_list]

    for layer_xs in inputs(jax.random.key(0)):
      dropped = np.asarray(layer_xs) == 0
      self.assertBetween(dropped.mean(), 0.3, 0.7)
      np.testing.assert_array_equal(dropped, np.stack([dropped[0]] * T))

  def test_rates_of_zero_draw_nothing(self):
    xs = draw((T, B, D))
    module = make()
    params = init(module, xs)
    rates = dict.fromkeys(regularizers.Rates._fields, 0.0)
    program = str(
      jax.make_jaxpr(
        lambda key: module.apply(params, xs, key=key, rates=rates)
      )(jax.random.key(0))
    )
    self.assertIn('fold_in', program)
    self.assertNotIn('random_bits', program)

  def test_init_options_reach_the_cell(self):
    xs = draw((T, B, D))
    module = make(
      (4,), cells.lstm(), init_options={'forget_bias': 3.0, 'scheme': 'uniform'}
    )
    b = jax.jit(module.init)(jax.random.key(0), xs)['params']['layer_0'].b
    self.assertBetween(np.split(np.asarray(b), 4)[1].min(), 2.5, 3.5)

  def test_products_in_bfloat16_keep_carries_in_float32(self):
    xs = draw((T, B, D))
    exact, module = make(), make(compute_dtype=jnp.bfloat16)
    params = init(module, xs)
    result = apply(module, params, xs)
    self.assertEqual(result.carry[0].h.dtype, jnp.float32)
    error = np.abs(result.outputs - apply(exact, params, xs).outputs).max()
    self.assertBetween(error, 1e-6, 0.05)
    loss = lambda p: module.apply(p, xs).outputs.sum()
    grads = jax.jit(jax.grad(loss))(params)
    for g in jax.tree.leaves(grads):
      self.assertEqual(g.dtype, jnp.float32)
      self.assertGreater(np.abs(g).max(), 0)

  def test_a_rate_of_a_call_is_checked(self):
    xs = draw((T, B, D))
    module = make((4,))
    params = init(module, xs)
    for rates in ({'zoneout_h_rate': 1.5}, {'input_dropout_rate': np.nan}):
      with self.assertRaisesRegex(errors.UserError, 'must be at least 0'):
        module.apply(params, xs, rates=rates)
    with self.assertRaisesRegex(errors.UserError, 'dropout_rate is 2'):
      module.apply(params, xs, dropout_rate=2)

  def test_mistakes_are_sentences_at_construction(self):
    with self.assertRaisesRegex(TypeError, 'with its brackets'):
      make(cell=cells.lstm)
    with self.assertRaisesRegex(errors.UserError, r'as in \(128, 64\); got 4'):
      make(4)
    with self.assertRaisesRegex(errors.UserError, r'regularizers\.Rates'):
      make(rates={'zoneout_h_rate': 0.1})
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'concat'"):
      make(merge='concatenate')
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'learned'"):
      make(initial_carry='learnt')
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'scheme'"):
      make(init_options={'schema': 'uniform'})
    with self.assertRaisesRegex(
      errors.UserError, 'Known: chrono_steps, recurr'
    ):
      make(init_options={'forget_bias': 1.0})  # Of a GRU.
    with self.assertRaisesRegex(errors.UserError, 'zoneout_h_rate is 2'):
      make(rates=regularizers.Rates(zoneout_h_rate=2))
    with self.assertRaisesRegex(errors.UserError, "mean 'zoneout_h_rate'"):
      make().init(jax.random.key(0), draw((T, B, D)), rates={'zoneout_h': 0.1})
    module = make(rates=regularizers.Rates(zoneout_c_rate=0.1))
    with self.assertRaisesRegex(errors.UserError, 'h and c alone'):
      module.init(jax.random.key(0), draw((T, B, D)))
    for sizes in ((), (4, 0)):
      with self.assertRaisesRegex(errors.UserError, 'hidden_sizes'):
        make(sizes)


if __name__ == '__main__':
  absltest.main()
