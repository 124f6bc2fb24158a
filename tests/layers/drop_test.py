import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import layers

T, B, D = 5, 3, 2


class DropoutTest(parameterized.TestCase):
  def test_the_mean_stays_and_the_share_is_dropped(self):
    x = jnp.ones((50, 40, 30))
    y = np.asarray(layers.dropout(jax.random.key(0), x, 0.3))
    self.assertBetween((y == 0).mean(), 0.29, 0.31)
    self.assertBetween(y.mean(), 0.99, 1.01)

  def test_one_mask_per_sequence(self):
    drop = functools.partial(layers.dropout, x=jnp.ones((T, 40, 30)), rate=0.5)
    varying = np.asarray(drop(jax.random.key(0)))
    fixed = np.asarray(drop(jax.random.key(0), same_over_time=True))
    self.assertTrue((varying != varying[:1]).any())
    np.testing.assert_array_equal(fixed, np.stack([fixed[0]] * T))
    self.assertTrue((fixed[:, 0] != fixed[:, 1]).any())

  def test_the_rate_may_be_traced(self):
    x = jnp.ones((T, B, D))
    drop = jax.jit(lambda key, rate: layers.dropout(key, x, rate))
    np.testing.assert_array_equal(drop(jax.random.key(0), 0.0), x)
    self.assertTrue((np.asarray(drop(jax.random.key(0), 0.9)) == 0).any())

  def test_evaluation_and_rate_zero_change_nothing(self):
    x = jax.random.normal(jax.random.key(1), (T, B, D))
    self.assertIs(layers.dropout(None, x, 0.5), x)
    self.assertIs(layers.dropout(jax.random.key(0), x, 0.0), x)


class DropWordsTest(absltest.TestCase):
  def test_a_share_becomes_unknown_and_the_rest_stays(self):
    tokens = jnp.arange(1, 4001, dtype=jnp.int32).reshape(40, 100)
    dropped = np.asarray(layers.drop_words(jax.random.key(0), tokens, 0.3))
    self.assertBetween((dropped == 0).mean(), 0.27, 0.33)
    kept = dropped != 0
    np.testing.assert_array_equal(dropped[kept], np.asarray(tokens)[kept])

  def test_evaluation_and_rate_zero_change_nothing(self):
    tokens = jnp.ones((T, B), jnp.int32)
    self.assertIs(layers.drop_words(None, tokens, 0.5), tokens)
    self.assertIs(layers.drop_words(jax.random.key(0), tokens, 0.0), tokens)


if __name__ == '__main__':
  absltest.main()
