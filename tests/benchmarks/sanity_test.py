import sys
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from benchmarks import sanity
from seqjax import cells


class SanityTest(parameterized.TestCase):
  def test_the_answer_stands_at_the_first_step_alone(self):
    xs, first = sanity.batch(jax.random.key(0), 300)
    self.assertEqual(xs.shape, (sanity.LENGTH, 300, sanity.FEATURES))
    tokens = np.asarray(xs.argmax(axis=-1))
    np.testing.assert_array_equal(xs.sum(axis=-1), 1)
    np.testing.assert_array_equal(tokens[0], first)
    self.assertEqual(set(tokens[0]), set(range(4)))
    self.assertEqual(set(tokens[1:].flat), set(range(4, 8)))

  @parameterized.parameters('min_gru', 'conv_lstm_1d', 'conv_lstm_2d')
  def test_a_model_begins_with_even_odds(self, name):
    init, logits = sanity.model(cells.CELLS[name](), {})
    xs, _ = sanity.batch(jax.random.key(0), 3)
    params = jax.jit(init)(jax.random.key(0))
    scores = jax.jit(logits)(params, xs)
    np.testing.assert_array_equal(scores, jnp.zeros((3, 4)))

  def test_a_cell_learns_and_not_at_once(self):
    cell = cells.min_gru()
    # optax breaks under strict promotion.
    with jax.numpy_dtype_promotion('standard'):
      self.assertLess(sanity.learn(cell, {}, seed=0, steps=2)[0], 0.6)
      self.assertGreater(sanity.learn(cell, {}, seed=0)[0], 0.95)

  @parameterized.parameters((0.9, True), (0.95, False))
  def test_a_cell_below_its_score_ends_it_with_1(self, accuracy, is_below):
    arguments = ['sanity', '--cells=gru,mgu']
    learn = lambda cell, *_: (accuracy if cell is cells.gru() else 1.0, 1.0)
    with (
      mock.patch.object(sys, 'argv', arguments),
      mock.patch.object(sanity, 'learn', learn),
    ):
      if is_below:
        with self.assertRaisesRegex(SystemExit, r'Below the score: gru\.'):
          sanity.main()
      else:
        sanity.main()


if __name__ == '__main__':
  absltest.main()
