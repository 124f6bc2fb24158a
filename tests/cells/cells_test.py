import functools
import itertools

import examples
import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from absl.testing import absltest, parameterized

from seqjax import cells, errors
from seqjax.cells import initializers

D, H = 3, 4
# The public form of a cell: change it only together with `exchange` and the
# notes of a release, because saved runs hold these names and shapes.
SHAPES = {
  'conv_lstm_1d': {'w_x': (3, 2, 4 * H), 'w_h': (3, H, 4 * H), 'b': (4 * H,)},
  'conv_lstm_2d': {
    'w_x': (3, 3, 2, 4 * H),
    'w_h': (3, 3, H, 4 * H),
    'b': (4 * H,),
  },
  'echo_state': {
    'value': {'w_x': (D, H), 'w_h': (H, H), 'b': (H,), 'leak': (H,)},
  },
  'elman': {'w_x': (D, H), 'w_h': (H, H), 'b': (H,)},
  'grid_lstm': {'w_x': (D, 2 * H), 'b_x': (2 * H,), 'b': (2 * 8 * H,)}
  | dict.fromkeys(('w_h', 'w_d'), (2, H, 8 * H)),
  'gru': {'w_x': (D, 3 * H), 'w_h': (H, 3 * H), 'b': (3 * H,), 'b_n': (H,)},
  'gru_reset_before': {
    'w_x': (D, 3 * H),
    'w_h': (H, 3 * H),
    'b': (3 * H,),
  },
  'ind_rnn': {'w_x': (D, H), 'u': (H,), 'b': (H,)},
  'jordan_hidden': {
    'w_x': (D, H),
    'w_y': (H, H),
    'b_h': (H,),
    'w_o': (H, H),
    'b_o': (H,),
  },
  'lru': dict.fromkeys(('nu_log', 'theta_log', 'gamma_log'), (H,))
  | dict.fromkeys(('w_b_re', 'w_b_im', 'w_d'), (D, H))
  | dict.fromkeys(('w_c_re', 'w_c_im'), (H, H)),
  'lstm': {'w_x': (D, 4 * H), 'w_h': (H, 4 * H), 'b': (4 * H,)},
  'mgu': {'w_x': (D, 2 * H), 'w_h': (H, 2 * H), 'b': (2 * H,)},
  'min_gru': {'w_x': (D, 2 * H), 'b': (2 * H,)},
  'min_gru_positive': {'w_x': (D, 2 * H), 'b': (2 * H,)},
  'min_lstm': {'w_x': (D, 3 * H), 'b': (3 * H,)},
  'mut1': {'w_x': (D, 3 * H), 'w_h': (H, 2 * H), 'b': (3 * H,)},
  'mut2': {'w_x': (D, 3 * H), 'w_h': (H, 3 * H), 'b': (3 * H,)},
  'rg_lru': {'w_x': (D, H), 'w_g': (H, 2 * H), 'b': (2 * H,), 'decay': (H,)},
  'ugrnn': {'w_x': (D, 2 * H), 'w_h': (H, 2 * H), 'b': (2 * H,)},
}
SHAPES |= {
  'elman_relu': SHAPES['elman'],
  'elman_sigmoid': SHAPES['elman'],
  'irnn': SHAPES['elman'],
  'jordan_output': SHAPES['jordan_hidden'],
  'gru_layer_norm': SHAPES['gru']
  | dict.fromkeys(('gain_x', 'gain_h'), (3 * H,)),
  'lstm_coupled': {'w_x': (D, 3 * H), 'w_h': (H, 3 * H), 'b': (3 * H,)},
  'lstm_hard': SHAPES['lstm'],
  'mut3': SHAPES['mut2'],
  'slstm': SHAPES['lstm'],
  'lstm_layer_norm': SHAPES['lstm']
  | dict.fromkeys(('gain_x', 'gain_h'), (4 * H,))
  | dict.fromkeys(('gain_c', 'b_c'), (H,)),
  'lstm_peephole': SHAPES['lstm'] | dict.fromkeys(('p_i', 'p_f', 'p_o'), (H,)),
  'mgu_reset_after': SHAPES['mgu'] | {'b_n': (H,)},
}


def example(name):
  """A cell with random params (biases too), carry and input."""
  params, xs, carry, _ = examples.example(name)
  carry = jax.tree.map(lambda c: c[0], carry)
  return cells.CELLS[name](), params, carry, xs[0, 0]


@functools.partial(jax.jit, static_argnums=0)
def one_step(cell, params, carry, x_t):
  return cells.step(cell, params, carry, cell.project(params, x_t))


a_few_cells = pytest.mark.parametrize(
  'name',
  examples.mostly_slow([('conv_lstm_1d',), ('lru',), ('lstm',)], cells.CELLS),
)


@a_few_cells
def test_init_needs_only_the_shape_of_the_input(name):
  cell = cells.CELLS[name]()
  shape = jax.ShapeDtypeStruct(examples.input_shape(name), jnp.float32)
  jax.tree.map(
    np.testing.assert_array_equal,
    cell.init(jax.random.key(0), jnp.ones(shape.shape), H),
    cell.init(jax.random.key(0), shape, H),
  )


@a_few_cells
def test_bfloat16_matrices_leave_carry_and_output_in_float32(name):
  cell, params, carry, x_t = example(name)
  exact = one_step(cell, params, carry, x_t)[1]
  params = jax.tree.map(
    lambda p: p.astype(jnp.bfloat16) if p.ndim > 1 else p, params
  )
  carry_t, y_t = one_step(cell, params, carry, x_t)
  assert y_t.dtype == jnp.float32
  assert {c.dtype for c in carry_t} == {y_t.dtype}
  # bfloat16 has 8 bits: it must matter, and not by more than that.
  error = np.abs(y_t - exact).max()
  assert 1e-6 <= error <= 0.03


class CellsTest(parameterized.TestCase):
  @parameterized.named_parameters(*((f'_{n}', n) for n in cells.CELLS))
  def test_parameters_keep_their_names_and_shapes(self, name):
    x_t = jax.ShapeDtypeStruct(examples.input_shape(name), jnp.float32)
    params = jax.eval_shape(
      lambda key: cells.CELLS[name]().init(key, x_t, H), jax.random.key(0)
    )
    shapes = jax.tree.map(lambda p: p.shape, oracle.as_dicts(params))
    self.assertEqual(shapes, SHAPES[name])

  @parameterized.named_parameters(*((f'_{n}', n) for n in cells.CELLS))
  def test_two_calls_of_a_builder_give_one_object(self, name):
    self.assertIs(cells.CELLS[name](), cells.CELLS[name]())

  @parameterized.named_parameters(*((f'_{n}', n) for n in cells.CELLS))
  def test_a_batch_is_refused_with_advice(self, name):
    with self.assertRaisesRegex(ValueError, 'unroll'):
      cells.CELLS[name]().init(
        jax.random.key(0), jnp.ones((2, *examples.input_shape(name))), H
      )

  def test_the_product_runs_in_the_dtype_of_the_matrix(self):
    rng = np.random.default_rng(0)
    x, w = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in (64, (64, 8)))
    y = cells.product(x, w.astype(jnp.bfloat16), jnp.float32)
    rounded = [np.float64(a.astype(jnp.bfloat16)) for a in (x, w)]
    # Both factors rounded, the sum not.
    np.testing.assert_allclose(y, rounded[0] @ rounded[1], 1e-5, 1e-5)
    self.assertEqual(y.dtype, jnp.float32)

  def test_an_unknown_reset_is_refused(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'after'"):
      cells.gru('aftre')

  @parameterized.parameters(
    ('elman', H),
    ('gru', 2 * H),
    ('gru_layer_norm', 2 * H),
    ('gru_reset_before', 3 * H),
    ('lstm', 4 * H),
    ('lstm_coupled', 3 * H),
  )
  def test_a_second_bias_begins_at_zero_and_all_else_as_without(
    self, name, size
  ):
    one, two = (
      cells.CELLS[name](**options).init(jax.random.key(0), jnp.ones(D), H)
      for options in ({}, {'double_bias': True})
    )
    self.assertIsNone(one.b_h)
    np.testing.assert_array_equal(two.b_h, np.zeros(size))
    jax.tree.map(np.testing.assert_array_equal, two._replace(b_h=None), one)

  def test_gru_forms_differ(self):
    _, params, carry, x_t = example('gru')
    params = params._replace(b_n=jnp.zeros(H))
    after = one_step(cells.gru(), params, carry, x_t)[1]
    before = one_step(cells.gru('before'), params, carry, x_t)[1]
    self.assertGreater(np.abs(after - before).max(), 1e-3)

  def test_any_activation(self):
    cell = cells.elman(jnp.sin)
    params = cell.init(jax.random.key(0), jnp.ones(D), H)
    _, y_t = one_step(
      cell, params, cell.carry(params, jnp.ones(D)), jnp.ones(D)
    )
    np.testing.assert_allclose(
      y_t, np.sin(np.ones(D) @ np.asarray(params.w_x)), 1e-5
    )


class InitializersTest(parameterized.TestCase):
  def init(self, name, size=64, **options):
    return cells.CELLS[name]().init(
      jax.random.key(0), jnp.ones(48), size, **options
    )

  def bias(self, name, **options):
    # What nobody reads is not computed: orthogonal matrices are slow.
    return np.asarray(jax.jit(lambda: self.init(name, **options).b)())

  @parameterized.parameters(('elman', 1), ('gru', 3), ('lstm', 4))
  def test_orthogonal_gate_by_gate(self, name, gates):
    params = self.init(name, recurrent_scale=0.9)
    for w in np.split(np.asarray(params.w_h), gates, axis=1):
      singular_values = np.linalg.svd(w, compute_uv=False)
      np.testing.assert_allclose(singular_values, 0.9, rtol=1e-5)
    for w in np.split(np.asarray(params.w_x), gates, axis=1):
      self.assertBetween(w.std() * 48**0.5, 0.95, 1.05)

  def test_gates_are_drawn_apart(self):
    gates = np.split(np.asarray(self.init('lstm').w_h), 4, axis=1)
    for a, b in itertools.combinations(gates, 2):
      self.assertLess(np.abs(np.mean(a * b)), 1e-3)
      self.assertGreater(np.abs(a - b).max(), 0.1)

  def test_uniform_as_torch(self):
    params = self.init('lstm', scheme='uniform', forget_bias=0.0)
    for p in jax.tree.leaves(params):
      self.assertBetween(np.abs(p).max() * 8, 0.98, 1.0)
      self.assertBetween(np.std(p) * 8 * 3**0.5, 0.9, 1.1)

  def test_identity(self):
    params = self.init('elman_relu', scheme='identity')
    np.testing.assert_array_equal(params.w_h, np.eye(64))
    self.assertBetween(np.std(params.w_x), 0.0009, 0.0011)
    np.testing.assert_array_equal(params.b, 0)

  def test_forget_bias_stands_in_the_parameters(self):
    i, f, g, o = np.split(self.bias('lstm', forget_bias=1.5), 4)
    np.testing.assert_array_equal(f, 1.5)
    np.testing.assert_array_equal([i, g, o], 0)
    default = np.split(self.bias('lstm'), 4)[1]
    np.testing.assert_array_equal(default, 1)

  def test_chrono_spreads_memories_up_to_the_longest_time(self):
    i, f, _, _ = np.split(self.bias('lstm', size=512, chrono_steps=100), 4)
    np.testing.assert_array_equal(i, -f)
    steps = np.exp(f)  # uniform between 1 and 99
    self.assertBetween(steps.min(), 1, 3)
    self.assertBetween(steps.max(), 97, 99)
    self.assertBetween(steps.mean(), 46, 54)
    z = np.split(self.bias('gru', chrono_steps=100), 3)[1]
    self.assertBetween(np.exp(z).max(), 80, 99)

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'orthogonal'"):
      self.init('lstm', scheme='orthogonl')
    with self.assertRaisesRegex(errors.UserError, 'chrono_steps is 2'):
      self.init('lstm', chrono_steps=2)
    with self.assertRaisesRegex(errors.UserError, 'hidden_size is 0'):
      self.init('gru', size=0)

  def test_schemes_are_registered(self):
    self.assertEqual(
      set(initializers.SCHEMES), {'orthogonal', 'uniform', 'identity'}
    )


if __name__ == '__main__':
  absltest.main()
