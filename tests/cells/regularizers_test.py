import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, errors, recurrence
from seqjax.cells import regularizers


def lstm_params(hidden_size=64):
  x_t = jax.ShapeDtypeStruct((48,), jnp.float32)
  return cells.lstm().init(jax.random.key(0), x_t, hidden_size)


class RatesTest(parameterized.TestCase):
  def test_zero_is_off_unless_it_is_traced(self):
    self.assertTrue(regularizers.is_off(0))
    self.assertTrue(regularizers.is_off(0.0))
    self.assertFalse(regularizers.is_off(0.1))
    self.assertFalse(regularizers.is_off(jnp.float32(0)))

  @parameterized.parameters(
    ('state_dropout_rate', 1.0, 'below 1'),
    ('weight_dropout_rate', -0.1, 'at least 0'),
    ('zoneout_h_rate', 1.1, 'at most 1'),
    ('zoneout_c_rate', float('nan'), 'at most 1'),
    ('weight_noise', -1, 'at least 0'),
    ('weight_noise', float('inf'), 'at least 0'),
  )
  def test_what_is_out_of_range_is_a_sentence(self, name, rate, words):
    with self.assertRaisesRegex(errors.UserError, f'{name} is .*{words}'):
      regularizers.check(**{name: rate})
    with self.assertRaisesRegex(errors.UserError, name):
      regularizers.check(**{name: np.float32(rate)})

  def test_the_ends_of_the_ranges_pass(self):
    regularizers.check(zoneout_h_rate=1, weight_noise=3.0)
    jax.jit(lambda rate: regularizers.check(state_dropout_rate=rate))(2.0)

  def test_coins_fall_as_often_as_the_rate_says(self):
    fall = jax.jit(
      lambda seed, rate: regularizers.coins(
        jax.random.key(seed), rate, (1000, 1001)
      ).mean()
    )
    for seed, rate in enumerate((0.0, 0.003, 0.1, 0.5, 0.997, 1.0)):
      spread = (rate * (1 - rate) / 1001000) ** 0.5
      np.testing.assert_allclose(fall(seed, rate), rate, 0, 4 * spread + 1e-7)


class WeightsTest(parameterized.TestCase):
  def test_drop_connect_drops_entries_of_the_recurrent_matrix_alone(self):
    params = lstm_params()
    dropped = regularizers.drop_connect(jax.random.key(1), params, 0.3)
    np.testing.assert_array_equal(dropped.w_x, params.w_x)
    np.testing.assert_array_equal(dropped.b, params.b)
    gone = np.asarray(dropped.w_h) == 0
    self.assertBetween(gone.mean(), 0.29, 0.31)
    np.testing.assert_allclose(
      dropped.w_h[~gone], params.w_h[~gone] / 0.7, rtol=1e-6
    )

  def test_the_gradient_of_a_dropped_weight_is_zero_and_no_other(self):
    params, xs = (
      lstm_params(8),
      jax.random.normal(jax.random.key(2), (5, 3, 48)),
    )

    @jax.jit
    @jax.grad
    def gradient(params):
      dropped = regularizers.drop_connect(jax.random.key(1), params, 0.5)
      return recurrence.unroll(cells.lstm(), dropped, xs).outputs.sum()

    gone = regularizers.drop_connect(jax.random.key(1), params, 0.5).w_h == 0
    grads = np.asarray(gradient(params).w_h)
    np.testing.assert_array_equal(grads[gone], 0)
    self.assertTrue((grads[~gone] != 0).all())

  def test_weight_noise_is_added_to_every_matrix(self):
    params = lstm_params()
    noised = regularizers.weight_noise(jax.random.key(1), params, 0.1)
    np.testing.assert_array_equal(noised.b, params.b)
    added = [noised.w_x - params.w_x, noised.w_h - params.w_h]
    for noise in added:
      self.assertBetween(noise.std(), 0.098, 0.102)
      self.assertBetween(noise.mean(), -0.003, 0.003)
    self.assertGreater(np.abs(added[0] - added[1][:48]).max(), 0.1)

  def test_nested_parameters_are_reached(self):
    nested = {'cell': lstm_params(4), 'readout': jnp.ones((4, 2))}
    noised = regularizers.weight_noise(jax.random.key(1), nested, 0.1)
    self.assertTrue((noised['cell'].w_h != nested['cell'].w_h).all())
    np.testing.assert_array_equal(noised['readout'], 1)

  @parameterized.parameters(
    regularizers.drop_connect, regularizers.weight_noise
  )
  def test_evaluation_and_zero_change_nothing(self, disturb):
    params, key = lstm_params(4), jax.random.key(0)
    self.assertIs(disturb(key, params, 0.0), params)
    for result in (
      disturb(None, params, 0.5),
      jax.jit(disturb)(key, params, 0.0),
    ):
      jax.tree.map(np.testing.assert_array_equal, result, params)

  @parameterized.parameters(
    regularizers.drop_connect, regularizers.weight_noise
  )
  def test_the_key_decides(self, disturb):
    params = lstm_params(8)
    a, again, b = (disturb(jax.random.key(k), params, 0.5) for k in (0, 0, 1))
    np.testing.assert_array_equal(a.w_h, again.w_h)
    self.assertTrue((a.w_h != b.w_h).any())

  def test_a_cell_without_recurrent_matrices_is_refused_in_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'matrices named w_h'):
      # In evaluation too: nobody should have to train to hear of it.
      regularizers.drop_connect(None, {'w_x': jnp.ones((2, 2))}, 0.5)


if __name__ == '__main__':
  absltest.main()
