import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest

from seqjax import cells, errors
from seqjax.cells import probe


def twice(x, y):
  """Two values of one name, one of them inside a compiled function."""
  inner = jax.jit(lambda x: cells.named(2 * x, 'double'))
  return {'a': inner(x) + cells.named(2 * y, 'double'), 'b': y}


class ProbeTest(absltest.TestCase):
  def test_what_is_not_edited_stays_bit_for_bit(self):
    cell = cells.lstm()
    params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    carry = cells.LSTMCarry(jnp.arange(4.0), jnp.arange(4.0) / 3)
    z_t = jnp.sin(jnp.arange(16.0))
    same = probe.edited(cell.update, {'candidate': lambda g: g})
    jax.tree.map(
      np.testing.assert_array_equal,
      cell.update(params, carry, z_t),
      same(params, carry, z_t),
    )
    self.assertIsInstance(same(params, carry, z_t)[0], cells.LSTMCarry)

  def test_every_place_of_a_name_is_edited(self):
    x, y = jnp.float32(3), jnp.float32(5)
    result = probe.edited(twice, {'double': lambda d: d + 1})(x, y)
    self.assertEqual(result, {'a': 18, 'b': 5})

  def test_an_edit_is_differentiated_mapped_and_compiled(self):
    def scaled(scale, x, y):
      return probe.edited(twice, {'double': lambda d: scale * d})(x, y)['a']

    xs, ys = jnp.arange(3.0), jnp.arange(3.0) + 1
    both = jax.jit(jax.vmap(jax.grad(scaled, (0, 1)), (None, 0, 0)))
    by_scale, by_x = both(jnp.float32(7), xs, ys)
    np.testing.assert_array_equal(by_scale, 2 * (xs + ys))
    np.testing.assert_array_equal(by_x, [14] * 3)

  def test_derivatives_of_ones_own_survive(self):
    # relu has a derivative of its own at zero; so must the evaluated one.
    cell = cells.elman(jax.nn.relu)
    params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    carry = cell.carry(params, jnp.ones(3))
    update = probe.visited(cell.update, lambda name, x: x)
    grad = jax.grad(lambda z: update(params, carry, z)[1].sum())
    np.testing.assert_array_equal(
      grad(jnp.array([-1.0, 0, 0, 1])), [0, 0, 0, 1]
    )

  def test_names_are_found_with_their_shapes(self):
    cell = cells.gru()
    params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    carry = cell.carry(params, jnp.ones(3))
    z_t = jax.eval_shape(cell.mix, params, carry, jnp.ones(12))
    found = probe.shapes(cell.update, params, carry, z_t)
    self.assertSameElements(found, ['candidate', 'reset_gate', 'update_gate'])
    self.assertEqual(found['candidate'].shape, (4,))

  def test_a_name_that_is_not_there_is_a_sentence(self):
    edit = probe.edited(twice, {'duoble': lambda d: d})
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'double'"):
      edit(jnp.float32(1), jnp.float32(1))


if __name__ == '__main__':
  absltest.main()
