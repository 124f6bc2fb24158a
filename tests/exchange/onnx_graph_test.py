"""Graphs as others write them are read, and what is not understood refused."""

import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from seqjax import errors, exchange
from seqjax.exchange import onnx_file

D, H, K, V = 3, 4, 2, 7
# Batch first, as torch and Keras write it; numbers are constants by name.
BEFORE = ['e = Gather(table, tokens)', 'x = Transpose<perm=[1,0,2]>(e)']
LAYER_0 = ['y, h = GRU<hidden_size=4, linear_before_reset=1>(x, w, r, b)']
BETWEEN = ['s = Squeeze(y, one)']
LAYER_1 = ['z = GRU<hidden_size=4, linear_before_reset=1>(s, w1, r1, b1)']
BEHIND = ['u = Squeeze(z, one)', 'v = Transpose<perm=[1,0,2]>(u)']
DENSE = ['m = MatMul(v, k)', 'n = Add(c, m)', 'out = Softmax<axis=-1>(n)']
STACK = [*BEFORE, *LAYER_0, *BETWEEN, *LAYER_1, *BEHIND, *DENSE]


def constants(gates=3, dtype=np.float32):
  rng = np.random.default_rng(0)
  draw = lambda *shape: rng.normal(size=shape).astype(dtype)
  layer = lambda width, end: {
    f'w{end}': draw(1, gates * H, width),
    f'r{end}': draw(1, gates * H, H),
    f'b{end}': draw(1, 2 * gates * H),
  }
  more = {'table': draw(V, D), 'k': draw(H, K), 'c': draw(K)}
  return {**layer(D, ''), **layer(H, '1'), **more, 'one': np.array([1])}


class GraphTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.onnx = pytest.importorskip('onnx')
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(folder, 'theirs.onnx')

  def model(self, nodes=STACK, inputs='int64[B,T] tokens', **changed):
    """A model from lines of nodes, with the constants that they read."""
    last = nodes[-1].partition('=')[0].split(',')[0].strip()
    model = self.onnx.parser.parse_model(
      '<ir_version: 8, opset_import: ["": 17]> '
      f'g ({inputs}) => (float[N] {last}) {{ {" ".join(nodes)} }}'
    )
    read = {name for node in model.graph.node for name in node.input}
    read -= {name for node in model.graph.node for name in node.output}
    read -= {value.name for value in model.graph.input}
    arrays = constants() | changed
    model.graph.initializer.extend(
      self.onnx.numpy_helper.from_array(array, name)
      for name, array in arrays.items()
      if name in read
    )
    return model

  def read(self, *args, **kwargs):
    self.path.write_bytes(self.model(*args, **kwargs).SerializeToString())
    return onnx_file.read(self.path)

  def refuses(self, sentence, *args, **kwargs):
    with self.assertRaisesRegex(errors.UserError, sentence):
      self.read(*args, **kwargs)

  def test_a_stack_and_what_is_around_it(self):
    arrays, cell, bidirectional, left_out = self.read()
    self.assertEqual((cell, bidirectional), ('gru', False))
    self.assertEqual(left_out, ["Softmax 'out'"])
    there = constants()
    wanted = {'embedding/embedding': there['table']}
    for layer, end in enumerate(('', '1')):
      for letter in 'WRB':
        array = there[f'{letter.lower()}{end}'][0]
        wanted[f'layers/{layer}/{letter}'] = array
    wanted |= {'linear/kernel': there['k'], 'linear/bias': there['c']}
    self.assertEqual(list(wanted), list(arrays))
    for name in wanted:
      np.testing.assert_array_equal(wanted[name], arrays[name])
    network = exchange.load('onnx', arrays, cell=cell)
    self.assertLen(network.by_layer, 2)

  @parameterized.parameters(
    # The last step, in three ways.
    (['q = Gather<axis=1>(v, last)', 'm = MatMul(q, k)', 'n = Add(m, c)'],),
    (['q = Gather<axis=1>(v, last)', 'n = Gemm(q, k, c)'],),
    (['q = Gather<axis=1>(v, last)', 'n = Gemm<transB=1>(q, kt, c)'],),
  )
  def test_dense_layers(self, dense):
    there = constants()
    nodes = [*STACK[: -len(DENSE)], *dense]
    arrays, *_ = self.read(nodes, last=np.array(-1), kt=there['k'].T.copy())
    np.testing.assert_array_equal(there['k'], arrays['linear/kernel'])
    np.testing.assert_array_equal(there['c'], arrays['linear/bias'])

  def test_a_dense_layer_on_the_last_state(self):
    nodes = [*BEFORE, *LAYER_0, 'q = Squeeze(h, zero)', 'n = Gemm(q, k, c)']
    arrays, *_ = self.read(nodes, zero=np.array([0]))
    self.assertIn('linear/kernel', arrays)

  def test_constants_may_be_nodes_and_shared(self):
    nodes = [*STACK]
    nodes[nodes.index(LAYER_1[0])] = LAYER_1[0].replace('b1', 'shared')
    line = 'flat = Constant<value = float[1,24] {%s}>()'
    line %= ', '.join(map(str, np.arange(24.0)))
    arrays, *_ = self.read([line, 'shared = Identity(flat)', *nodes])
    self.assertEqual(arrays['layers/1/B'].tolist(), np.arange(24.0).tolist())

  def test_a_bias_that_is_not_there(self):
    arrays, cell, *_ = self.read(
      [*BEFORE, 'y = LSTM<hidden_size=4>(x, w, r, , , , , p)'],
      **constants(4),
      p=np.ones((1, 3 * H), np.float32),
    )
    with self.assertRaisesRegex(errors.UserError, 'no B that belongs to it'):
      exchange.load('onnx', arrays, cell=cell)
    network = exchange.load('onnx', arrays, cell=cell, missing_bias='zero')
    self.assertEqual(network.cell, 'lstm_peephole')

  @parameterized.parameters((0.0, 0.0), (0.0, 1.0), (1.0, None))
  def test_peepholes(self, first, second):
    nodes = [
      *BEFORE,
      'y = LSTM<hidden_size=4>(x, w, r, b, , , , p)',
      *BETWEEN,
      f'z = LSTM<hidden_size=4>(s, w1, r1, b1{", , , , q" * bool(second)})',
    ]
    ones = np.ones((1, 3 * H), np.float32)
    more = {'p': first * ones, 'q': (second or 0) * ones}
    arrays, cell, *_ = self.read(nodes, **constants(4), **more)
    if first or second:
      self.assertEqual(cell, 'lstm_peephole')
      np.testing.assert_array_equal(more['p'][0], arrays['layers/0/P'])
      np.testing.assert_array_equal(more['q'][0], arrays['layers/1/P'])
    else:
      self.assertEqual(cell, 'lstm')
      self.assertNotIn('layers/0/P', arrays)
    self.assertEqual(exchange.load('onnx', arrays, cell=cell).cell, cell)

  def test_peepholes_of_a_hard_lstm(self):
    attributes = 'activations=["HardSigmoid", "Tanh", "Tanh"]'
    attributes += ', activation_alpha=[0.16666667]'
    self.refuses(
      'has peepholes, and no lstm_hard of ours has',
      [*BEFORE, f'y = LSTM<{attributes}>(x, w, r, b, , , , p)'],
      **constants(4),
      p=np.ones((1, 3 * H), np.float32),
    )

  @parameterized.parameters(
    ([], 0.0),
    (['s0 = ConstantOfShape(shape)'], 0.0),
    (['e0 = Expand(zero, shape)', 's0 = Concat<axis=0>(e0, e0)'], 0.0),
    (['s0 = ConstantOfShape<value=float[1] {1}>(shape)'], None),
    (['e0 = Expand(zero, shape)', 's0 = Concat<axis=0>(e0, one_f)'], None),
    (['e0 = Expand(one_f, shape)', 's0 = Identity(e0)'], None),
    (['s0 = Tanh(zero)'], None),
    ([], 1.0),
  )
  def test_initial_states(self, lines, constant):
    nodes = [*BEFORE, *lines, 'y = GRU<hidden_size=4>(x, w, r, b, , s0)']
    more = {
      'shape': np.array([1, 5, H]),
      'zero': np.zeros((1, 5, H), np.float32),
      'one_f': np.ones((1, 5, H), np.float32),
    }
    if not lines:
      more['s0'] = more['zero'] + np.float32(constant)
    if constant == 0.0:
      self.assertEqual(self.read(nodes, **more).cell, 'gru_reset_before')
    else:
      self.refuses(
        "GRU 'y' begins with the state 's0', which is neither zero nor an "
        'input of the model',
        nodes,
        **more,
      )

  def test_states_and_lengths_that_the_caller_gives(self):
    nodes = ['y = GRU<hidden_size=4>(x, w, r, b, n, s)']
    inputs = 'float[T,B,3] x, int32[B] n, float[1,B,4] s'
    self.assertNotIn('embedding/embedding', self.read(nodes, inputs).arrays)

  def test_no_recurrent_layer(self):
    self.refuses(
      'has no LSTM, GRU or RNN; its operators are: Gather, Transpose', BEFORE
    )

  @parameterized.parameters(
    (['a = Relu(s)'], 'a', "GRU 'z' reads what Relu 'a' gives"),
    (['a = Squeeze(h, one)'], 'a', "GRU 'z' reads what GRU 'y' gives"),
    ([], 'x', "GRU 'z' reads what Gather 'e' gives"),
  )
  def test_layers_that_do_not_follow_each_other(self, lines, source, sentence):
    layer = LAYER_1[0].replace('(s,', f'({source},')
    self.refuses(
      f"{sentence}; expected the outputs of GRU 'y'",
      [*BEFORE, *LAYER_0, *BETWEEN, *lines, layer],
    )

  @parameterized.parameters(
    (['x = Relu(f)'], 'Relu'),
    (['x = Gather<axis=1>(table_3, tokens)'], 'Gather'),
    (['x = Gather(f, tokens)'], 'Gather'),
  )
  def test_something_before_the_first_layer(self, lines, what):
    self.refuses(
      f"GRU 'y' reads what {what} 'x' gives; expected an input of the model or "
      'an embedding',
      [*lines, *LAYER_0],
      'float[T,B,3] f, int64[B,T] tokens',
      table_3=np.ones((2, 3), np.float32),
    )

  @parameterized.parameters(
    (['m = MatMul(v, k)', 'n = Add(c, m)', 'o = MatMul(n, k2)'], 'k2'),
    (['a = Relu(v)', 'o = Gemm(a, k, c)'], 'k, c'),
    (['o = Gemm<alpha=2.0>(v, k, c)'], 'k, c'),
    (['m = MatMul(v, k)', 'o = Add(m, square)'], 'square'),
    (['m = MatMul(v, k)', 'o = Mul(m, c)'], 'c'),
    (['o = Mul(v, scale)'], 'scale'),
  )
  def test_weights_that_are_left(self, lines, left):
    more = {'k2': (K, K), 'square': (K, K), 'scale': (H,)}
    self.refuses(
      f'computes something with {left} that is not understood: beside',
      [*STACK[: -len(DENSE)], *lines],
      **{name: np.ones(shape, np.float32) for name, shape in more.items()},
    )

  def test_layers_of_several_kinds(self):
    self.refuses(
      'several kinds: gru in one direction, gru_reset_before in one direction',
      [*BEFORE, *LAYER_0, *BETWEEN, 'z = GRU(s, w1, r1, b1)'],
    )

  def test_weights_that_are_no_constants(self):
    for given, inputs in (
      (['r = Tanh(b)'], 'float[T,B,3] x'),
      ([], 'float[T,B,3] x, float[1,12,4] r'),
    ):
      self.refuses(
        "GRU 'y' has no weights for R, but a value that is computed or passed "
        r"in, 'r'\. Export the model with its constants folded and its weights "
        r'not quantized\.',
        [*given, *LAYER_0],
        inputs,
      )

  @parameterized.parameters(
    ('w', (24, 4, 3), 'W', 3), ('r', (12, 4), 'R', 3), ('b', (24,), 'B', 2)
  )
  def test_shapes(self, name, shape, end, n_axes):
    self.refuses(
      rf"{end} of GRU 'y' has the shape \[{', '.join(map(str, shape))}\]; "
      f'expected {n_axes} axes, of which the first has 1',
      [*BEFORE, *LAYER_0],
      **{name: np.ones(shape, np.float32)},
    )

  def test_weights_in_other_files(self):
    self.onnx.save(
      self.model(),
      self.path,
      save_as_external_data=True,
      size_threshold=0,
      convert_attribute=True,
    )
    with self.assertRaisesRegex(
      errors.UserError,
      r'keeps weights in other files\. Put them all into one where they are: '
      r"onnx\.save\(onnx\.load\('.*theirs\.onnx'\), 'one\.onnx'\)\.",
    ):
      onnx_file.read(self.path)
    one = self.path.with_name('one.onnx')
    self.onnx.save(self.onnx.load(self.path), one)
    self.assertEqual(onnx_file.read(one).cell, 'gru')


if __name__ == '__main__':
  absltest.main()
