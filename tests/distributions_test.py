"""Heads against SciPy, with their parameters written out once more here."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from seqjax import distributions, errors

N, K = 4, 3
LEVELS = (0.05, 0.5, 0.9)
NAMES = tuple(sorted(distributions.HEADS))
DRAWN = ('gaussian', 'negative_binomial', 'student_t')


def example(name, seed=0):
  """A head, raw [N, K, P] and base, target and scale [N, K], float32."""
  rng = np.random.default_rng(seed)
  head = distributions.HEADS[name]()
  raw = rng.normal(size=(N, K, head.num_outputs))
  base = rng.normal(size=(N, K)) + 1  # Some below 0, also of counts.
  scale = rng.uniform(5, 50, (N, K))
  target = rng.poisson(scale * 2) / scale
  return head, *(x.astype(np.float32) for x in (raw, base, target, scale))


def softplus(x):
  return np.log1p(np.exp(x))


def frozen(name, raw, base, scale):
  """SciPy's distribution of the value, of the count where it is one."""
  raw, base, scale = (np.asarray(x, np.float64) for x in (raw, base, scale))
  spread = softplus(raw[..., 1]) + 0.001
  if name == 'gaussian':
    return stats.norm(base + raw[..., 0], spread)
  if name == 'student_t':
    return stats.t(2 + softplus(raw[..., 2]), base + raw[..., 0], spread)
  start = np.log(np.expm1(np.maximum(base, 0.1)))
  mean = scale * (softplus(raw[..., 0] + start) + 1e-6)
  size = 1 / (softplus(raw[..., 1]) + 1e-4)
  return stats.nbinom(size, size / (size + mean))


class HeadTest(parameterized.TestCase):
  @parameterized.parameters(*NAMES)
  def test_a_loss_is_a_number_per_target(self, name):
    head, *arrays = example(name)
    loss = jax.jit(head.loss)(*arrays)
    self.assertEqual((loss.shape, loss.dtype), ((N, K), jnp.float32))
    self.assertIs(head, distributions.HEADS[name]())

  @parameterized.parameters(*NAMES)
  def test_neither_value_nor_gradient_is_ever_nan(self, name):
    head = distributions.HEADS[name]()
    raw = (0.0, 1e4, -1e4)
    others = ((-3.0, 0.0, 2.0), (0.0, 1.5, 1e6), (0.01, 300.0))
    grid = itertools.product(*[raw] * head.num_outputs, *others)
    grid = np.array(list(grid), np.float32)
    raw, (base, target, scale) = grid[:, :-3], grid[:, -3:].T

    def total(raw, base):
      losses = head.loss(raw, base, target, scale)
      return jnp.sum(losses), losses

    grads, losses = jax.grad(total, argnums=(0, 1), has_aux=True)(raw, base)
    for found in (losses, *grads):
      self.assertTrue(np.isfinite(found).all(), found)

  @parameterized.parameters(*DRAWN)
  def test_the_loss_is_the_negative_log_density(self, name):
    head, raw, base, target, scale = example(name)
    expected = frozen(name, raw, base, scale)
    if name == 'negative_binomial':
      exact = -expected.logpmf(np.rint(target * scale))
    else:
      exact = -expected.logpdf(target)
    found = head.loss(raw, base, target, scale)
    np.testing.assert_allclose(found, exact, rtol=1e-4, atol=1e-5)
    self.assertEqual(head.unit, 'nats')

  @parameterized.parameters(*DRAWN)
  def test_point_and_quantiles_are_those_of_the_distribution(self, name):
    head, raw, base, _, scale = example(name)
    expected = frozen(name, raw, base, scale)
    unit = scale if name == 'negative_binomial' else 1
    found = head.point(raw, base, scale)
    self.assertEqual(found.dtype, np.float64)
    np.testing.assert_allclose(found * unit, expected.mean(), rtol=1e-6)
    found = head.quantiles(raw, base, scale, LEVELS)
    self.assertEqual((found.shape, found.dtype), ((N, K, 3), np.float64))
    for i, level in enumerate(LEVELS):
      np.testing.assert_allclose(
        found[..., i] * unit, expected.ppf(level), rtol=1e-6, atol=1e-9
      )

  @parameterized.parameters(*DRAWN)
  def test_samples_are_of_the_distribution(self, name):
    head, *arrays = example(name)
    raw, base, _, scale = (x.reshape(N * K, *x.shape[2:]) for x in arrays)
    draws = 4000
    sample = jax.jit(jax.vmap(head.sample, (0, None, None, None)))
    keys = jax.random.split(jax.random.key(3), draws)
    values = sample(keys, raw, base, scale)
    self.assertEqual((values.shape, values.dtype), ((draws, 12), jnp.float32))
    expected = frozen(name, raw, base, scale)
    values = np.asarray(values, np.float64)
    if name == 'negative_binomial':
      values = np.rint(values * scale)
      # Of a discrete distribution, the probability of what lies beneath too.
      low, high = expected.cdf(values - 1), expected.cdf(values)
      ranks = np.random.default_rng(0).uniform(low, high)
    else:
      ranks = expected.cdf(values)
    for column in ranks.T:
      self.assertGreater(stats.kstest(column, 'uniform').pvalue, 1e-4)

  @parameterized.parameters(*NAMES)
  def test_raw_numbers_of_zero_leave_the_base_in_place(self, name):
    head, raw, base, _, scale = example(name)
    base = np.abs(base) + 0.1
    found = head.point(0 * raw, base, scale)
    np.testing.assert_allclose(found, base, rtol=2e-5)

  @parameterized.parameters(*DRAWN)
  def test_the_point_does_not_depend_on_the_scale(self, name):
    head, raw, base, _, scale = example(name)
    found = head.point(raw, base, scale)
    np.testing.assert_allclose(found, head.point(raw, base, 2 * scale))


class PointTest(parameterized.TestCase):
  @parameterized.parameters(
    ('point', 'squared_error', np.square), ('median', 'absolute_error', np.abs)
  )
  def test_it_is_an_error_and_no_distribution(self, name, unit, price):
    head, raw, base, target, scale = example(name)
    self.assertIsNone(head.quantiles)
    self.assertEqual(head.unit, unit)
    exact = price(target - base - raw[..., 0])
    np.testing.assert_allclose(head.loss(raw, base, target, scale), exact, 1e-5)

  @parameterized.parameters('point', 'median')
  def test_every_draw_is_the_point(self, name):
    head, raw, base, _, scale = example(name)
    drawn = head.sample(jax.random.key(0), raw, base, scale)
    np.testing.assert_allclose(drawn, head.point(raw, base, scale), rtol=1e-6)


class QuantilesTest(parameterized.TestCase):
  def test_the_loss_is_the_mean_pinball_loss(self):
    head, raw, base, target, scale = example('quantiles')
    exact = np.zeros((N, K))
    for i, q in enumerate((0.05, 0.5, 0.95)):
      error = target - base - raw[..., i]
      exact += np.where(error > 0, q * error, (q - 1) * error) / 3
    np.testing.assert_allclose(head.loss(raw, base, target, scale), exact, 1e-4)
    self.assertEqual((head.unit, head.sample), ('pinball', None))

  def test_the_least_loss_is_at_the_quantiles(self):
    head = distributions.quantiles(LEVELS)
    target = np.random.default_rng(0).normal(size=1001).astype(np.float32)
    raw = np.broadcast_to(np.quantile(target, LEVELS), (1001, 3))
    zeros = np.zeros(1001, np.float32)

    def loss(raw):
      return head.loss(raw.astype(np.float32), zeros, target, zeros + 1).mean()

    for i in range(3):
      for step in (-0.1, 0.1):
        self.assertGreater(loss(raw + step * np.eye(3)[i]), loss(raw))

  def test_predicted_quantiles_do_not_cross(self):
    head, raw, base, _, scale = example('quantiles')
    self.assertTrue((np.diff(raw) < 0).any())
    found = head.quantiles(raw, base, scale, (0.05, 0.5, 0.95))
    self.assertTrue((np.diff(found) >= 0).all())
    median = base + np.median(raw, axis=-1)
    np.testing.assert_allclose(head.point(raw, base, scale), median, 1e-6)

  def test_some_levels_in_any_order(self):
    head = distributions.quantiles((0.1, 0.5, 0.7, 0.9))
    raw = np.array([[4.0, 2.0, 3.0, 1.0]])
    found = head.quantiles(raw, np.ones(1), np.ones(1), np.array([0.9, 0.1]))
    np.testing.assert_array_equal(found, [[5, 2]])
    np.testing.assert_array_equal(head.point(raw, np.ones(1), np.ones(1)), [3])

  def test_a_level_that_was_not_trained_is_refused(self):
    head, raw, base, _, scale = example('quantiles')
    with self.assertRaisesRegex(
      errors.UserError, r'quantiles \[0.25\] were not .* \[0.05, 0.5, 0.95\]'
    ):
      head.quantiles(raw, base, scale, (0.05, 0.25))

  @parameterized.parameters(
    ((0.1, 0.9),),
    ((0.5, 0.1),),
    ((0.5, 0.5),),
    ((0.0, 0.5),),
    ((0.5, 1.0),),
    ((),),
  )
  def test_levels_that_are_none_are_refused(self, levels):
    with self.assertRaisesRegex(errors.UserError, 'Expected ascending levels'):
      distributions.quantiles(levels)


class NegativeBinomialTest(absltest.TestCase):
  def test_quantiles_are_counts_over_the_scale(self):
    head, raw, base, _, scale = example('negative_binomial')
    found = head.quantiles(raw, base, scale, LEVELS) * scale[..., None]
    np.testing.assert_allclose(found, np.rint(found), atol=1e-5)
    self.assertTrue((found >= 0).all())

  def test_samples_of_the_largest_means_are_counts(self):
    head = distributions.negative_binomial()
    raw = np.full((20, 2), 1e4, np.float32)
    raw[:, 1] = 0
    ones = np.ones(20, np.float32)
    found = head.sample(jax.random.key(0), raw, ones, 1e6 * ones) * 1e6
    # Short of the largest int32.
    self.assertTrue(((0 <= found) & (found < 2e9)).all(), found)


if __name__ == '__main__':
  absltest.main()
