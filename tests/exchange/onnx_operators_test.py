"""Which cell an operator of ONNX computes, and what no cell does."""

import pytest
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.exchange import onnx_operators

LSTM = ['Sigmoid', 'Tanh', 'Tanh']
HARD = ['HardSigmoid', 'Tanh', 'Tanh']


class OnnxOperatorsTest(parameterized.TestCase):
  def node(self, name, **attributes):
    helper = pytest.importorskip('onnx').helper
    return helper.make_node(name, ['x', 'w', 'r'], ['y'], 'a', **attributes)

  @parameterized.product(cell=list(onnx_operators.OPERATORS), directions=[1, 2])
  def test_attributes_say_the_cell(self, cell, directions):
    attributes = onnx_operators.attributes(cell, directions, 4)
    node = self.node(onnx_operators.OPERATORS[cell].name, **attributes)
    # Neither how it begins nor its peepholes are attributes.
    cell = {'irnn': 'elman_relu', 'lstm_peephole': 'lstm'}.get(cell, cell)
    self.assertEqual(onnx_operators.cell_of(node), (cell, directions))

  @parameterized.parameters(
    ('RNN', 'elman'), ('GRU', 'gru_reset_before'), ('LSTM', 'lstm')
  )
  def test_without_attributes(self, name, cell):
    self.assertEqual(onnx_operators.cell_of(self.node(name)), (cell, 1))

  def test_activations_of_a_direction_that_is_not_there(self):
    # What ONNX gives for a default.
    node = self.node('RNN', activations=['Relu', 'Tanh'])
    self.assertEqual(onnx_operators.cell_of(node), ('elman_relu', 1))

  @parameterized.parameters(
    ('RNN', {'clip': 3.0}, r'clips what goes into its activations \(clip=3\.0'),
    ('LSTM', {'input_forget': 1}, r'ties two gates together \(input_forget=1'),
    ('GRU', {'layout': 1}, r'has the batch before time \(layout=1'),
    (
      'RNN',
      {'direction': 'reverse'},
      r'from the end alone \(direction=reverse',
    ),
  )
  def test_what_no_network_does(self, name, attributes, what):
    self.refuses(
      self.node(name, **attributes),
      rf"^{name} 'a' .*{what}\), which is not understood here\.$",
    )

  @parameterized.parameters(
    ('RNN', ['Elu'], 'Elu', 'Tanh or Relu or Sigmoid'),
    ('GRU', ['HardSigmoid', 'Tanh'], 'HardSigmoid, Tanh', 'Sigmoid, Tanh'),
    ('LSTM', LSTM[:2], 'Sigmoid, Tanh', ', '.join(LSTM)),
    ('LSTM', ['Sigmoid', 'Tanh', 'Relu'], 'Sigmoid, Tanh, Relu', ''),
    ('LSTM', ['HardSigmoid', 'Relu', 'Tanh'], 'HardSigmoid, Relu, Tanh', ''),
  )
  def test_other_activations(self, name, given, said, expected):
    self.refuses(
      self.node(name, activations=given),
      f"^{name} 'a' has the activations {said}; expected in each "
      f'direction {expected}',
    )

  @parameterized.parameters([LSTM + HARD], [LSTM])
  def test_directions_that_differ(self, given):
    self.refuses(
      self.node('LSTM', direction='bidirectional', activations=given),
      'has the activations Sigmoid, Tanh, Tanh.*; expected in each direction',
    )

  @parameterized.parameters(
    ({}, r'alpha \[0\.2\] and beta \[0\.5\]'),
    ({'activation_alpha': [0.17]}, r'alpha \[0\.17\] and beta \[0\.5\]'),
    (
      {'activation_alpha': [1 / 6], 'activation_beta': [0.4]},
      r'alpha \[0\.166667\] and beta \[0\.4\]',
    ),
  )
  def test_another_hard_sigmoid(self, numbers, said):
    self.refuses(
      self.node('LSTM', activations=HARD, **numbers),
      f"^LSTM 'a' has a HardSigmoid of {said}; here it is that of JAX and "
      'Keras 3: alpha 1/6, beta 1/2',
    )

  def test_another_hard_sigmoid_backward(self):
    node = self.node(
      'LSTM',
      activations=HARD + HARD,
      direction='bidirectional',
      activation_alpha=[1 / 6],
    )
    self.refuses(node, r'alpha \[0\.166667, 0\.2\]')

  def refuses(self, node, sentence):
    with self.assertRaisesRegex(errors.UserError, sentence):
      onnx_operators.cell_of(node)


if __name__ == '__main__':
  absltest.main()
