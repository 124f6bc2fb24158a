"""One update against plain optax, and what numbers that are not finite do."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl.testing import absltest, parameterized

from seqjax import data, models
from seqjax.training import optimizer as optimizer_lib
from seqjax.training import state as state_lib
from seqjax.training import step as step_lib

T, B, D = 4, 3, 2


def init(key, batch):
  return {'w': jax.random.normal(key, batch.inputs.shape[2:])}


def carry_of(params, batch_size):
  """Two leaves, one of them learned, so that a fresh one shows."""
  fresh = jnp.full((batch_size, 1), 0.5, jnp.float32)
  return {'sum': fresh, 'learned': jnp.tile(params['w'], (batch_size, 1))}


def loss(params, carry, batch, key, hparams):
  """Linear regression; the carry adds up the last inputs."""
  scale = 1.0 if key is None else 1 + 0.1 * jax.random.normal(key)
  predicted = scale * (batch.inputs @ params['w'])
  errors = batch.weights * jnp.square(predicted - batch.targets)
  total = jnp.sum(jnp.where(batch.weights > 0, errors, 0))
  weight = jnp.sum(batch.weights)
  carry = {
    'sum': carry['sum'] + batch.inputs[-1, :, :1],
    'learned': carry['learned'] * 2,
  }
  offset = hparams.get('offset', jnp.float32(0))
  pairs = {'error': (total, weight), 'scale': (scale + offset, 1.0)}
  return total, models.Aux(weight, carry, pairs)


TASK = models.Task(init, loss, carry_of)


def batch_of(seed=0):
  rng = np.random.default_rng(seed)
  floats = lambda *shape: rng.normal(size=shape).astype(np.float32)
  return data.Batch(
    inputs=floats(T, B, D),
    targets=floats(T, B),
    mask=np.ones((T, B), bool),
    weights=rng.uniform(0.5, 2, (T, B)).astype(np.float32),
    resets=np.zeros((T, B), bool),
  )


def bad_batch(seed=0):
  batch = batch_of(seed)
  batch.inputs[1, 2, 0] = np.nan
  return batch


def hparams_of(learning_rate=0.1, **more):
  return {
    k: jnp.float32(x)
    for k, x in ({'learning_rate': learning_rate} | more).items()
  }


def make(name='adam', seed=0, task=TASK):
  """The step with its seed, and the state before it."""
  optimizer = optimizer_lib.make(name)
  state = state_lib.create(task, optimizer, batch_of(), seed)
  train_step = step_lib.make_train_step(task, optimizer)
  seeded = {'seed': jnp.uint32(seed)}
  return lambda *args: train_step(*args[:-1], args[-1] | seeded), state


def host(tree):
  """A copy that outlives the donation of the state."""
  return jax.tree.map(lambda x: np.array(x), tree)


def assert_same(found, expected):
  """Bit for bit."""
  jax.tree.map(np.testing.assert_array_equal, found, expected)


class StepTest(parameterized.TestCase):
  def test_the_loss_is_told_how_many_updates_came_before(self):
    def told(params, carry, batch, key, hparams):
      total, aux = loss(params, carry, batch, key, hparams)
      step = hparams['step'].astype(jnp.float32)
      return total, aux._replace(metrics={'step': (step, 1.0)})

    train_step, state = make(task=TASK._replace(loss=told))
    for n in range(3):
      state, _, pairs = train_step(state, batch_of(), hparams_of())
      self.assertEqual(float(pairs['step'][0]), n)

  def test_updates_equal_plain_optax(self):
    train_step, state = make(seed=3)
    plain = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.1))
    params = host(state.params)
    with jax.numpy_dtype_promotion('standard'):
      opt_state = plain.init(params)
    for n in range(3):
      batch = batch_of(n)
      key = jax.random.fold_in(jax.random.fold_in(jax.random.key(3), n), 0)
      grads = jax.grad(
        lambda w, b=batch, k=key: (
          loss(w, carry_of(w, B), b, k, {})[0] / b.weights.sum()
        )
      )(params)
      with jax.numpy_dtype_promotion('standard'):
        updates, opt_state = plain.update(grads, opt_state, params)
      params = optax.apply_updates(params, updates)
      state, weight, pairs = train_step(state, batch, hparams_of(clip_norm=1.0))
      np.testing.assert_allclose(state.params['w'], params['w'], rtol=1e-5)
      np.testing.assert_allclose(weight, batch.weights.sum(), rtol=1e-6)
      np.testing.assert_allclose(
        pairs['grad_norm'][0], optax.tree.norm(grads), rtol=1e-5
      )
    self.assertEqual((state.step, state.skipped_in_row), (3, 0))

  def test_the_norm_is_that_before_clipping_and_the_move_after_it(self):
    train_step, state = make('sgd')
    before = host(state.params['w'])
    state, _, pairs = train_step(
      state, batch_of(), hparams_of(0.5, clip_norm=0.01)
    )
    norm, weight = pairs['grad_norm']
    self.assertGreater(norm, 0.1)
    self.assertEqual(weight, 1)
    distance = np.linalg.norm(state.params['w'] - before)
    np.testing.assert_allclose(distance, 0.5 * 0.01, rtol=1e-4)

  def test_the_key_follows_from_seed_step_and_rollbacks(self):
    def scale(seed, step, rollbacks):
      train_step, state = make(seed=seed)
      state = state._replace(
        step=jnp.int32(step), rollbacks=jnp.int32(rollbacks)
      )
      key = jax.random.fold_in(
        jax.random.fold_in(jax.random.key(seed), step), rollbacks
      )
      found = train_step(state, batch_of(), hparams_of())[2]['scale'][0]
      np.testing.assert_allclose(
        found, 1 + 0.1 * jax.random.normal(key), rtol=1e-5
      )
      return float(found)

    found = {scale(*x) for x in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))}
    self.assertLen(found, 4)

  def test_many_steps_are_traced_once(self):
    traces = []

    def traced(*args):
      traces.append(1)
      return loss(*args)

    train_step, state = make(task=TASK._replace(loss=traced))
    for n in range(5):
      batch = bad_batch(n) if n == 2 else batch_of(n)
      state, *_ = train_step(state, batch, hparams_of(0.1 / (n + 1)))
    self.assertLen(traces, 1)

  def test_tasks_that_differ_in_how_they_begin_share_a_step(self):
    optimizer = optimizer_lib.make('adam')
    begun = TASK._replace(init=lambda key, batch: {'w': jnp.ones(D)})
    other = TASK._replace(loss=lambda *args: loss(*args))
    step = step_lib.make_train_step(TASK, optimizer)
    self.assertIs(step_lib.make_train_step(begun, optimizer), step)
    self.assertIsNot(step_lib.make_train_step(other, optimizer), step)
    for name, same in ('adam', True), ('sgd', False):
      made = step_lib.make_train_step(TASK, optimizer_lib.make(name))
      self.assertEqual(made is step, same)

  def test_seeds_share_a_program(self):
    step = step_lib.make_train_step(
      TASK._replace(loss=lambda *args: loss(*args)), optimizer_lib.make('adam')
    )
    scales = set()
    for seed in (0, 1, 2**32 - 1):
      optimizer = optimizer_lib.make('adam')
      state = state_lib.create(TASK, optimizer, batch_of(), 0)
      hparams = hparams_of(0.1 * (seed + 1)) | {'seed': jnp.uint32(seed)}
      scales.add(float(step(state, batch_of(), hparams)[2]['scale'][0]))
    self.assertLen(scales, 3)
    self.assertEqual(step._cache_size(), 1)

  def test_the_state_that_goes_in_is_donated(self):
    train_step, state = make()
    train_step(state, batch_of(), hparams_of())
    self.assertTrue(state.params['w'].is_deleted())


class NotFiniteTest(parameterized.TestCase):
  @parameterized.parameters('nan', 'inf', 'overflow', 'gradient')
  def test_a_bad_batch_changes_neither_params_nor_opt_state(self, kind):
    batch = batch_of(1)
    task = TASK
    if kind == 'gradient':  # The loss is finite, and its gradient is not.

      def rooted(params, *args):
        total, aux = loss(params, *args)
        return total + jnp.sum(jnp.sqrt(0 * params['w'])), aux

      task = TASK._replace(loss=rooted)
    else:
      values = {'nan': np.nan, 'inf': np.inf, 'overflow': 1e30}
      batch.inputs[1, 2, 0] = values[kind]
    train_step, state = make()
    state, *_ = train_step(state, batch_of(), hparams_of())
    if task is not TASK:
      train_step, _ = make(task=task)
    before = host(state)
    for skipped in (1, 2, 3):
      state, _, pairs = train_step(state, batch, hparams_of())
      assert_same(state.params, before.params)
      assert_same(state.opt_state, before.opt_state)
      self.assertEqual(state.skipped_in_row, skipped)
      self.assertEqual(pairs['skipped_in_row'], (skipped, 1))
      self.assertEqual(state.step, 1 + skipped)

  def test_the_next_good_step_counts_from_0_again(self):
    train_step, state = make()
    for batch, skipped in (
      (bad_batch(), 1),
      (bad_batch(), 2),
      (batch_of(), 0),
      (bad_batch(), 1),
    ):
      before = host(state.params['w'])
      state, *_ = train_step(state, batch, hparams_of())
      self.assertEqual(state.skipped_in_row, skipped)
      self.assertEqual((before != state.params['w']).any(), skipped == 0)

  def test_a_row_with_a_bad_carry_begins_anew_and_others_are_kept(self):
    for leaf in ('sum', 'learned'):
      train_step, state = make('sgd')
      bad = host(state.carry)
      bad[leaf][1] = np.nan
      state = state._replace(carry=jax.tree.map(jnp.asarray, bad))
      batch = batch_of()
      expected = host(loss(state.params, bad, batch, None, {})[1].carry)
      state, *_ = train_step(state, batch, hparams_of())
      # The update is good, so the fresh carry is that of the new parameters.
      self.assertEqual(state.skipped_in_row, 0)
      fresh = carry_of(state.params, B)
      for name, found in state.carry.items():
        assert_same(found[1], fresh[name][1])
        assert_same(found[::2], expected[name][::2])

  def test_a_batch_without_weight_moves_nothing_and_is_no_bad_one(self):
    train_step, state = make('sgd')
    before = host(state)
    batch = batch_of()
    batch.weights[:] = 0
    state, weight, pairs = train_step(state, batch, hparams_of(clip_norm=1.0))
    self.assertEqual(weight, 0)
    assert_same(state.params, before.params)
    self.assertEqual((state.skipped_in_row, pairs['grad_norm'][0]), (0, 0))
    self.assertEqual(state.step, 1)


class CreateTest(parameterized.TestCase):
  def test_the_first_state_counts_from_0(self):
    _, state = make(seed=5)
    np.testing.assert_array_equal(
      state.params['w'], jax.random.normal(jax.random.key(5), (D,))
    )
    np.testing.assert_array_equal(state.carry['sum'], np.full((B, 1), 0.5))
    counts = state[0], *state[-3:]
    self.assertEqual(counts, (0, 0, 0, 0))
    self.assertEqual({x.dtype for x in counts}, {jnp.dtype('int32')})

  def test_a_task_without_carried_state_trains(self):
    def stateless(*args):
      total, aux = loss(args[0], carry_of(args[0], B), *args[2:])
      return total, aux._replace(carry=())

    train_step, state = make(
      task=TASK._replace(loss=stateless, carry=lambda params, size: ())
    )
    before = host(state.params['w'])
    state, *_ = train_step(state, batch_of(), hparams_of())
    self.assertEqual(state.carry, ())
    self.assertTrue((before != state.params['w']).all())


class EvalStepTest(parameterized.TestCase):
  def test_it_is_the_loss_without_key_and_numbers(self):
    params, batch = {'w': jnp.array([0.3, -0.7])}, batch_of()
    carry, found = step_lib.make_eval_step(TASK)(
      params, carry_of(params, B), batch
    )
    _, aux = loss(params, carry_of(params, B), batch, None, {})
    for a, b in zip(
      jax.tree.leaves((carry, found)),
      jax.tree.leaves((aux.carry, aux.metrics)),
      strict=True,
    ):
      np.testing.assert_allclose(a, b, rtol=1e-6)
    self.assertEqual(found['scale'][0], 1)

  def test_the_same_loss_has_the_same_step(self):
    step = step_lib.make_eval_step(TASK)
    self.assertIs(step_lib.make_eval_step(TASK._replace(init=None)), step)


class OverflowTest(absltest.TestCase):
  def test_a_finite_gradient_that_moves_a_parameter_too_far_is_skipped(self):
    step, state = make('sgd')
    before = np.array(state.params['w'])
    state, _, metrics = step(state, batch_of(), hparams_of(3e38))
    self.assertTrue(np.isfinite(metrics['grad_norm'][0]))
    np.testing.assert_array_equal(state.params['w'], before)
    self.assertEqual(state.skipped_in_row, 1)


if __name__ == '__main__':
  absltest.main()
