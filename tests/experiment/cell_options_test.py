import jax
from absl.testing import absltest, parameterized

from seqjax import cells, errors
from seqjax.experiment import cell_options


class CellOptionsTest(parameterized.TestCase):
  def test_nothing_is_the_plain_cell(self):
    for name, builder in cells.CELLS.items():
      cell, numbers = cell_options.make_cell(name, '')
      self.assertIs(cell, builder())
      self.assertEqual(numbers, {})

  def test_options_of_the_builder_and_numbers_of_init(self):
    cell, numbers = cell_options.make_cell(
      'lstm', 'peephole=True, projection=3,activation=relu,forget_bias=2'
    )
    same = cells.lstm(peephole=True, projection=3, activation=jax.nn.relu)
    params = cell.init(jax.random.key(0), jax.numpy.ones(2), 4, **numbers)
    self.assertEqual(numbers, {'forget_bias': 2.0})
    self.assertEqual(params.w_p.shape, (4, 3))
    self.assertIs(
      cell,
      cell_options.make_cell(
        'lstm', 'activation=relu,forget_bias=1,projection=3,peephole=true'
      )[0],
    )
    self.assertEqual(
      jax.tree.structure(params),
      jax.tree.structure(same.init(jax.random.key(0), jax.numpy.ones(2), 4)),
    )

  def test_a_registered_option_can_be_taken_back(self):
    cell, _ = cell_options.make_cell('lstm_peephole', 'peephole=false')
    params = cell.init(jax.random.key(0), jax.numpy.ones(2), 4)
    self.assertIsNone(params.p_i)

  @parameterized.parameters(
    (
      'peepole=true',
      "Unknown option of --cell=lstm 'peepole'. Did you mean 'peephole'",
    ),
    ('peephole=yes', 'peephole=yes: expected true or false'),
    ('peephole', "expected option=value, .* got 'peephole'"),
    ('heads=two', 'heads=two: expected an integer'),
    ('projection=99999999999', 'expected an integer below 2'),
    ('forget_bias=1e300', 'expected a finite number in float32'),
    ('=true', "got '=true'"),
    ('peephole=true projection=2', 'with commas between'),
    ('projection=0.5', 'projection=0.5: expected an integer'),
    ('forget_bias=nan', 'forget_bias=nan: expected a finite number'),
    ('activation=tahn', "Unknown activation .* 'tahn'. Did you mean 'tanh'"),
    ('heads=1,heads=2', 'heads is given twice'),
    ('heads=2,projection=3', 'Leave out one of them'),
  )
  def test_mistakes_are_sentences(self, text, message):
    with self.assertRaisesRegex(errors.UserError, message):
      cell_options.make_cell('lstm', text)


if __name__ == '__main__':
  absltest.main()
