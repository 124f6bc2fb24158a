"""Where attention looks; its equations are tested within encoder_decoder."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors, layers

S, B, C, H = 4, 3, 6, 6
KINDS = ('dot', 'general', 'additive')


def made(kind, **options):
  """An attention, its parameters, values and a mask with an empty row."""
  random = np.random.RandomState(0)
  values = random.randn(S, B, C).astype(np.float32)
  mask = np.arange(S)[:, None] < np.array([4, 2, 0])
  attention = layers.Attention(kind, H, **options)
  queries = random.randn(5, B, H).astype(np.float32)
  params = attention.init(jax.random.key(0), values, mask, queries)
  return attention, params, values, mask, queries


class AttentionTest(parameterized.TestCase):
  @parameterized.parameters(*KINDS)
  def test_the_weights_sum_to_one_over_what_there_is(self, kind):
    attention, params, values, mask, queries = made(kind)
    context, weights = attention.apply(params, values, mask, queries)
    sums = np.array(weights).sum(-1)
    np.testing.assert_allclose(sums, np.tile([1, 1, 0], (5, 1)), atol=1e-6)
    self.assertEqual(np.abs(np.where(mask.T, 0, weights)).max(), 0)
    expected = np.einsum('tbs,sbc->tbc', weights, values)
    np.testing.assert_allclose(context, expected, rtol=1e-5, atol=1e-6)

  @parameterized.parameters(*KINDS, 'none')
  def test_one_query_or_many(self, kind):
    attention, params, values, mask, queries = made(kind)
    many = attention.apply(params, values, mask, queries)
    one = attention.apply(params, values, mask, queries[2])
    for a, b in zip(one, many, strict=True):
      np.testing.assert_allclose(a, b[2], rtol=1e-5, atol=1e-6)

  @parameterized.parameters(*KINDS)
  def test_what_is_not_there_reaches_neither_value_nor_gradient(self, kind):
    attention, params, values, mask, queries = made(kind)

    def total(params, values):
      values = jnp.where(mask[..., None], values, 1e30)
      context, _ = attention.apply(params, values, mask, queries)
      return (context**2).sum()

    grads = jax.grad(total, argnums=(0, 1))(params, jnp.asarray(values))
    for leaf in jax.tree.leaves(grads):
      self.assertTrue(np.isfinite(leaf).all())

  def test_the_width_inside(self):
    _, params, *_ = made('additive', size=9)
    self.assertEqual(params['params']['score']['kernel'].shape, (9, 1))

  def test_none_looks_nowhere(self):
    attention, params, values, mask, queries = made('none')
    self.assertEqual(params, {})
    context, weights = attention.apply(params, values, mask, queries)
    self.assertEqual((context.shape, weights.shape), ((5, B, 0), (5, B, 0)))

  def test_a_kind_that_is_not_known(self):
    with self.assertRaisesRegex(errors.UserError, "'adition'.*'additive'"):
      layers.Attention('adition', H)


if __name__ == '__main__':
  absltest.main()
