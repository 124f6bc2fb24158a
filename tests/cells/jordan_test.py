"""What is particular to the Jordan networks."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from examples import draw

from seqjax import cells, errors, recurrence

T, B, D, H, K = 5, 2, 3, 4, 2


class JordanTest(parameterized.TestCase):
  @parameterized.parameters('hidden', 'output')
  def test_what_stands_in_the_carry_is_what_is_fed_back(self, feedback):
    """A teacher's step is a free step after that output."""
    cell = cells.jordan(feedback, output_size=K)
    xs = draw((T, B, D), 0)
    params = cell.init(jax.random.key(0), xs[0, 0], H)
    ys, last, every = recurrence.unroll(cell, params, xs)
    np.testing.assert_array_equal(ys, every.y)
    forced, _, _ = recurrence.unroll(
      cell, params, xs[2:3], cells.JordanCarry(ys[1])
    )
    np.testing.assert_allclose(forced[0], ys[2], 1e-6)
    self.assertEqual(last.y.shape, (B, K))

  def test_the_hidden_layer_of_output_feedback_is_outside_the_loop(self):
    cell = cells.jordan('output', output_size=K)
    params = cell.init(jax.random.key(0), jnp.ones(D), H)
    carry = cell.carry(params, jnp.ones(D))
    u_t = cell.project(params, jnp.ones(D))
    self.assertEqual(u_t.shape, (K,))
    z_t = cell.mix(params, carry, u_t)
    jaxpr = str(jax.make_jaxpr(cell.update)(params, carry, z_t))
    self.assertNotIn('dot_general', jaxpr)

  def test_activations_are_those_asked_for(self):
    cell = cells.jordan(activation=jnp.sin, output_activation=lambda y: 3 * y)
    params = cell.init(jax.random.key(0), jnp.ones(D), H)
    params = jax.tree.map(lambda p: p + 0.1, params)
    ys = recurrence.unroll(cell, params, jnp.ones((1, 1, D))).outputs
    p = jax.tree.map(np.float64, params)
    h_t = np.sin(np.ones(D) @ p.w_x + p.b_h)
    np.testing.assert_allclose(ys[0, 0], 3 * (h_t @ p.w_o + p.b_o), 1e-5)

  @parameterized.parameters('hidden', 'output')
  def test_recurrent_scale_is_that_of_the_feedback(self, feedback):
    cell = cells.jordan(feedback, output_size=K)
    params = cell.init(jax.random.key(0), jnp.ones(D), H, recurrent_scale=0.5)
    np.testing.assert_allclose(
      np.linalg.svd(params.w_y, compute_uv=False), 0.5, 1e-5
    )

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'hidden'"):
      cells.jordan('hiden')
    with self.assertRaisesRegex(errors.UserError, 'output_size is 0'):
      cells.jordan(output_size=0)


if __name__ == '__main__':
  absltest.main()
