"""What is particular to the convolutional LSTM; parity with Keras."""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from closeness import assert_close
from examples import draw

from seqjax import cells, errors, recurrence

T, B, C, H = 4, 2, 3, 2
SPACES = {1: (6,), 2: (5, 6)}


@pytest.mark.slow
class KerasTest(parameterized.TestCase):
  @parameterized.product(dimensions=(1, 2), kernel_size=(1, 3, 5))
  def test_values_and_gradients(self, dimensions, kernel_size):
    os.environ.setdefault('KERAS_BACKEND', 'jax')
    keras = pytest.importorskip('keras')
    cell = cells.conv_lstm(dimensions, kernel_size)
    xs = draw((T, B, *SPACES[dimensions], C), 0)
    params = cell.init(jax.random.key(0), xs[0, 0], H)
    params = params._replace(b=params.b + draw(params.b.shape, 1))
    weigh = draw((T, B, *SPACES[dimensions], H), 2)
    make = getattr(keras.layers, f'ConvLSTM{dimensions}D')
    layer = make(H, kernel_size, padding='same', return_sequences=True)
    batch_major = lambda x: jnp.swapaxes(x, 0, 1)
    with jax.numpy_rank_promotion('allow'):
      layer.build(batch_major(xs).shape)

    seeds = [v.value for v in layer.non_trainable_variables]

    def theirs(params, xs):
      with (
        jax.numpy_rank_promotion('allow'),
        jax.numpy_dtype_promotion('standard'),
      ):
        ys, _ = layer.stateless_call(list(params), seeds, batch_major(xs))
      return jnp.sum(weigh * batch_major(ys)), batch_major(ys)

    def ours(params, xs):
      ys = recurrence.unroll(cell, params, xs).outputs
      return jnp.sum(weigh * ys), ys

    a, b = (
      jax.jit(jax.value_and_grad(f, (0, 1), has_aux=True))(params, xs)
      for f in (ours, theirs)
    )
    jax.tree.map(assert_close, a, b)


class ConvLSTMTest(parameterized.TestCase):
  def test_a_place_sees_its_neighbours_and_no_further(self):
    cell, xs = cells.conv_lstm(1), draw((2, 1, 9, C), 0)
    params = cell.init(jax.random.key(0), xs[0, 0], H)
    centre = lambda xs: recurrence.unroll(cell, params, xs).outputs[1, 0, 4]
    reach = np.abs(jax.jit(jax.jacobian(centre))(xs))
    reach = reach.max(axis=(0, 2, 4))  # [T, W]
    np.testing.assert_array_equal(
      reach > 0, [[0, 0, 1, 1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1, 0, 0, 0]]
    )

  def test_the_state_is_as_large_as_the_input(self):
    cell = cells.conv_lstm(2)
    params = cell.init(jax.random.key(0), jnp.ones((5, 6, C)), H)
    for size in ((5, 6), (2, 3)):
      self.assertEqual(
        cell.carry(params, jnp.ones((*size, C))).c.shape, (*size, H)
      )

  def test_every_gate_of_w_h_is_orthogonal(self):
    params = cells.conv_lstm(2).init(
      jax.random.key(0), jnp.ones((3, 3, C)), H, recurrent_scale=0.5
    )
    for w in np.split(np.asarray(params.w_h).reshape(9 * H, 4 * H), 4, axis=1):
      np.testing.assert_allclose(w.T @ w, 0.25 * np.eye(H), atol=1e-6)

  @parameterized.parameters(1, 2)
  def test_the_identity_stands_in_the_centre(self, dimensions):
    x_t = jnp.ones((*SPACES[dimensions], C))
    params = cells.conv_lstm(dimensions).init(
      jax.random.key(0), x_t, H, scheme='identity'
    )
    expected = np.zeros((3**dimensions, H, 4 * H))
    expected[3**dimensions // 2] = np.tile(np.eye(H), 4)
    np.testing.assert_array_equal(
      params.w_h, expected.reshape(params.w_h.shape)
    )

  def test_forget_bias_stands_in_the_parameters(self):
    params = cells.conv_lstm(1).init(
      jax.random.key(0), jnp.ones((3, C)), H, forget_bias=1.5
    )
    np.testing.assert_array_equal(params.b, [0, 0, 1.5, 1.5, 0, 0, 0, 0])

  def test_mistakes_are_sentences(self):
    for kernel_size in (0, 2, -1):
      with self.assertRaisesRegex(errors.UserError, 'must be odd'):
        cells.conv_lstm(1, kernel_size)
    with self.assertRaisesRegex(errors.UserError, 'dimensions is 3'):
      cells.conv_lstm(3)
    with self.assertRaisesRegex(errors.UserError, r'one example \[H, W, C\]'):
      cells.conv_lstm(2).init(jax.random.key(0), jnp.ones((4, C)), H)


if __name__ == '__main__':
  absltest.main()
