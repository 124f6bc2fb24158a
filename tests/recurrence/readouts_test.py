"""What is put out, and what of it is fed back."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest
from examples import NOWHERE, B, D, H, T, draw

from seqjax import cells, errors
from seqjax.recurrence import feedback, readouts

K = 2


class ReadoutsTest(absltest.TestCase):
  def test_dense_begins_with_outputs_of_variance_1(self):
    params = readouts.dense(200).init(jax.random.key(0), jnp.ones(100))
    self.assertEqual(params.w_o.shape, (100, 200))
    self.assertAlmostEqual(float(params.w_o.std()), 0.1, delta=0.003)
    np.testing.assert_array_equal(params.b_o, np.zeros(200))

  def test_a_feed_may_draw_with_noise_that_comes_with_the_input(self):
    class X(NamedTuple):
      covariates: jax.Array
      noise: jax.Array

    def sample(output, x_t):
      return output[:1] + jnp.exp(output[1:]) * x_t.noise

    loop = feedback.Loop(
      cells.gru(),
      readouts.dense(2, sample),
      lambda x_t, y: jnp.concatenate([x_t.covariates, y]),
    )
    xs = X(draw((T, B, D), 1), draw((T, B, 1), 2))
    x_t = jax.tree.map(lambda x: x[0, 0], xs)
    params = feedback.closed(loop).init(jax.random.key(0), x_t, H)
    ys, _, carries = feedback.run(loop, params, xs)
    drawn = ys[..., :1] + np.exp(ys[..., 1:]) * xs.noise
    np.testing.assert_allclose(carries.y, drawn, 1e-5, 1e-6)
    a = feedback.run(loop, params, xs, carries.y)
    np.testing.assert_allclose(a.outputs, ys, 1e-5, 1e-6)

  def test_tokens_go_back_as_one_hot_or_as_probabilities(self):
    nothing = jnp.zeros((T, B, 0))
    for feed in (readouts.likeliest, readouts.softmax):
      loop = feedback.Loop(cells.gru(), readouts.dense(K, feed))
      params = feedback.closed(loop).init(jax.random.key(0), nothing[0, 0], H)
      ys, _, carries = feedback.run(loop, params, nothing)
      if feed is readouts.likeliest:
        fed = np.eye(K)[np.argmax(ys, axis=-1)]
      else:
        fed = np.exp(ys) / np.exp(ys).sum(axis=-1, keepdims=True)
      np.testing.assert_allclose(carries.y, fed, 1e-5)

  def test_dense_rounds_what_its_matrix_rounds(self):
    readout, h_t = readouts.dense(K), draw((H,), 1)
    params = readout.init(jax.random.key(0), h_t)
    rounded = lambda x: x.astype(jnp.bfloat16)
    _, output_t = readout.apply(
      params._replace(w_o=rounded(params.w_o)), h_t, None
    )
    exact = np.float32(rounded(h_t)) @ np.float32(rounded(params.w_o))
    np.testing.assert_allclose(output_t, exact, 1e-6)

  def test_the_products_run_in_the_dtype_of_the_matrices(self):
    loop = feedback.Loop(cells.lstm(), readouts.dense(K))
    xs, targets = draw((T, B, D), 1), draw((T, B, K), 2)
    params = feedback.closed(loop).init(jax.random.key(0), xs[0, 0], H)
    half = jax.tree.map(
      lambda p: p.astype(jnp.bfloat16) if p.ndim > 1 else p, params
    )
    run = jax.jit(lambda p, *how: feedback.run(loop, p, xs, *how).outputs)
    for how in ((), (targets,), (targets, NOWHERE)):
      a, b = (run(p, *how) for p in (params, half))
      self.assertEqual(b.dtype, jnp.float32)
      error = np.abs(a - b).max()
      self.assertGreater(error, 1e-4)
      self.assertLess(error, 0.06 * np.abs(a).max())

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, 'output_size is 0'):
      readouts.dense(0)


if __name__ == '__main__':
  absltest.main()
