"""Another framework's arrays become ours, and ours theirs."""

import jax
import numpy as np
from absl.testing import absltest, parameterized
from networks import H, network

from seqjax import exchange

# system -> cells that it has, with their options.
CELLS = {
  'torch': [
    ('elman', {}),
    ('elman_relu', {'double_bias': True}),
    ('lstm', {}),
    ('lstm', {'projection': 2, 'double_bias': True}),
    ('gru', {}),
    ('gru', {'double_bias': True}),
  ],
  'keras': [
    ('elman', {}),
    ('elman_sigmoid', {}),
    ('lstm', {}),
    ('lstm_hard', {}),
    ('gru', {}),
    ('gru_reset_before', {}),
  ],
  'linen': [('elman', {}), ('lstm', {}), ('gru', {})],
  'nnx': [('elman', {}), ('lstm', {})],
  'haiku': [('elman_relu', {}), ('lstm', {}), ('gru_reset_before', {})],
  'equinox': [('lstm', {}), ('gru', {})],
  'onnx': [
    ('elman', {'double_bias': True}),
    ('lstm', {}),
    ('lstm_peephole', {}),
    ('gru', {}),
    ('gru_reset_before', {'double_bias': True}),
  ],
}
EVERY = [
  (system, cell, tuple(options.items()), bidirectional)
  for system, known in CELLS.items()
  for cell, options in known
  for bidirectional in (False, True)
]


class ConvertTest(parameterized.TestCase):
  @parameterized.parameters(*EVERY)
  def test_there_and_back_is_where_we_were(
    self, system, cell, options, bidirectional
  ):
    ours = network(cell, options, bidirectional)
    arrays = exchange.dump(system, ours)
    back = exchange.load(
      system,
      arrays,
      cell=cell,
      bidirectional=bidirectional,
      double_bias='double_bias' in dict(options),
    )
    self.assertEqual(back.options, ours.options)
    # haiku stores the forget bias less 1, which rounds.
    atol = 3e-7 if system == 'haiku' else 0
    jax.tree.map(
      lambda a, b: np.testing.assert_allclose(a, b, 0, atol),
      back[2:],
      ours[2:],
    )
    again = exchange.dump(system, back)
    self.assertEqual(list(again), list(arrays))
    for name, array in arrays.items():
      np.testing.assert_allclose(again[name], array, 0, atol)

  def test_memory_is_in_order(self):
    """safetensors.numpy.save_file writes it as it lies."""
    for name, array in exchange.dump('torch', network('lstm')).items():
      self.assertTrue(array.flags.c_contiguous, name)

  def test_the_order_of_gates(self):
    """Each gate's bias is its place in the framework's own order."""
    order = {
      'torch': 'ifgo',
      'keras': 'ifgo',
      'haiku': 'igfo',
      'onnx': 'iofg',
    }
    ours = network('lstm', sizes=(1,))
    params = ours.recurrent['layer_0']._replace(
      b=np.array([1, 2, 3, 4], np.float32)
    )
    ours = ours._replace(
      recurrent={'layer_0': params}, embedding=None, dense=None
    )
    names = {
      'torch': 'bias_ih_l0',
      'keras': 'lstm/lstm_cell/bias',
      'haiku': 'lstm/linear/b',
      'onnx': 'layers/0/B',
    }
    values = dict(zip('ifgo', [1, 2, 3, 4], strict=True))
    for system, gates in order.items():
      bias = exchange.dump(system, ours)[names[system]][:4]
      stored = values | ({'f': 1} if system == 'haiku' else {})
      self.assertEqual(bias.tolist(), [stored[g] for g in gates], system)

  def test_haiku_lets_the_new_state_in_where_we_keep_the_old(self):
    ours = network('gru_reset_before', sizes=(H,))
    b_r, b_z, b_n = np.split(ours.recurrent['layer_0'].b, 3)
    theirs = exchange.dump('haiku', ours)['gru/b']
    np.testing.assert_array_equal(theirs, np.concatenate([-b_z, b_r, b_n]))

  def test_second_biases_are_added_up_unless_kept(self):
    arrays = exchange.dump('torch', network('gru', {'double_bias': True}))
    first, second = arrays['gru.bias_ih_l0'], arrays['gru.bias_hh_l0']
    merged = exchange.load('torch', arrays).recurrent['layer_0']
    np.testing.assert_array_equal(merged.b[: 2 * H], (first + second)[: 2 * H])
    np.testing.assert_array_equal(merged.b[2 * H :], first[2 * H :])
    np.testing.assert_array_equal(merged.b_n, second[2 * H :])
    kept = exchange.load('torch', arrays, double_bias=True)
    np.testing.assert_array_equal(
      kept.recurrent['layer_0'].b_h, second[: 2 * H]
    )

  def test_layers_are_in_the_order_of_their_numbers(self):
    ours = network('lstm', sizes=(H,) * 12)
    arrays = exchange.dump('keras', ours)
    shuffled = dict(sorted(arrays.items()))  # lstm_10 before lstm_2
    back = exchange.load('keras', shuffled)
    np.testing.assert_array_equal(
      back.recurrent['layer_10'].w_h, ours.recurrent['layer_10'].w_h
    )

  def test_options_that_have_a_name_of_their_own(self):
    ours = network('lstm_peephole')._replace(
      cell='lstm', options={'peephole': True, 'heads': 1}
    )
    back = exchange.load(
      'onnx', exchange.dump('onnx', ours), cell='lstm_peephole'
    )
    jax.tree.map(np.testing.assert_array_equal, back[2:], ours[2:])

  def test_a_module_by_name(self):
    names = exchange.dump('nnx', network('lstm'), module='LSTMCell')
    self.assertIn('layer_0/cell/if_/kernel', names)
    self.assertIn(
      'layer_0/cell/dense_h/kernel', exchange.dump('nnx', network('lstm'))
    )


if __name__ == '__main__':
  absltest.main()
