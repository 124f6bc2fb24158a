"""The contract of `unroll`, for every cell on every engine, both ways.

Masks and resets are data, so that one compiled program serves all cases of a
cell, an engine and a direction.
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from absl.testing import absltest, parameterized
from examples import B, D, H, T, draw, example

from seqjax import cells, errors, recurrence
from seqjax.recurrence import fused

# Cells that differ from another in an activation alone meet the whole contract
# with --slow, and the oracle always.
VARIANTS = ('elman_relu', 'elman_sigmoid')


def cases(slow):
  """Every cell on every engine that can serve it, both ways."""
  return pytest.mark.parametrize(
    'name, engine, reverse',
    [
      pytest.param(
        name,
        engine,
        reverse,
        id=f'{name}-{engine}-{"reverse" if reverse else "forward"}',
        marks=[pytest.mark.slow] if name in slow else [],
      )
      for name, make in cells.CELLS.items()
      for engine in ('scan', 'fused')
      for reverse in (False, True)
      if engine == 'scan' or make().mix is not None
    ],
  )


contract = cases(slow=VARIANTS)

# Rows: whole, right-padded, holes, left-padded, no valid step.
MASK = np.array(
  [
    [1, 1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0, 0],
    [1, 0, 1, 1, 0, 1],
    [0, 0, 0, 1, 1, 1],
    [0, 0, 0, 0, 0, 0],
  ],
  bool,
).T
# At the first step, at and beside masked steps, at the last step, on a row
# without a valid step.
RESETS = np.array(
  [
    [1, 0, 0, 1, 0, 0],
    [0, 0, 1, 0, 1, 0],
    [0, 1, 0, 0, 1, 0],
    [0, 0, 0, 1, 0, 1],
    [0, 0, 1, 0, 0, 0],
  ],
  bool,
).T
EVERYWHERE, NOWHERE = np.ones((T, B), bool), np.zeros((T, B), bool)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def run(name, engine, reverse, params, xs, carry, initial, mask, resets):
  return recurrence.unroll(
    cells.CELLS[name](),
    params,
    xs,
    carry,
    initial_carry=initial,
    mask=mask,
    resets=resets,
    reverse=reverse,
    engine=engine,
  )


def score(results, weigh):
  """A number that every result enters, each entry with its own factor."""
  total = 0.0
  for seed, x in enumerate(jax.tree.leaves(results)):
    total = total + (weigh(x.shape, seed) * (x + x * x)).sum()
  return total


def _numpy_weigh(shape, seed):
  return np.random.default_rng(100 + seed).normal(size=shape)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def gradients(name, engine, reverse, params, xs, carry, initial, mask, resets):
  def loss(params, xs, carry, initial):
    results = run(
      name, engine, reverse, params, xs, carry, initial, mask, resets
    )
    weigh = lambda shape, seed: draw(shape, 100 + seed, xs.dtype)
    return score(tuple(map(oracle.as_dicts, results)), weigh)

  return jax.grad(loss, argnums=(0, 1, 2, 3))(params, xs, carry, initial)


def assert_close(ours, exact, rtol, what=''):
  """Two trees, leaf by leaf; NamedTuples are dicts."""
  ours, exact = oracle.as_dicts(ours), oracle.as_dicts(exact)
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(
      a, np.real(b), rtol, rtol, err_msg=what
    ),
    ours,
    exact,
  )


class TestContract:
  @cases(slow=())
  def test_values_and_gradients_are_those_of_the_oracle(
    self, name, engine, reverse
  ):
    with jax.enable_x64(True):
      params, xs, carry, initial = example(name, jnp.float64)
      inputs = (params, xs, carry, initial, MASK, RESETS)
      results = run(name, engine, reverse, *inputs)
      grads = gradients(name, engine, reverse, *inputs)

    names = ('params', 'xs', 'carry', 'initial')
    tree = {
      k: jax.tree.map(np.asarray, oracle.as_dicts(v))
      for k, v in zip(names, inputs, strict=False)
    }

    def unrolled(tree):
      return oracle.unroll(
        name, **tree, mask=MASK, resets=RESETS, reverse=reverse
      )

    for ours, exact in zip(results, unrolled(tree), strict=True):
      assert_close(ours, exact, 1e-10)
    exact = oracle.gradient(
      lambda tree: score(unrolled(tree), _numpy_weigh), tree
    )
    for ours, what in zip(grads, names, strict=True):
      assert_close(ours, exact[what], 1e-9, what)

  @contract
  def test_garbage_in_the_padding_changes_no_bit(self, name, engine, reverse):
    params, xs, carry, initial = example(name)
    clean = jnp.where(MASK[..., None], xs, 0)
    for garbage in (jnp.nan, jnp.inf, 1e6):
      dirty = jnp.where(MASK[..., None], xs, garbage)
      for function in (run, gradients):
        a, b = (
          function(
            name, engine, reverse, params, x, carry, initial, MASK, RESETS
          )
          for x in (clean, dirty)
        )
        jax.tree.map(np.testing.assert_array_equal, a, b)
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(b))

  @contract
  def test_outputs_are_zero_on_padding_and_the_carry_is_kept(
    self, name, engine, reverse
  ):
    params, xs, carry, initial = example(name)
    ys, last, every = run(
      name, engine, reverse, params, xs, carry, initial, MASK, NOWHERE
    )
    np.testing.assert_array_equal(np.asarray(ys)[~MASK], 0)
    assert (np.abs(np.asarray(ys)[MASK]).max(axis=-1) > 0).all()
    # The last row has no valid step.
    np.testing.assert_array_equal(last.h[-1], carry.h[-1])
    np.testing.assert_array_equal(every.h[:, -1], np.stack([carry.h[-1]] * T))

  @contract
  def test_a_padded_row_is_the_row_without_its_padding(
    self, name, engine, reverse
  ):
    params, xs, carry, initial = example(name)
    ys, last, _ = run(
      name, engine, reverse, params, xs, carry, initial, MASK, NOWHERE
    )
    # Row 2 has holes; the same steps packed to the left give the same.
    steps = np.flatnonzero(MASK[:, 2])
    packed = xs.at[: len(steps), 2].set(xs[steps, 2])
    short = np.array(MASK)
    short[:, 2] = np.arange(T) < len(steps)
    ys_packed, last_packed, _ = run(
      name, engine, reverse, params, packed, carry, initial, short, NOWHERE
    )
    np.testing.assert_allclose(
      ys[steps, 2], ys_packed[: len(steps), 2], 1e-5, 1e-6
    )
    np.testing.assert_allclose(last.h, last_packed.h, 1e-5, 1e-6)

  @contract
  def test_rows_do_not_depend_on_each_other(self, name, engine, reverse):
    params, xs, carry, initial = example(name)
    whole = run(name, engine, reverse, params, xs, carry, initial, MASK, RESETS)
    order = np.array([3, 0, 4, 2, 1])
    shuffled = run(
      name,
      engine,
      reverse,
      params,
      xs[:, order],
      *jax.tree.map(lambda c: c[order], (carry, initial)),
      MASK[:, order],
      RESETS[:, order],
    )
    np.testing.assert_allclose(
      whole.outputs[:, order], shuffled.outputs, 1e-5, 1e-6
    )
    np.testing.assert_allclose(
      whole.carry.h[order], shuffled.carry.h, 1e-5, 1e-6
    )

  @contract
  def test_chunks_with_the_carry_passed_on_are_the_whole(
    self, name, engine, reverse
  ):
    params, xs, carry, initial = example(name)
    ys, last, _ = run(
      name, engine, reverse, params, xs, carry, initial, MASK, RESETS
    )
    chunks = [slice(0, T // 2), slice(T // 2, T)]
    pieces = {}
    for i in (1, 0) if reverse else (0, 1):
      at = chunks[i]
      pieces[i], carry, _ = run(
        name,
        engine,
        reverse,
        params,
        xs[at],
        carry,
        initial,
        MASK[at],
        RESETS[at],
      )
    np.testing.assert_allclose(
      np.concatenate([pieces[0], pieces[1]]), ys, 1e-5, 1e-6
    )
    np.testing.assert_allclose(carry.h, last.h, 1e-5, 1e-6)

  @contract
  def test_no_gradient_flows_against_time_or_across_a_reset(
    self, name, engine, reverse
  ):
    params, xs, carry, initial = example(name)
    resets = np.array(NOWHERE)
    resets[3] = True

    def jacobian(resets):
      return jax.jacrev(
        lambda xs: run(
          name, engine, reverse, params, xs, carry, initial, EVERYWHERE, resets
        ).outputs[:, 0]
      )(xs)[:, :, :, 0]

    reach = np.abs(jacobian(NOWHERE)).max(axis=(1, 3))  # [t of y, t of x]
    past = np.tril(np.ones((T, T), bool))
    seen = past.T if reverse else past
    assert (reach[seen] > 0).all()
    np.testing.assert_array_equal(reach[~seen], 0)
    within = np.kron(np.eye(2), np.ones((3, 3))).astype(bool)
    reach = np.abs(jacobian(resets)).max(axis=(1, 3))
    assert (reach[seen & within] > 0).all()
    np.testing.assert_array_equal(reach[~(seen & within)], 0)

  @contract
  def test_float32_stays_close_to_float64(self, name, engine, reverse):
    single = gradients(name, engine, reverse, *example(name), MASK, RESETS)
    with jax.enable_x64(True):
      exact = jax.tree.map(lambda x: x.astype(jnp.float64), example(name))
      double = gradients(name, engine, reverse, *exact, MASK, RESETS)
    for a, b in zip(*map(jax.tree.leaves, (single, double)), strict=True):
      np.testing.assert_allclose(a, b, 1e-4, 1e-4 * np.abs(b).max())


class UnrollTest(parameterized.TestCase):
  def unroll(self, name='gru', xs=None, **options):
    params, example_xs, _, _ = example(name)
    xs = example_xs if xs is None else xs
    return recurrence.unroll(cells.CELLS[name](), params, xs, **options)

  def test_no_mask_is_the_mask_of_ones(self):
    params, xs, carry, initial = example('lstm')
    with_masks = run(
      'lstm', 'fused', False, params, xs, carry, initial, EVERYWHERE, NOWHERE
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
    self.assertEqual(recurrence.engine_for(cells.gru('before')), 'scan')

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
        weigh = lambda shape, seed: draw(shape, 100 + seed)
        return score((ys, last, every), weigh)

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

    scan, fused = map(hessian_vector, ('scan', 'fused'))
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
      return jax.grad(loss)(params)

    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, 1e-4, 1e-5),
      grad('fused'),
      grad('scan'),
    )

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'fused'"):
      self.unroll(engine='fusd')
    with self.assertRaisesRegex(errors.UserError, "Use engine='scan'"):
      self.unroll('gru_reset_before', engine='fused')
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
