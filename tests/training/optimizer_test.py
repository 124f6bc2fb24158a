"""Optimizers by name, held to optax built by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl.testing import absltest, parameterized

from seqjax import cells, errors
from seqjax.training import optimizer as optimizer_lib

STEPS = 8


def start():
  return {'w': jnp.array([[1.0, -2.0, 3.0]]), 'b': jnp.array([0.5, -0.5])}


def quadratic(params):
  return sum(jnp.sum(jnp.square(x)) for x in jax.tree.leaves(params))


def hparams_of(learning_rate=0.1, **more):
  hparams = {'learning_rate': learning_rate, **more}
  return {name: jnp.float32(x) for name, x in hparams.items()}


slope = jax.grad(quadratic)


def path_of(optimizer, hparams, steps, gradient=slope):
  """The parameters before and after each of some updates."""
  update = jax.jit(optimizer.update)
  params = start()
  state, path = optimizer.init(params), [params]
  for _ in range(steps):
    params, state = update(gradient(params), state, params, hparams)
    path.append(params)
  return path


def moved(path):
  """The distance of each update."""
  differences = [
    jax.tree.map(jnp.subtract, b, a)
    for a, b in zip(path, path[1:], strict=False)
  ]
  return np.array([optax.tree.norm(x) for x in differences])


def ones(params):
  return jax.tree.map(jnp.ones_like, params)


class OptimizersTest(parameterized.TestCase):
  @parameterized.parameters(*optimizer_lib.OPTIMIZERS)
  def test_every_optimizer_lowers_a_quadratic(self, name):
    optimizer = optimizer_lib.make(name)
    path = path_of(optimizer, hparams_of(0.01), 40)
    self.assertLess(quadratic(path[-1]), 0.9 * quadratic(path[0]))

  @parameterized.product(
    name=['adam', 'adamw', 'momentum', 'rmsprop'],
    schedule=['cosine', 'linear'],
  )
  def test_it_is_the_chain_of_optax(self, name, schedule):
    rate = {
      'cosine': optax.cosine_decay_schedule(0.1, STEPS),
      'linear': optax.linear_schedule(0.1, 0.0, STEPS),
    }[schedule]
    plain = optax.chain(
      optax.clip(0.8),
      optax.clip_by_global_norm(1.5),
      optimizer_lib.OPTIMIZERS[name](rate),
    )
    found = path_of(
      optimizer_lib.make(name, schedule, STEPS),
      hparams_of(0.1, clip_value=0.8, clip_norm=1.5),
      STEPS,
    )
    params = start()
    with jax.numpy_dtype_promotion('standard'):
      state = plain.init(params)
      for expected in found:
        for key in params:
          np.testing.assert_allclose(
            expected[key], params[key], rtol=1e-5, atol=1e-6
          )
        grads = jax.grad(quadratic)(params)
        updates, state = plain.update(grads, state, params)
        params = optax.apply_updates(params, updates)

  @parameterized.parameters(
    ('optimizer', 'adma', {'name': 'adma'}, 'adam'),
    ('schedule', 'cosin', {'name': 'sgd', 'schedule': 'cosin'}, 'cosine'),
  )
  def test_an_unknown_name_gets_a_guess(self, what, typed, arguments, guess):
    with self.assertRaisesRegex(
      errors.UserError, f"Unknown {what} '{typed}'. Did you mean '{guess}'?"
    ):
      optimizer_lib.make(**arguments)

  def test_another_number_compiles_nothing(self):
    optimizer, traces = optimizer_lib.make('adam', 'cosine', STEPS), []
    params = start()

    @jax.jit
    def update(state, hparams):
      traces.append(1)
      return optimizer.update(ones(params), state, params, hparams)

    ends = [
      update(optimizer.init(params), hparams_of(rate, clip_norm=clip))[0]
      for rate, clip in ((0.1, 0.0), (0.2, 0.0), (0.2, 1.0))
    ]
    self.assertLen(traces, 1)
    self.assertFalse((ends[0]['b'] == ends[1]['b']).any())


class FrozenTest(absltest.TestCase):
  def test_weight_decay_does_not_reach_what_is_frozen(self):
    params = {'free': jnp.ones(2), 'still': cells.Frozen({'w': jnp.ones(3)})}
    grads = jax.tree.map(jnp.zeros_like, params)
    optimizer = optimizer_lib.make('adamw')
    hparams = {'learning_rate': jnp.float32(0.1)}
    after, _ = optimizer.update(grads, optimizer.init(params), params, hparams)
    np.testing.assert_array_equal(after['still'].value['w'], 1)
    self.assertLess(after['free'].max(), 1)


class SchedulesTest(parameterized.TestCase):
  @parameterized.parameters(*optimizer_lib.SCHEDULES)
  def test_the_factor_begins_at_1(self, schedule):
    path = path_of(
      optimizer_lib.make('sgd', schedule, STEPS), hparams_of(), 1, ones
    )
    np.testing.assert_allclose(moved(path), 0.1 * np.sqrt(5), rtol=1e-5)

  @parameterized.parameters('cosine', 'linear')
  def test_it_falls_to_0_at_the_end_and_stays_there(self, schedule):
    distances = moved(
      path_of(
        optimizer_lib.make('sgd', schedule, STEPS),
        hparams_of(),
        STEPS + 3,
        ones,
      )
    )
    self.assertTrue((np.diff(distances[: STEPS + 1]) < 0).all())
    np.testing.assert_allclose(distances[STEPS:], 0, atol=1e-7)

  def test_constant_does_not_ask_how_many_steps_there_are(self):
    distances = moved(
      path_of(optimizer_lib.make('sgd'), hparams_of(), STEPS, ones)
    )
    np.testing.assert_allclose(distances, distances[0], rtol=1e-5)


class ClipTest(parameterized.TestCase):
  def first_move(self, **clips):
    path = path_of(optimizer_lib.make('sgd'), hparams_of(1.0, **clips), 1)
    return {key: path[0][key] - path[1][key] for key in path[0]}

  def test_the_global_norm_is_clipped_and_the_direction_kept(self):
    free, clipped = self.first_move(), self.first_move(clip_norm=0.5)
    self.assertGreater(optax.tree.norm(free), 0.5)
    np.testing.assert_allclose(optax.tree.norm(clipped), 0.5, rtol=1e-5)
    ratio = 0.5 / optax.tree.norm(free)
    for key in free:
      np.testing.assert_allclose(clipped[key], ratio * free[key], rtol=1e-5)

  def test_a_smaller_gradient_is_left_alone(self):
    free, clipped = self.first_move(), self.first_move(clip_norm=1e3)
    for key in free:
      np.testing.assert_array_equal(clipped[key], free[key])

  @parameterized.parameters('clip_norm', 'clip_value')
  def test_a_clip_of_0_is_no_clip(self, name):
    free, clipped = self.first_move(), self.first_move(**{name: 0.0})
    for key in free:
      np.testing.assert_array_equal(clipped[key], free[key])

  def test_each_value_is_clipped_before_the_norm(self):
    free = self.first_move()
    values = self.first_move(clip_value=1.5)
    for key in free:
      np.testing.assert_allclose(values[key], np.clip(free[key], -1.5, 1.5))
    both = self.first_move(clip_value=1.5, clip_norm=0.5)
    ratio = 0.5 / optax.tree.norm(values)
    for key in free:
      np.testing.assert_allclose(both[key], ratio * values[key], rtol=1e-5)


if __name__ == '__main__':
  absltest.main()
