import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest
from examples import draw

from seqjax.cells import normalization


class LayerNormTest(absltest.TestCase):
  def test_mean_and_deviation_become_shift_and_gain(self):
    x, ones = 3 + 5 * draw((40,), 1), jnp.ones(40)
    y = normalization.layer_norm(x, 2 * ones, 7 * ones)
    np.testing.assert_allclose(np.mean(y), 7, 1e-5)
    np.testing.assert_allclose(np.std(y), 2, 1e-5)

  def test_a_vector_of_zeros_has_a_value_and_a_gradient(self):
    norm = lambda x: normalization.layer_norm(x, jnp.ones(5))
    np.testing.assert_array_equal(norm(jnp.zeros(5)), 0)
    self.assertTrue(np.isfinite(jax.jacobian(norm)(jnp.zeros(5))).all())


if __name__ == '__main__':
  absltest.main()
