import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from examples import (
  EVERYWHERE,
  MASK,
  NOWHERE,
  RESETS,
  B,
  D,
  H,
  T,
  draw,
  example,
)

from seqjax import cells, errors, recurrence
from seqjax.recurrence import fused


def score(results):
  """A number that every result enters, each entry with its own factor."""
  leaves = enumerate(jax.tree.leaves(results))
  return sum((draw(x.shape, 100 + i) * (x + x * x)).sum() for i, x in leaves)


class UnrollTest(parameterized.TestCase):
  def unroll(self, name='gru', xs=None, **options):
    params, example_xs, _, _ = example(name)
    xs = example_xs if xs is None else xs
    return recurrence.unroll(cells.CELLS[name](), params, xs, **options)

  def test_no_mask_is_the_mask_of_ones(self):
    _, _, carry, _ = example('lstm')
    with_masks = self.unroll(
      'lstm', carry=carry, mask=EVERYWHERE, resets=NOWHERE
    )
    without = self.unroll('lstm', carry=carry)
    np.testing.assert_allclose(with_masks.outputs, without.outputs, 1e-5, 1e-6)

  def test_it_begins_with_the_carry_of_the_cell(self):
    zeros = cells.HiddenCarry(jnp.zeros((B, H)))
    np.testing.assert_array_equal(
      self.unroll().outputs, self.unroll(carry=zeros).outputs
    )

  def test_no_steps_at_all(self):
    carry = cells.HiddenCarry(draw((B, H), 0))
    for reverse, engine in itertools.product((False, True), ('scan', 'fused')):
      result = self.unroll(
        xs=jnp.zeros((0, B, D)),
        carry=carry,
        reverse=reverse,
        engine=engine,
        mask=jnp.zeros((0, B), bool),
        resets=jnp.zeros((0, B), bool),
      )
      self.assertEqual(result.outputs.shape, (0, B, H))
      np.testing.assert_array_equal(result.carry.h, carry.h)

  def test_auto_takes_the_fused_engine_where_it_can(self):
    self.assertEqual(recurrence.engine_for(cells.gru()), 'fused')
    self.assertEqual(recurrence.engine_for(cells.gru('before')), 'fused')
    self.assertEqual(recurrence.engine_for(cells.lru()), 'scan')

  @parameterized.product(name=('elman', 'lstm', 'gru'), reverse=(False, True))
  def test_the_projection_may_stand_inside_the_loop(self, name, reverse):
    cell, example_of = cells.CELLS[name](), example(name)

    def value_and_grads(cell):
      def loss(params, xs, carry, initial):
        ys, last, every = recurrence.unroll(
          cell,
          params,
          xs,
          carry,
          initial_carry=initial,
          mask=MASK,
          resets=RESETS,
          reverse=reverse,
        )
        return score((ys, last, every))

      return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))(
        *example_of
      )

    inside = fused.projecting_inside(cell)
    self.assertIs(inside, fused.projecting_inside(cell))
    for a, b in zip(
      *map(jax.tree.leaves, map(value_and_grads, (cell, inside))), strict=True
    ):
      np.testing.assert_allclose(a, b, 1e-4, 1e-4 * np.abs(b).max())

  def test_the_projection_goes_inside_where_it_is_the_smaller_read(self):
    def inside(name, batch_size, input_size, hidden_size):
      cell = cells.CELLS[name]()
      xs = jax.ShapeDtypeStruct((T, batch_size, input_size), jnp.float32)
      x_t = jax.ShapeDtypeStruct((input_size,), jnp.float32)
      params = jax.eval_shape(
        lambda key: cell.init(key, x_t, hidden_size), jax.random.key(0)
      )
      return fused.belongs_inside(cell, params, xs)

    self.assertTrue(inside('lstm', 64, 100, 128))
    self.assertFalse(inside('lstm', 1, 100, 128))
    self.assertFalse(inside('elman', 64, 128, 128))

  @parameterized.parameters('scan', 'fused', 'associative')
  def test_params_of_many_members_under_vmap(self, engine):
    name = 'lru' if engine == 'associative' else 'lstm'
    params, xs, _, _ = example(name)
    members = jax.tree.map(lambda p: jnp.stack([p, 0.5 * p, -p]), params)

    def slope(params):
      loss = lambda p: score(
        recurrence.unroll(cells.CELLS[name](), p, xs, mask=MASK, engine=engine)
      )
      return jax.grad(loss)(params)

    together = jax.jit(jax.vmap(slope))(members)
    for i in range(3):
      alone = jax.jit(slope)(jax.tree.map(lambda p, i=i: p[i], members))
      jax.tree.map(
        lambda a, b, i=i: np.testing.assert_allclose(
          a[i], b, 1e-4, 1e-4 * np.abs(b).max()
        ),
        together,
        alone,
      )

  def test_fused_refuses_forward_mode_and_names_scan(self):
    _, xs, _, _ = example('gru')
    forward = lambda engine: jax.jvp(
      lambda xs: self.unroll(xs=xs, engine=engine).outputs, (xs,), (xs,)
    )
    with self.assertRaisesRegex(TypeError, "Use engine='scan'"):
      forward('fused')
    self.assertGreater(np.abs(forward('scan')[1]).max(), 0)

  def test_a_jvp_of_the_gradient_works_on_both_engines(self):
    _, xs, _, _ = example('gru')

    def hessian_vector(engine):
      loss = lambda xs: jnp.sum(self.unroll(xs=xs, engine=engine).outputs ** 2)
      return jax.jvp(jax.grad(loss), (xs,), (draw(xs.shape, 9),))[1]

    scan, fused = (
      jax.jit(hessian_vector, static_argnums=0)(engine)
      for engine in ('scan', 'fused')
    )
    self.assertGreater(np.abs(scan).max(), 0)
    np.testing.assert_allclose(fused, scan, 1e-4, 1e-5)

  def test_a_vector_of_params_read_by_update_gets_its_gradient(self):
    plain = cells.elman()
    # y_t is scaled by the bias: `update` reads a vector of params.
    cell = plain._replace(
      update=lambda p, c, z: (plain.update(p, c, z)[0], p.b * jnp.tanh(z))
    )
    params, xs, _, _ = example('elman')

    def grad(engine):
      loss = lambda p: jnp.sum(
        recurrence.unroll(cell, p, xs, mask=MASK, engine=engine).outputs
      )
      return jax.jit(jax.grad(loss))(params)

    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5),
      grad('fused'),
      grad('scan'),
    )

  def test_a_matrix_that_update_hands_on_gets_its_gradient(self):
    plain = cells.elman()
    cell = plain._replace(
      update=lambda p, c, z: (plain.update(p, c, z)[0], (jnp.tanh(z), p.w_h))
    )
    params, xs, _, _ = example('elman')

    def grad(engine):
      loss = lambda p: score(recurrence.unroll(cell, p, xs, engine=engine))
      return jax.grad(loss)(params).w_h

    np.testing.assert_allclose(grad('fused'), grad('scan'), 1e-4, 1e-4)

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'fused'"):
      self.unroll(engine='fusd')
    with self.assertRaisesRegex(errors.UserError, "Use engine='scan'"):
      self.unroll('min_gru', engine='fused')
    with self.assertRaisesRegex(errors.UserError, 'such as cells.lru'):
      self.unroll(engine='associative')
    with self.assertRaisesRegex(ValueError, r'\[T, B, ...\]'):
      self.unroll(xs=jnp.zeros(3))
    with self.assertRaisesRegex(TypeError, 'with its brackets'):
      recurrence.unroll(cells.gru, None, jnp.zeros((T, B, D)))
    for shape in ((T, D), (T, B, D + 1)):
      with self.assertRaisesRegex(ValueError, 'take no input of shape'):
        self.unroll(xs=jnp.zeros(shape))
    with self.assertRaisesRegex(ValueError, r'mask has shape \(5, 6\)'):
      self.unroll(mask=EVERYWHERE.T)
    with self.assertRaisesRegex(ValueError, 'resets must be bool, not int32'):
      self.unroll(resets=jnp.zeros((T, B), jnp.int32))


if __name__ == '__main__':
  absltest.main()
