"""Losses against a slow float64 sum, and what a weight of zero must hide."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import losses

T, B, V = 5, 3, 7


def example(seed=0, offset=0.0):
  """logits [T, B, V], targets [T, B] and weights [T, B], some of them 0."""
  rng = np.random.default_rng(seed)
  logits = (3 * rng.normal(size=(T, B, V)) + offset).astype(np.float32)
  targets = rng.integers(0, V, (T, B), np.int32)
  weights = rng.uniform(0.5, 2, (T, B)).astype(np.float32)
  weights[rng.random((T, B)) < 0.3] = 0
  return logits, targets, weights


def oracle(logits, targets, weights):
  """The weighted sum of -log softmax at the target, one step after another."""
  total = 0.0
  for index in np.ndindex(targets.shape):
    z = logits[index].astype(np.float64)
    p = np.exp(z - z.max())
    total -= weights[index] * np.log(p[targets[index]] / p.sum())
  return total


class CrossEntropyTest(parameterized.TestCase):
  @parameterized.parameters(0, 1000, -1000)
  def test_it_equals_the_float64_sum_at_any_offset(self, offset):
    logits, targets, weights = example(offset=offset)
    nats, weight = losses.cross_entropy(logits, targets, weights)
    # float32 logits near 1000 have a spacing of 6e-5.
    np.testing.assert_allclose(
      nats, oracle(logits, targets, weights), rtol=1e-5 if not offset else 1e-4
    )
    np.testing.assert_allclose(weight, weights.sum(), rtol=1e-6)

  def test_its_gradient_is_the_weighted_error_of_the_softmax(self):
    logits, targets, weights = example()
    found = jax.grad(lambda z: losses.cross_entropy(z, targets, weights)[0])(
      logits
    )
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=-1, keepdims=True)
    expected = weights[..., None] * (p - np.eye(V)[targets])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)

  def test_masked_equals_subset(self):
    logits, targets, weights = example()
    counted = weights > 0
    self.assertTrue(0 < counted.sum() < counted.size)

    def nats(logits, targets, weights):
      return losses.cross_entropy(logits, targets, weights)[0]

    masked, grads = jax.value_and_grad(nats)(logits, targets, weights)
    subset, subset_grads = jax.value_and_grad(nats)(
      logits[counted], targets[counted], weights[counted]
    )
    np.testing.assert_allclose(masked, subset, rtol=1e-6)
    np.testing.assert_array_equal(grads[counted], subset_grads)
    np.testing.assert_array_equal(grads[~counted], 0)

  @parameterized.parameters(np.nan, np.inf, -np.inf, 1e30)
  def test_garbage_without_weight_reaches_neither_value_nor_gradient(
    self, garbage
  ):
    logits, targets, weights = example()
    dirty = np.where(weights[..., None] > 0, logits, np.float32(garbage))

    @jax.value_and_grad
    def nats(logits):
      return losses.cross_entropy(logits, targets, weights)[0]

    for found, expected in zip(nats(dirty), nats(logits), strict=True):
      np.testing.assert_array_equal(found, expected)

  def test_a_counted_nan_is_not_hidden(self):
    logits, targets, weights = example()
    logits[tuple(np.argwhere(weights > 0)[0])] = np.nan
    self.assertTrue(np.isnan(losses.cross_entropy(logits, targets, weights)[0]))

  @parameterized.parameters(0, 1)
  def test_two_half_batches_add_to_the_whole(self, axis):
    arrays = example()
    halves = zip(*(np.array_split(x, 2, axis) for x in arrays), strict=True)
    sums = [losses.cross_entropy(*half) for half in halves]
    self.assertNotEqual(*(float(weight) for _, weight in sums))
    np.testing.assert_allclose(
      np.sum(sums, axis=0), losses.cross_entropy(*arrays), rtol=1e-6
    )

  def test_uniform_logits_give_log_v(self):
    _, targets, weights = example()
    nats, weight = losses.cross_entropy(
      jnp.full((T, B, V), 2.5), targets, weights
    )
    np.testing.assert_allclose(nats / weight, np.log(V), rtol=1e-6)

  def test_no_weight_at_all_is_zero_and_has_no_gradient(self):
    logits, targets, weights = example()
    (nats, weight), grads = jax.value_and_grad(
      lambda z: losses.cross_entropy(z, targets, 0 * weights), has_aux=True
    )(logits)
    self.assertEqual((nats, weight), (0, 0))
    np.testing.assert_array_equal(grads, 0)


class CrossEntropyOfUniformTest(parameterized.TestCase):
  @parameterized.parameters(0, 1000, -1000)
  def test_it_is_the_mean_over_all_targets(self, offset):
    logits, targets, weights = example(offset=offset)
    found = losses.cross_entropy_of_uniform(logits, weights)
    num_targets = logits.shape[-1]
    every = [
      oracle(logits, np.full_like(targets, target), weights)
      for target in range(num_targets)
    ]
    rtol = 1e-5 if not offset else 1e-4
    np.testing.assert_allclose(found[0], np.mean(every), rtol=rtol)
    np.testing.assert_allclose(found[1], weights.sum(), rtol=1e-6)

  def test_garbage_without_weight_reaches_neither_value_nor_gradient(self):
    logits, _, weights = example()
    dirty = np.where(weights[..., None] > 0, logits, np.float32(np.nan))

    @jax.value_and_grad
    def nats(logits):
      return losses.cross_entropy_of_uniform(logits, weights)[0]

    for found, expected in zip(nats(dirty), nats(logits), strict=True):
      np.testing.assert_array_equal(found, expected)


class BinaryCrossEntropyTest(parameterized.TestCase):
  def example(self):
    """As `example`, with targets [T, B, V] of 0 and 1."""
    logits, _, weights = example()
    targets = np.random.default_rng(1).integers(0, 2, (T, B, V), np.uint8)
    return logits, targets, weights

  @parameterized.parameters(1, 300)
  def test_it_equals_the_float64_sum_at_any_size(self, scale):
    logits, targets, weights = self.example()
    logits = scale * logits
    z = logits.astype(np.float64) * np.where(targets, -1, 1)
    # log(1 + e^z) without an overflow.
    expected = np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))
    nats, weight = losses.binary_cross_entropy(logits, targets, weights)
    np.testing.assert_allclose(
      nats, (weights[..., None] * expected).sum(), rtol=1e-5
    )
    np.testing.assert_allclose(weight, weights.sum(), rtol=1e-6)

  def test_its_gradient_is_the_weighted_error_of_the_sigmoid(self):
    logits, targets, weights = self.example()
    found = jax.grad(
      lambda z: losses.binary_cross_entropy(z, targets, weights)[0]
    )(logits)
    p = 1 / (1 + np.exp(-logits.astype(np.float64)))
    np.testing.assert_allclose(
      found, weights[..., None] * (p - targets), rtol=1e-4, atol=1e-6
    )

  @parameterized.parameters(np.nan, np.inf, 1e30)
  def test_garbage_without_weight_reaches_neither_value_nor_gradient(
    self, garbage
  ):
    logits, targets, weights = self.example()
    dirty = np.where(weights[..., None] > 0, logits, np.float32(garbage))
    nats = jax.value_and_grad(
      lambda z: losses.binary_cross_entropy(z, targets, weights)[0]
    )
    for found, expected in zip(nats(dirty), nats(logits), strict=True):
      np.testing.assert_array_equal(found, expected)


def hidden(seed=0):
  """Outputs [T, B, V], weights with zeros, and resets."""
  hs, _, weights = example(seed)
  return hs, weights, np.random.default_rng(9).random((T, B)) < 0.3


class ActivationTest(parameterized.TestCase):
  def test_ar_is_the_mean_square_of_the_units(self):
    hs, weights, _ = hidden()
    total, weight = losses.activation(hs, weights)
    exact = sum(
      weights[at] * (hs[at].astype(np.float64) ** 2).mean()
      for at in np.ndindex(T, B)
    )
    np.testing.assert_allclose(total, exact, rtol=1e-5)
    np.testing.assert_allclose(weight, weights.sum(), rtol=1e-6)

  def test_tar_is_that_of_the_change_within_a_document(self):
    hs, weights, resets = hidden()
    exact = count = skipped = 0
    for t, b in np.ndindex(T, B):
      if t and weights[t, b] and weights[t - 1, b] and not resets[t, b]:
        change = hs[t, b].astype(np.float64) - hs[t - 1, b]
        exact += weights[t, b] * (change**2).mean()
        count += weights[t, b]
      elif weights[t, b]:
        skipped += 1
    self.assertGreater(skipped, B)
    total, weight = losses.temporal_activation(hs, weights, resets)
    np.testing.assert_allclose(total, exact, rtol=1e-5)
    np.testing.assert_allclose(weight, count, rtol=1e-6)

  def test_nothing_is_charged_across_a_reset_or_in_the_padding(self):
    hs, weights, resets = hidden()

    def both(hs):
      return (
        losses.activation(hs, weights)[0]
        + losses.temporal_activation(hs, weights, resets)[0]
      )

    dirty = np.where(weights[..., None] > 0, hs, np.nan)
    for a, b in zip(
      *(jax.value_and_grad(both)(x) for x in (hs, dirty)), strict=True
    ):
      np.testing.assert_array_equal(a, b)
    everywhere = np.ones((T, B), bool)
    self.assertEqual(
      losses.temporal_activation(hs, weights, everywhere), (0, 0)
    )

  def test_one_step_has_no_change(self):
    hs, weights, resets = hidden()
    found = losses.temporal_activation(hs[:1], weights[:1], resets[:1])
    self.assertEqual(found, (0, 0))


if __name__ == '__main__':
  absltest.main()
