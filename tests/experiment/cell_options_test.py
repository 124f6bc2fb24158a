import pathlib

import jax
from absl.testing import absltest, parameterized

from seqjax import cells, errors
from seqjax.experiment import cell_options
from seqjax.training import initial


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

  def check(self, cell, options, name, text):
    path = pathlib.Path('mine', initial.NAME)
    given = initial.Initial(path, 'ab' * 32, {}, cell, options)
    cell_options.check_same(given, name, text)

  @parameterized.parameters(
    ('lstm', {}, 'lstm', ''),
    ('lstm', {'projection': 3}, 'lstm', 'forget_bias=2,projection=3'),
    ('lstm', {'peephole': True}, 'lstm_peephole', ''),
    ('lstm_peephole', {'peephole': False}, 'lstm', 'heads=1'),
    # What is given as its default counts as not given, on either side.
    ('lstm', {'projection': None, 'heads': 1}, 'lstm', ''),
    ('lstm', {}, 'lstm', 'activation=tanh,coupled=false,forget_bias=2'),
    ('elman', {'activation': 'relu'}, 'elman_relu', ''),
    ('gru', {'reset': 'before'}, 'gru_reset_before', ''),
    ('conv_lstm_2d', {}, 'conv_lstm_2d', 'kernel_size=3'),
  )
  def test_the_same_cell_by_any_name(self, cell, options, name, text):
    self.check(cell, options, name, text)

  @parameterized.parameters(
    ('elman_relu', {}, 'elman', ''),
    ('elman', {}, 'elman', 'activation=relu'),
    ('gru', {}, 'gru_reset_before', ''),
    ('gru', {'reset': 'before'}, 'gru', ''),
    ('conv_lstm_1d', {}, 'conv_lstm_2d', ''),
    ('lstm', {'projection': 3}, 'lstm', 'projection=4'),
    ('lstm', {'peephole': True}, 'lstm', 'forget_bias=2'),
    ('mut1', {}, 'mut2', ''),
  )
  def test_weights_of_another_cell_are_refused(self, cell, options, name, text):
    with self.assertRaisesRegex(
      errors.UserError, f'mine/.* of --cell={cell}.* says --cell={name}'
    ):
      self.check(cell, options, name, text)

  @parameterized.parameters(
    ('ltsm', {}, "initial.safetensors: Unknown cell 'ltsm'"),
    ('lstm', {'peepole': True}, "safetensors: Unknown option .* 'peepole'"),
    ('lstm', {'heads': 'two'}, 'safetensors: --cell_options: heads=two'),
  )
  def test_weights_that_name_no_cell_are_a_sentence(self, cell, options, words):
    with self.assertRaisesRegex(errors.UserError, words):
      self.check(cell, options, 'lstm', '')


if __name__ == '__main__':
  absltest.main()
