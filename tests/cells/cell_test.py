import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, errors, recurrence

D, H = 3, 4


class Mine(cells.HiddenCarry):
  """A carry of a user's own."""


def spoiled(update):
  """An Elman network with another `update`."""
  return cells.elman()._replace(update=update)


class CheckTest(parameterized.TestCase):
  def refused(self, cell, message, x_t=None, carry=None):
    x_t = jnp.ones(D) if x_t is None else x_t
    params = cells.elman().init(jax.random.key(0), jnp.ones(D), H)
    with self.assertRaisesRegex(errors.UserError, message):
      cells.check(cell, params, x_t, carry)

  def test_a_sound_cell_passes(self):
    params = cells.lstm().init(jax.random.key(0), jnp.ones(D), H)
    cells.check(cells.lstm(), params, jnp.ones(D))

  def test_an_input_of_another_width(self):
    self.refused(cells.elman(), r'no input of shape \(5,\)', jnp.ones(5))

  def test_a_carry_of_another_width(self):
    carry = cells.HiddenCarry(jnp.zeros(H + 1))
    self.refused(
      cells.elman(), r'fails on a carry of shape \(5,\)', None, carry
    )

  def test_a_step_that_changes_shape_dtype_or_structure_of_its_carry(self):
    carry = cells.HiddenCarry
    for update, message in (
      (
        lambda p, c, z: (carry(z[:2]), z),
        r'float32\[4\] and became float32\[2\]',
      ),
      (
        lambda p, c, z: (carry(z.astype(jnp.bfloat16)), z),
        r'carry\.h was float32\[4\] and became bfloat16\[4\]',
      ),
      (lambda p, c, z: (z, z), 'of the structure that it got'),
      (lambda p, c, z: (Mine(z), z), 'of the structure that it got'),
    ):
      self.refused(spoiled(update), message)

  def test_unroll_refuses_it_before_the_loop(self):
    cell = spoiled(lambda p, c, z: (cells.HiddenCarry(z[:2]), z))
    params = cells.elman().init(jax.random.key(0), jnp.ones(D), H)
    for engine in ('scan', 'fused'):
      with self.assertRaisesRegex(errors.UserError, 'as it got it'):
        recurrence.unroll(cell, params, jnp.ones((2, 1, D)), engine=engine)

  def test_unroll_refuses_a_carry_of_another_batch(self):
    params = cells.elman().init(jax.random.key(0), jnp.ones(D), H)
    carry = cells.HiddenCarry(jnp.zeros((3, H)))
    with self.assertRaisesRegex(ValueError, 'begin with the batch, 2'):
      recurrence.unroll(cells.elman(), params, jnp.ones((5, 2, D)), carry)

  def test_a_linear_of_another_shape(self):
    cell = cells.min_gru()
    params = cell.init(jax.random.key(0), jnp.ones(D), H)
    cells.check(cell, params, jnp.ones(D))
    wrong = cell._replace(linear=lambda p, u: (u[0].h, u[1].h))
    with self.assertRaisesRegex(errors.UserError, '`linear` must give'):
      cells.check(wrong, params, jnp.ones(D))

  def test_init_wants_an_example(self):
    with self.assertRaisesRegex(errors.UserError, 'an example of the input'):
      cells.gru().init(jax.random.key(0), 3, H)


class ProductTest(absltest.TestCase):
  def test_blocks_are_the_matrix_with_zeros_between_them(self):
    rng = np.random.default_rng(0)
    heads, size, gates = 2, 3, 4
    x, w = rng.normal(size=6), rng.normal(size=(heads, size, gates * size))
    full = np.zeros((gates, heads * size, heads * size))
    for n in range(heads):
      at = slice(n * size, (n + 1) * size)
      for g in range(gates):
        full[g, at, at] = w[n, :, g * size : (g + 1) * size]
    y = cells.product(jnp.float32(x), jnp.float32(w), jnp.float32)
    np.testing.assert_allclose(
      y, np.concatenate([x @ block for block in full]), 1e-5, 1e-6
    )


if __name__ == '__main__':
  absltest.main()
