import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest

from seqjax import cells, errors, recurrence

XS = jnp.asarray(np.random.default_rng(0).normal(size=(5, 2, 3)), jnp.float32)


class FrozenTest(absltest.TestCase):
  def test_it_is_the_cell_without_a_gradient_of_its_parameters(self):
    cell, still = cells.gru(), cells.frozen(cells.gru())
    params = cell.init(jax.random.key(0), XS[0, 0], 4)

    def loss(cell):
      return lambda params, xs: jnp.sum(
        recurrence.unroll(cell, params, xs).outputs ** 2
      )

    value, (_, d_xs) = jax.value_and_grad(loss(cell), (0, 1))(params, XS)
    same, (d_params, same_d_xs) = jax.value_and_grad(loss(still), (0, 1))(
      cells.Frozen(params), XS
    )
    np.testing.assert_array_equal(same, value)
    np.testing.assert_array_equal(same_d_xs, d_xs)
    for d in jax.tree.leaves(d_params):
      np.testing.assert_array_equal(d, 0)

  def test_its_init_is_that_of_the_cell(self):
    init = cells.frozen(cells.lstm()).init
    params = init(jax.random.key(0), XS[0, 0], 4, forget_bias=2.0)
    expected = cells.lstm().init(
      jax.random.key(0), XS[0, 0], 4, forget_bias=2.0
    )
    jax.tree.map(np.testing.assert_array_equal, params.value, expected)
    self.assertIs(cells.frozen(cells.lstm()), cells.frozen(cells.lstm()))

  def test_parameters_that_are_not_frozen_are_refused(self):
    params = cells.gru().init(jax.random.key(0), XS[0, 0], 4)
    with self.assertRaisesRegex(errors.UserError, r'cells\.Frozen\(params\)'):
      recurrence.unroll(cells.frozen(cells.gru()), params, XS)
    with self.assertRaisesRegex(TypeError, 'with its brackets'):
      cells.frozen(cells.gru)


if __name__ == '__main__':
  absltest.main()
