"""A stack that knows something of a sequence before it begins."""

import closeness
import jax
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import cells, layers

T, B, D, H, E = 5, 3, 2, 4, 6


def make(cell, **options):
  module = layers.Recurrent(cells.CELLS[cell](), (H, H + 1), **options)
  random = np.random.RandomState(0)
  xs = random.randn(T, B, D).astype(np.float32)
  context = random.randn(B, E).astype(np.float32)
  shapes = jax.eval_shape(
    lambda key: module.init(key, xs, context=context), jax.random.key(0)
  )
  draw = lambda p: random.randn(*p.shape).astype(np.float32)
  return module, jax.tree.map(draw, shapes), xs, context


class ContextTest(parameterized.TestCase):
  @parameterized.parameters('gru', 'lstm')
  def test_it_is_a_linear_map_in_the_first_carry(self, cell):
    module, params, xs, context = make(cell)
    nothing = np.zeros((T, B), bool)
    carry = module.apply(params, xs, mask=nothing, context=context).carry
    for layer, state in enumerate(carry):
      for i, part in enumerate(state):
        kernel = params['params'][f'layer_{layer}_context_{i}']['kernel']
        closeness.assert_close(part, context @ kernel)

  def test_each_row_has_its_own(self):
    module, params, xs, context = make('gru')
    whole = module.apply(params, xs, context=context).outputs
    alone = module.apply(params, xs[:, 1:2], context=context[1:2]).outputs
    closeness.assert_close(whole[:, 1:2], alone)
    other = module.apply(params, xs, context=context + 1).outputs
    self.assertTrue((whole[0] != other[0]).all())

  def test_it_comes_back_with_a_reset(self):
    module, params, xs, context = make('lstm')
    resets = np.zeros((T, B), bool)
    resets[2] = True
    again = module.apply(params, xs[2:], context=context).outputs
    whole = module.apply(params, xs, resets=resets, context=context).outputs
    closeness.assert_close(whole[2:], again)

  def test_both_directions_have_one(self):
    module, params, _, _ = make('gru', bidirectional=True)
    names = [name for name in params['params'] if 'context' in name]
    self.assertCountEqual(
      names,
      [
        f'layer_{layer}_{way}_context_0'
        for layer in (0, 1)
        for way in ('forward', 'backward')
      ],
    )


if __name__ == '__main__':
  absltest.main()
