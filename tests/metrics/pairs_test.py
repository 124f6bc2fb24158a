"""Sums and weights: added as often as one likes, divided once."""

import math

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import metrics

T, B, V = 4, 3, 5


class LikelihoodTest(absltest.TestCase):
  def test_bits_are_nats_over_log_2(self):
    found = metrics.divide(
      metrics.likelihood(jnp.float32(6 * math.log(8)), jnp.float32(6), 'char')
    )
    self.assertSameElements(found, ['nats_per_char', 'bits_per_char'])
    self.assertAlmostEqual(found['nats_per_char'], math.log(8), places=6)
    self.assertAlmostEqual(found['bits_per_char'], 3, places=6)

  def test_the_unit_stands_in_the_name(self):
    self.assertSameElements(
      metrics.likelihood(1.0, 1.0, 'token'),
      ['nats_per_token', 'bits_per_token'],
    )


class AccuracyTest(absltest.TestCase):
  def test_it_is_the_weighted_share_of_hits(self):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(T, B, V)).astype(np.float32)
    targets = rng.integers(0, V, (T, B), np.int32)
    targets[:2] = logits[:2].argmax(axis=-1)  # So that there are hits.
    weights = rng.integers(0, 3, (T, B)).astype(np.float32)
    hits = sum(
      weights[i] for i in np.ndindex(T, B) if logits[i].argmax() == targets[i]
    )
    self.assertTrue(0 < hits < weights.sum())
    found = metrics.accuracy(logits, targets, weights)
    self.assertEqual(tuple(map(float, found)), (hits, weights.sum()))


class SumsTest(parameterized.TestCase):
  def test_batches_of_different_weight_count_by_their_weight(self):
    one = {'valid': (jnp.float32(2), jnp.float32(1))}
    two = {'valid': (jnp.float32(3), jnp.float32(9))}
    total = metrics.add(metrics.add(None, one), two)
    # The mean of the means would be (2 + 1/3) / 2.
    self.assertEqual(metrics.divide(total), {'valid': 0.5})

  def test_each_metric_keeps_its_own_weight(self):
    pairs = {'a': (jnp.float32(1), jnp.float32(2)), 'b': (6.0, 3.0)}
    self.assertEqual(metrics.divide(pairs), {'a': 0.5, 'b': 2.0})

  @parameterized.parameters(0.0, 3.0)
  def test_nothing_counted_is_nan_and_no_warning(self, total):
    found = metrics.divide({'a': (jnp.float32(total), jnp.float32(0))})
    self.assertTrue(math.isnan(found['a']))

  def test_what_comes_out_are_python_floats(self):
    found = metrics.divide({'a': (jnp.float32(1), jnp.float32(4))})
    self.assertIs(type(found['a']), float)

  @parameterized.parameters(math.nan, math.inf)
  def test_a_sum_that_is_not_finite_shows(self, total):
    found = metrics.divide({'a': (jnp.float32(total), jnp.float32(4))})
    np.testing.assert_equal(found['a'], total)


if __name__ == '__main__':
  absltest.main()
