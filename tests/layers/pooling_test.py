"""What pooling promises: valid steps alone, each row by itself."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors, layers

T, B, H = 7, 5, 4
# From the left, with a hole, from the right, a single step, none at all.
MASK = np.array(
  [
    [1, 1, 1, 1, 1, 1, 1],
    [1, 1, 0, 0, 1, 0, 0],
    [0, 0, 1, 1, 1, 1, 1],
    [0, 0, 0, 1, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 0],
  ],
  bool,
).T


def outputs(seed=0):
  return np.random.default_rng(seed).normal(size=(T, B, H)).astype(np.float32)


def params_of(module):
  shapes = jax.eval_shape(module.init, jax.random.key(0), outputs(), MASK)
  rng = np.random.default_rng(1)
  return jax.tree.map(lambda p: rng.normal(size=p.shape).astype('f'), shapes)


def oracle(kind, ys, mask, params):
  """One row, step by step in float64: [H]."""
  ys = np.float64(ys[mask])
  if not len(ys):
    return np.zeros(H)
  if kind == 'attention':
    hidden, score = (
      params['params'][f'attention_{name}'] for name in ('hidden', 'score')
    )
    scores = np.tanh(ys @ np.float64(hidden['kernel']) + hidden['bias'])
    scores = np.exp(scores @ np.float64(score['kernel'][:, 0]))
    return scores @ ys / scores.sum()
  return {
    'last': lambda: ys[-1],
    'mean': lambda: ys.mean(axis=0),
    'max': lambda: ys.max(axis=0),
  }[kind]()


class PoolingTest(parameterized.TestCase):
  @parameterized.parameters(*layers.POOLINGS)
  def test_it_is_the_pooling_of_the_valid_steps(self, kind):
    module, ys = layers.Pooling(kind), outputs()
    params = params_of(module)
    pooled, weights = module.apply(params, ys, MASK)
    expected = [oracle(kind, ys[:, b], MASK[:, b], params) for b in range(B)]
    np.testing.assert_allclose(pooled, expected, 1e-5, 1e-6)
    self.assertEqual(weights is None, kind != 'attention')

  def test_attention_sums_to_one_over_the_valid_steps(self):
    module = layers.Pooling('attention')
    _, weights = module.apply(params_of(module), outputs(), MASK)
    np.testing.assert_allclose(
      weights.sum(axis=0), MASK.any(axis=0).astype('f'), 1e-6
    )
    self.assertTrue((np.asarray(weights)[~MASK] == 0).all())

  def test_each_direction_is_taken_where_it_has_read_everything(self):
    ys = outputs()
    both, _ = layers.Pooling('last', bidirectional=True).apply({}, ys, MASK)
    right_to_left, _ = layers.Pooling('last', reverse=True).apply({}, ys, MASK)
    for b in range(B - 1):
      first, last = np.flatnonzero(MASK[:, b])[[0, -1]]
      np.testing.assert_array_equal(both[b, :2], ys[last, b, :2])
      np.testing.assert_array_equal(both[b, 2:], ys[first, b, 2:])
      np.testing.assert_array_equal(right_to_left[b], ys[first, b])

  @parameterized.parameters(*layers.POOLINGS)
  def test_what_is_in_the_padding_changes_no_bit(self, kind):
    module = layers.Pooling(kind, bidirectional=True)
    params = params_of(module)

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1), has_aux=True)
    def run(params, ys):
      pooled, _ = module.apply(params, ys, MASK)
      return jnp.sum(pooled**2), pooled

    ys = outputs()
    dirty = np.where(MASK[..., None], ys, np.float32(np.nan))
    dirty[0] = np.where(MASK[0, :, None], ys[0], np.float32(np.inf))
    for a, b in zip(
      jax.tree.leaves(run(params, ys)),
      jax.tree.leaves(run(params, dirty)),
      strict=True,
    ):
      np.testing.assert_array_equal(a, b)
      self.assertTrue(np.isfinite(a).all())

  def test_a_wrong_name_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'mean'"):
      layers.Pooling('meen')


if __name__ == '__main__':
  absltest.main()
