"""MUT, IndRNN, Grid LSTM, echo states: what the contract does not say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from examples import draw, mostly_slow

from seqjax import cells, errors, recurrence

T, B, D, H = 6, 2, 3, 4
X_T = jnp.ones(D)


class MUTTest(parameterized.TestCase):
  @parameterized.parameters((1, 2), (2, 0))
  def test_an_identity_in_w_x_is_the_bare_input_of_the_paper(self, form, part):
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    cell, x_t = cells.mut(form), draw((H,), 0)
    params = cell.init(jax.random.key(0), x_t, H)
    # The part with the bare input alone: no bias, and nothing of the state.
    w_x = np.zeros((H, 3, H))
    w_x[:, part] = np.eye(H)
    params = params._replace(w_x=jnp.asarray(w_x.reshape(H, -1), jnp.float32))
    carry = cells.HiddenCarry(draw((H,), 1) if form == 2 else jnp.zeros(H))
    carry_t, _ = cells.step(cell, params, carry, cell.project(params, x_t))
    h, x = np.float64(carry.h), np.float64(x_t)
    if form == 1:
      expected = 0.5 * np.tanh(np.tanh(x))
    else:
      w_r, w_z, w_n = np.split(np.float64(params.w_h), 3, axis=1)
      r, z = sigmoid(x + h @ w_r), sigmoid(h @ w_z)
      expected = z * np.tanh((r * h) @ w_n) + (1 - z) * h
    np.testing.assert_allclose(carry_t.h, expected, 1e-5)

  def test_another_form_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, 'form is 4'):
      cells.mut(4)


class IndRNNTest(absltest.TestCase):
  def test_units_do_not_see_each_other(self):
    cell = cells.ind_rnn(jnp.tanh)
    params = cell.init(jax.random.key(0), X_T, H)
    step = lambda h: cells.step(
      cell, params, cells.HiddenCarry(h), cell.project(params, X_T)
    )[1]
    reach = np.asarray(jax.jacobian(step)(draw((H,), 0)))
    self.assertTrue((np.diag(reach) > 0).all())
    np.testing.assert_array_equal(reach - np.diag(np.diag(reach)), 0)

  def test_u_is_bounded_by_the_length_of_a_sequence(self):
    u = lambda **options: (
      cells.ind_rnn().init(jax.random.key(0), X_T, 512, **options).u
    )
    for options, bound in (({}, 1), ({'max_steps': 4}, 2**0.25)):
      self.assertBetween(u(**options).min(), 0, 0.02)
      self.assertBetween(u(**options).max(), 0.98 * bound, bound)
    with self.assertRaisesRegex(errors.UserError, 'max_steps is -1'):
      u(max_steps=-1)


class GridLSTMTest(absltest.TestCase):
  def test_tied_is_every_block_the_same(self):
    tied, free = cells.grid_lstm(3, tied=True), cells.grid_lstm(3)
    xs = draw((T, B, D), 0)
    params = jax.jit(tied.init, static_argnums=2)(
      jax.random.key(0), xs[0, 0], H
    )
    copied = params._replace(
      w_h=jnp.tile(params.w_h, (3, 1, 1)),
      w_d=jnp.tile(params.w_d, (3, 1, 1)),
      b=jnp.tile(params.b, 3),
    )
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, 1e-6),
      recurrence.unroll(tied, params, xs),
      recurrence.unroll(free, copied, xs),
    )

  @pytest.mark.slow
  def test_blocks_and_gates_are_drawn_apart(self):
    init = cells.grid_lstm(3).init
    params = jax.jit(lambda key: init(key, X_T, 16, forget_bias=1.5))(
      jax.random.key(0)
    )
    gates = np.asarray(params.w_h).reshape(3, 16, 8, 16).swapaxes(1, 2)
    gates = gates.reshape(-1, 16, 16)
    for k, w in enumerate(gates):
      np.testing.assert_allclose(w.T @ w, np.eye(16), atol=1e-5)
      for other in gates[:k]:
        self.assertGreater(np.abs(w - other).max(), 0.1)
    b = np.asarray(params.b).reshape(3, 2, 4, 16)
    np.testing.assert_array_equal(b[:, :, 1], 1.5)
    np.testing.assert_array_equal(b[:, :, [0, 2, 3]], 0)

  def test_a_depth_of_none_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, 'depth is 0'):
      cells.grid_lstm(0)


@pytest.mark.parametrize(
  'size, density, radius',
  mostly_slow([(10, 0.1, 1.3)], (1, 2, 10, 200), (1.0, 0.1), (0.9, 1.3)),
)
def test_the_spectral_radius_is_the_one_asked_for(size, density, radius):
  if size * density < 1:
    pytest.skip('So small and sparse a matrix may have no eigenvalue.')
  init = jax.jit(
    lambda key: cells.echo_state().init(
      key, X_T, size, spectral_radius=radius, density=density
    )
  )
  for seed in range(3):
    w_h = init(jax.random.key(seed)).value.w_h
    found = np.abs(np.linalg.eigvals(np.float64(w_h))).max()
    np.testing.assert_allclose(found, radius, 1e-4)


class EchoStateTest(parameterized.TestCase):
  def test_density_is_a_share_of_the_entries(self):
    params = cells.echo_state().init(jax.random.key(0), X_T, 200, density=0.1)
    w_h = params.value.w_h
    self.assertBetween((np.asarray(w_h) != 0).mean(), 0.09, 0.11)

  def test_a_matrix_without_an_eigenvalue_stays_finite(self):
    params = cells.echo_state().init(jax.random.key(0), X_T, 5, density=1e-6)
    np.testing.assert_array_equal(params.value.w_h, 0)

  def test_scales_of_input_and_leak(self):
    params = (
      cells.echo_state()
      .init(jax.random.key(0), X_T, 512, input_scale=0.5, leak=0.3)
      .value
    )
    for p in (params.w_x, params.b):
      self.assertBetween(np.abs(p).max(), 0.49, 0.5)
      self.assertBetween(np.mean(p), -0.05, 0.05)
    np.testing.assert_array_equal(params.leak, np.float32(0.3))

  @parameterized.parameters('scan', 'fused')
  def test_nothing_is_trained_and_gradients_pass(self, engine):
    cell, xs = cells.echo_state(), draw((T, B, D), 0)
    params = cell.init(jax.random.key(0), xs[0, 0], H, leak=0.5)

    def loss(params, xs):
      ys = recurrence.unroll(cell, params, xs, engine=engine).outputs
      return jnp.sum(ys**2)

    of_params, of_xs = jax.jit(jax.grad(loss, (0, 1)))(params, xs)
    jax.tree.map(lambda g: np.testing.assert_array_equal(g, 0), of_params)
    self.assertTrue((np.abs(of_xs) > 0).all())

  def test_below_one_the_beginning_is_forgotten(self):
    # Little input, which could make any reservoir forget.
    cell, xs = cells.echo_state(), 0.01 * draw((300, 1, D), 0)

    def distance(radius):
      init = lambda key: cell.init(key, xs[0, 0], 50, spectral_radius=radius)
      params = jax.jit(init)(jax.random.key(0))
      params = cells.Frozen(params.value._replace(b=0 * params.value.b))
      begin = lambda seed: cells.HiddenCarry(draw((1, 50), seed))
      a, b = (
        recurrence.unroll(cell, params, xs, begin(seed)).carry.h
        for seed in (1, 2)
      )
      return np.abs(a - b).max()

    self.assertLess(distance(0.8), 1e-6)
    self.assertGreater(distance(1.5), 0.1)

  def test_mistakes_are_sentences(self):
    for name in ('leak', 'density'):
      for value in (0, 1.1):
        with self.assertRaisesRegex(errors.UserError, f'{name} is {value}'):
          cells.echo_state().init(jax.random.key(0), X_T, H, **{name: value})


if __name__ == '__main__':
  absltest.main()
