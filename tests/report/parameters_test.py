import functools
import re

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized

from seqjax import cells
from seqjax.report import parameters


def evaluated(formula, d, h):
  """The number that a printed formula stands for."""
  with_signs = re.sub(r'(?<=[\w²])(?=[CDH])', '*', formula).replace('²', '**2')
  return eval(with_signs, {'C': d, 'D': d, 'H': h})


class ParametersTest(parameterized.TestCase):
  @parameterized.named_parameters(*((f'_{n}', n) for n in cells.CELLS))
  def test_the_printed_formula_counts_the_parameters(self, name):
    cell = cells.CELLS[name]()
    formula = parameters.formula(cell)
    for d, h in ((3, 4), (12, 9)):
      *leading, _ = cells.input_shape(cell)
      x_t = jnp.ones((*leading, d))
      init = functools.partial(cell.init, x_t=x_t, hidden_size=h)
      leaves = jax.tree.leaves(jax.eval_shape(init, jax.random.key(0)))
      self.assertEqual(evaluated(formula, d, h), sum(p.size for p in leaves))

  def test_known_formulas(self):
    for name, formula in (
      ('elman', 'DH + H² + H'),
      ('gru', '3DH + 3H² + 4H'),
      ('lstm', '4DH + 4H² + 4H'),
    ):
      self.assertEqual(parameters.formula(cells.CELLS[name]()), formula)

  def of(self, count):
    """The formula of a cell whose `init` makes count(D, H) numbers."""
    init = lambda key, x_t, h: jnp.zeros(count(x_t.shape[-1], h))
    return parameters.formula(cells.elman()._replace(init=init))

  def test_fractions_constants_and_differences_are_exact(self):
    self.assertEqual(self.of(lambda d, h: d * d + 3), 'D² + 3')
    self.assertEqual(self.of(lambda d, h: h * (h + 1) // 2), '1/2H² + 1/2H')
    self.assertEqual(self.of(lambda d, h: 2 * d * h - h), '2DH - H')

  def test_what_is_no_such_polynomial_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'degree two'):
      self.of(lambda d, h: d * h * h)


if __name__ == '__main__':
  absltest.main()
