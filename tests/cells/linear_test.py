"""What is particular to the linear recurrences."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, errors
from seqjax.cells import linear

D = 3
X_T = jnp.ones(D)
PAIRS = [cells.Complex(jnp.float32(1), jnp.float32(-2)), jnp.float32(3)]


def begin(cell, size, x_t=X_T, **numbers):
  """Its params, made by one compiled program."""
  init = lambda key: cell.init(key, x_t, size, **numbers)
  return jax.jit(init)(jax.random.key(0))


class LinearTest(absltest.TestCase):
  def test_pairs_multiply_as_complex_numbers(self):
    other = [cells.Complex(jnp.float32(0.5), jnp.float32(4)), jnp.float32(2)]
    (re, im), real = linear.times(PAIRS, other)
    self.assertEqual(complex(re, im), (1 - 2j) * (0.5 + 4j))
    self.assertEqual(real, 6)

  def test_a_conjugate_turns_imaginary_parts_alone(self):
    (re, im), real = linear.conjugate(PAIRS)
    self.assertEqual((re, im, real), (1, 2, 3))

  def test_one_leaves_a_carry_as_it_is(self):
    self.assertEqual(linear.times(linear.ones_like(PAIRS), PAIRS), PAIRS)


class LRUTest(parameterized.TestCase):
  def eigenvalues(self, **options):
    """The logarithms of nu, theta, gamma; radius and phase of eigenvalues."""

    def logarithms(key):
      params = cells.lru().init(key, X_T, 4096, **options)
      # The matrices are large: what is not put out is not made.
      return params.nu_log, params.theta_log, params.gamma_log

    logs = jax.jit(logarithms)(jax.random.key(0))
    radius = np.exp(-np.exp(np.float64(logs[0])))
    return logs, radius, np.exp(np.float64(logs[1]))

  def test_eigenvalues_fill_the_ring_evenly(self):
    logs, radius, phase = self.eigenvalues(r_min=0.5, r_max=0.9, max_phase=2)
    self.assertBetween(radius.min(), 0.5, 0.501)
    self.assertBetween(radius.max(), 0.899, 0.9001)
    # Even over the area: the square of the radius is uniform.
    self.assertBetween((radius**2).mean(), 0.525, 0.535)
    self.assertBetween(phase.max(), 1.99, 2)
    self.assertBetween(phase.mean(), 0.97, 1.03)
    gamma = np.exp(np.float64(logs[2]))
    np.testing.assert_allclose(gamma**2 + radius**2, 1, 1e-5)

  @parameterized.parameters((0.0, 0.0), (1.0, 1.0), (0.0, 1.0))
  def test_every_logarithm_is_finite(self, r_min, r_max):
    logs, radius, _ = self.eigenvalues(r_min=r_min, r_max=r_max)
    for p in logs:
      self.assertTrue(np.isfinite(p).all())
    self.assertLess(radius.max(), 1)

  def test_white_noise_comes_to_a_state_of_variance_one(self):
    cell = cells.lru()
    params = begin(cell, 64, jnp.ones(64), r_min=0.5, r_max=0.9)
    xs = jax.random.normal(jax.random.key(1), (2000, 64))
    us = jax.vmap(cell.project, in_axes=(None, 0))(params, xs)
    step = lambda carry, u_t: (cell.update(params, carry, u_t)[0],) * 2
    carry = cell.carry(params, xs[0])
    _, hs = jax.lax.scan(step, carry, us)
    variance = sum(np.var(np.asarray(part)[100:]) for part in (hs.re, hs.im))
    self.assertBetween(variance, 0.95, 1.05)

  def test_mistakes_are_sentences(self):
    for options in ({'r_min': -0.1}, {'r_max': 1.1}, {'r_min': 2, 'r_max': 1}):
      with self.assertRaisesRegex(errors.UserError, '0 <= r_min <= r_max <= 1'):
        cells.lru().init(jax.random.key(0), X_T, 4, **options)
    with self.assertRaisesRegex(errors.UserError, 'max_phase is 0'):
      cells.lru().init(jax.random.key(0), X_T, 4, max_phase=0)


class MinimalTest(absltest.TestCase):
  def test_the_positive_candidate_keeps_the_state_positive(self):
    cell = cells.min_gru(candidate='positive')
    params = begin(cell, 4)
    a_t, b_t = cell.linear(params, cell.project(params, -100 * X_T))
    self.assertTrue((a_t.h >= 0).all() and (b_t.h >= 0).all())
    g = lambda x: cell.project(
      cells.MinimalParams(jnp.zeros((D, 2)), jnp.array([100.0, x])), X_T
    )[1].h.item()
    for x, y in ((-1e-6, 0.5), (0.0, 0.5), (2.0, 2.5), (-2.0, 0.119203)):
      self.assertAlmostEqual(g(x), y, places=5)

  def test_gates_that_are_both_shut_share_the_step(self):
    cell = cells.min_lstm()
    bias = lambda i, f: jnp.array([i, f, 8.0])
    coefficients = lambda *gates: [
      c.h.item()
      for c in cell.project(
        cells.MinimalParams(jnp.zeros((D, 3)), bias(*gates)), X_T
      )
    ]
    self.assertEqual(coefficients(-200.0, -200.0), [0.5, 4])
    self.assertEqual(coefficients(-200.0, 0.0), [1, 0])
    grad = jax.grad(
      lambda b: cell.project(cells.MinimalParams(jnp.zeros((D, 3)), b), X_T)[
        1
      ].h.sum()
    )(bias(-200.0, -200.0))
    np.testing.assert_allclose(grad, [2, -2, 0.5], 1e-6)

  def test_forget_bias_stands_in_the_parameters(self):
    b = begin(cells.min_lstm(), 2, forget_bias=3.0).b
    np.testing.assert_array_equal(b, [0, 0, 3, 3, 0, 0])

  def test_an_unknown_candidate_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'positive'"):
      cells.min_gru(candidate='positve')


class RGLRUTest(absltest.TestCase):
  def test_an_open_gate_keeps_between_r_min_and_r_max(self):
    init = lambda key: cells.rg_lru().init(key, X_T, 512, r_min=0.5, r_max=0.8)
    decay = jax.jit(lambda key: init(key).decay)(jax.random.key(0))
    a = np.exp(-8 * np.log1p(np.exp(np.float64(decay))))
    self.assertBetween(a.min(), 0.4999, 0.51)
    self.assertBetween(a.max(), 0.79, 0.8001)
    self.assertBetween(a.mean(), 0.63, 0.67)

  def test_gradients_stay_finite_as_everything_is_kept(self):
    cell = cells.rg_lru()
    params = begin(cell, 4)

    @jax.jit
    def of(decay, bias):
      p = params._replace(
        decay=jnp.full(4, decay), b=jnp.full(8, bias).at[4:].set(0)
      )
      score = lambda p, x: sum(c.h.sum() for c in cell.project(p, x))
      return cell.project(p, X_T)[0].h, jax.grad(score, (0, 1))(p, X_T)

    # From a_t just below 1 to a_t equal to 1, by the decay and by the gate.
    for decay, bias in ((-15.0, 0.0), (-90.0, 0.0), (-200.0, 0.0), (0.0, -200)):
      a, grads = of(decay, float(bias))
      self.assertTrue((a > 0.999).all())
      for g in jax.tree.leaves(grads):
        self.assertTrue(np.isfinite(g).all())
    self.assertTrue((a == 1).all())

  def test_the_root_is_exact_where_little_is_let_in(self):
    cell = cells.rg_lru()
    params = begin(cell, 1)
    params = params._replace(decay=jnp.full(1, -20.0))
    single = cell.project(params, X_T)[1].h
    with jax.enable_x64(True):
      double = cell.project(
        *jax.tree.map(lambda p: p.astype(jnp.float64), (params, X_T))
      )[1].h
    np.testing.assert_allclose(single, double, 1e-5)

  def test_heads_do_not_see_each_other(self):
    cell = cells.rg_lru(heads=2)
    params = begin(cell, 4)
    params = params._replace(w_x=jnp.eye(D, 4))
    gate = lambda x: cell.project(params, x)[0].h
    reach = np.abs(
      jax.jit(jax.jacobian(gate))(X_T)
    )  # [H, D]; the fourth x' is zero.
    self.assertTrue((reach[:2, :2] > 0).all() and (reach[2:, 2] > 0).all())
    np.testing.assert_array_equal(reach[:2, 2], 0)
    np.testing.assert_array_equal(reach[2:, :2], 0)

  def test_mistakes_are_sentences(self):
    for options in ({'r_min': 0.0}, {'r_max': 1.0}, {'r_min': 0.9999}):
      with self.assertRaisesRegex(errors.UserError, '0 < r_min <= r_max < 1'):
        cells.rg_lru().init(jax.random.key(0), X_T, 4, **options)
    with self.assertRaisesRegex(errors.UserError, 'heads is 3'):
      cells.rg_lru(heads=3).init(jax.random.key(0), X_T, 4)


if __name__ == '__main__':
  absltest.main()
