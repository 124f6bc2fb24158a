"""Densities in float32 against SciPy's and textbook gradients in float64."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from scipy import special, stats

from seqjax import likelihoods


def value_and_grads(density, *arguments):
  """-log density and its gradients by every argument, elementwise, float32."""
  arguments = [jnp.asarray(x, jnp.float32) for x in arguments]
  each = tuple(range(len(arguments)))
  value, grads = jax.vmap(jax.value_and_grad(density, argnums=each))(*arguments)
  return np.asarray(value, np.float64), [
    np.asarray(grad, np.float64) for grad in grads
  ]


def products(*values):
  """Every combination, as float32 would hold it: one array per argument."""
  grid = np.array(list(itertools.product(*values)), np.float32)
  return [np.asarray(column, np.float64) for column in grid.T]


class GaussianTest(absltest.TestCase):
  def test_it_is_scipys(self):
    y, mu, sigma = products((-3, 0.7, 50), (-2, 1.5), (1e-3, 0.4, 20))
    value, (by_y, by_mu, by_sigma) = value_and_grads(
      likelihoods.gaussian, y, mu, sigma
    )
    z = (y - mu) / sigma
    np.testing.assert_allclose(value, -stats.norm.logpdf(y, mu, sigma), 1e-5)
    np.testing.assert_allclose(by_y, z / sigma, 1e-5)
    np.testing.assert_allclose(by_mu, -z / sigma, 1e-5)
    np.testing.assert_allclose(by_sigma, (1 - z**2) / sigma, 1e-5)


class StudentTTest(absltest.TestCase):
  def test_it_is_scipys(self):
    y, mu, sigma, df = products(
      (-3, 0.7, 500), (-2, 1.5), (1e-3, 0.4, 20), (2, 2.7, 9, 12, 80, 1e4)
    )
    value, (by_y, by_mu, by_sigma, by_df) = value_and_grads(
      likelihoods.student_t, y, mu, sigma, df
    )
    z = (y - mu) / sigma
    exact = -stats.t.logpdf(y, df, mu, sigma)
    np.testing.assert_allclose(value, exact, rtol=1e-5, atol=1e-5)
    pull = (df + 1) * z / (df + z**2)
    np.testing.assert_allclose(by_y, pull / sigma, rtol=1e-5)
    np.testing.assert_allclose(by_mu, -pull / sigma, rtol=1e-5)
    np.testing.assert_allclose(by_sigma, (1 - pull * z) / sigma, 1e-4, 1e-5)
    by_gammas = special.digamma((df + 1) / 2) - special.digamma(df / 2)
    exact = np.log1p(z**2 / df) - (df + 1) * z**2 / df / (df + z**2)
    exact = (exact + 1 / df - by_gammas) / 2
    # Against the size of its terms, which cancel: near the normal distribution
    # nothing is left.
    size = np.log1p(z**2 / df) + 1 / df
    self.assertLess(np.max(np.abs(by_df - exact) / size), 1e-5)

  def test_of_many_degrees_it_is_the_normal_distribution(self):
    y, mu, sigma = products((-3, 0.7, 2), (-2, 1.5), (0.4, 20))
    found = likelihoods.student_t(*map(np.float32, (y, mu, sigma)), 1e6)
    exact = -stats.norm.logpdf(y, mu, sigma)
    np.testing.assert_allclose(found, exact, rtol=1e-4)


class NegativeBinomialTest(parameterized.TestCase):
  COUNTS = (0, 1, 2, 7, 300, 5000, 10**6, 10**7)
  MEANS = (1e-6, 0.3, 7, 299, 5e3, 1.01e6)
  DISPERSIONS = (1e-4, 0.01, 0.7, 30, 1e4)

  def test_it_is_scipys(self):
    y, mean, a = products(self.COUNTS, self.MEANS, self.DISPERSIONS)
    value, (_, by_mean, by_a) = value_and_grads(
      likelihoods.negative_binomial, y, mean, a
    )
    r = 1 / a
    exact = -stats.nbinom.logpmf(y, r, r / (r + mean))
    np.testing.assert_allclose(value, exact, rtol=1e-5, atol=1e-5)

    # By the logarithms of mean and dispersion, as a network moves them.
    exact = r * (mean - y) / (r + mean)
    size = r * (mean + y) / (r + mean)
    self.assertLess(np.max(np.abs(mean * by_mean - exact) / size), 1e-5)
    exact = r * (
      special.digamma(y + r)
      - special.digamma(r)
      - np.log1p(mean / r)
      + (mean - y) / (r + mean)
    )
    # Terms of this size cancel where the count is as expected.
    size = 1 + r * np.abs(y - mean) / (r + mean)
    self.assertLess(np.max(np.abs(a * by_a - exact) / size), 1e-3)

  @parameterized.parameters((3.0, 0.4), (40.0, 0.01), (0.2, 5.0))
  def test_its_probabilities_add_up_to_1(self, mean, dispersion):
    counts = np.arange(3000, dtype=np.float32)
    nats = likelihoods.negative_binomial(
      counts, np.float32(mean), np.float32(dispersion)
    )
    self.assertAlmostEqual(
      np.exp(-np.asarray(nats, np.float64)).sum(), 1, places=5
    )

  def test_at_the_mean_the_gradient_by_the_mean_is_zero(self):
    y, a = products((1, 30, 10**6), self.DISPERSIONS)
    _, (_, by_mean, _) = value_and_grads(likelihoods.negative_binomial, y, y, a)
    np.testing.assert_allclose(by_mean, 0, atol=1e-6)


class StirlingTest(absltest.TestCase):
  def test_what_stirlings_formula_leaves_out(self):
    x = np.concatenate([np.linspace(0.01, 12, 1200), [100, 1e7]])
    x = np.asarray(x, np.float32).astype(np.float64)
    exact = special.gammaln(x + 1) - (x + 0.5) * np.log(x) + x
    exact -= np.log(2 * np.pi) / 2
    found = likelihoods._stirling(jnp.asarray(x, jnp.float32))
    # Below 5 float32 rounds terms of up to 10; at 1e7 float64 does.
    near = x < 5
    np.testing.assert_allclose(found[near], exact[near], rtol=0, atol=1e-5)
    np.testing.assert_allclose(found[~near], exact[~near], rtol=0, atol=2e-8)


if __name__ == '__main__':
  absltest.main()
