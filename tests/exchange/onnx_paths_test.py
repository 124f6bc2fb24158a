"""What stands around the layers is exact, said to be left out, or refused."""

import numpy as np
import onnx_texts as texts
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.exchange import onnx_file


class PathsTest(texts.TextTest):
  @parameterized.parameters(
    (['o = Softmax<axis=-1>(s)'], ["Softmax 'o'"]),
    (['v = Identity(s)', *texts.DENSE, 'o = Relu(n)'], ["Relu 'o'"]),
    (['o = Gather<axis=2>(s, back)'], ["Squeeze 's'", "Gather 'o'"]),
    (['o = Gather<axis=0>(s, last)'], ["Squeeze 's'", "Gather 'o'"]),
    (['o = Transpose<perm=[1,0,2]>(s)'], []),
    (
      ['v = Gather(s, last)', *texts.DENSE],
      ["the steps not read by MatMul 'm'"],
    ),
    (
      ['v = Squeeze(h, zero)', *texts.DENSE],
      ["the steps not read by MatMul 'm'"],
    ),
    (
      ['v = Gather<axis=0>(s, back)', *texts.DENSE],
      ["the steps not read by MatMul 'm'"],
    ),
  )
  def test_what_is_left_out(self, lines, left_out):
    content = self.read([*texts.FIRST, *lines])
    self.assertEqual(left_out, content.left_out)

  @parameterized.parameters(
    ['p = Add(s, x)'],
    ['p = Mul(s, half)'],
    ['p = Concat<axis=2>(s, x)'],
    ['p = Dropout(s, half, true)'],
    ['p, o = Dropout(s)'],
    ['p = Concat<axis=2>(h, h)'],
    ['i = Shape(x)', 'p = Gather(s, i)'],
    ['v = Identity(s)', *texts.DENSE, 'p = Add(n, n)'],
    ['v = Identity(s)', *texts.DENSE, 'p = Mul(n, half)'],
    ['v = Identity(s)', *texts.SECOND, 'p = Add(u, s)'],
    ['v = Identity(s)', *texts.SECOND, 'p = Identity(u)', 'q = Relu(s)'],
  )
  def test_what_else_outputs_depend_on(self, *lines):
    name = lines[-1].partition(' =')[0][-1]
    self.refuses(
      f"the output '{name}' of the model comes from .*, which is not "
      'understood: behind the last layer there may be functions of one value ',
      [*texts.FIRST, *lines],
      outputs=f'float[N] {name}',
    )

  def test_a_dense_layer_of_one_number(self):
    nodes = ['y = RNN(x, w, r)', 's = Squeeze(y, one)']
    one = {
      name: np.ones([1] * n_axes, np.float32)
      for name, n_axes in {'w': 3, 'r': 3, 'k': 2, 'c': 1}.items()
    }
    inputs = 'float[T,B,1] x'
    dense = ['m = MatMul(s, k)', 'n = Add(m, c)']
    self.assertIn(
      'linear/kernel', self.read([*nodes, *dense], inputs, **one).arrays
    )
    self.refuses(
      "comes from MatMul 'm'",
      [*nodes, 'a = Relu(s)', 'm = MatMul(a, k)'],
      inputs,
      **one,
    )

  def test_a_bias_of_one_number(self):
    self.refuses(
      "comes from Add 'n'",
      [*texts.FIRST, 'v = Identity(s)', *texts.DENSE],
      c=np.ones(1, np.float32),
    )

  def test_layers_that_no_output_comes_from(self):
    self.refuses(
      "no output of the model comes from GRU 'z', the last layer",
      [*texts.FIRST, 'v = Identity(s)', *texts.SECOND],
      outputs='float[N] h',
    )
    self.refuses(
      "no output of the model comes from Add 'n', the last layer",
      [*texts.FIRST, 'v = Identity(s)', *texts.DENSE],
      outputs='float[N] s',
    )

  @parameterized.parameters(
    ['v = Transpose<perm=[1,0,2]>(s)'],
    ['v = Transpose<perm=[0,2,1]>(s)'],
    ['v = Dropout(s, half, true)'],
    ['i = Cast<to=6>(s)', 'v = Cast<to=1>(i)'],
  )
  def test_another_order_between_layers(self, *lines):
    self.refuses(
      "GRU 'z' reads the outputs of GRU 'y' in another order; expected time,",
      [*texts.FIRST, *lines, *texts.SECOND],
    )

  def test_the_mask_of_a_dropout(self):
    lines = ['d, mask = Dropout(s)', 'v = Cast<to=1>(mask)', *texts.SECOND]
    self.refuses("GRU 'z' reads what Dropout 'd' gives", [*texts.FIRST, *lines])

  def test_directions_that_are_not_put_together(self):
    second = f'y2 = {texts.BOTH}(s, w3, r3, b3)'
    self.refuses(
      "GRU 'y2' reads the outputs of GRU 'y' in another order",
      [
        *texts.BOTH_WAYS,
        texts.JOINED[1].replace('(t, keep', '(y, sizes'),
        second,
      ],
      f'float[{texts.T},{texts.B},{texts.H}] x',
    )

  @parameterized.parameters(
    ['v = Gather<axis=2>(s, back)'],
    ['v = Gather<axis=1>(s, zero)'],
    ['v = Transpose<perm=[0,2,1]>(s)'],
    ['v = Slice(s, zero, one, one)'],
  )
  def test_what_a_dense_layer_reads(self, *lines):
    self.refuses(
      "MatMul 'm' does not read the outputs of GRU 'y' as they are",
      [*texts.FIRST, *lines, *texts.DENSE],
    )

  def test_last_states_of_two_directions(self):
    lines = ['v = Gather<axis=0>(h, last)', *texts.DENSE]
    self.refuses("MatMul 'm' does not read", [*texts.BOTH_WAYS, *lines])

  @parameterized.parameters(
    ('x = Transpose<perm=[0,2,1]>(e)', "GRU 'y' reads what is not the data"),
    ('x = Squeeze(e, zero)', 'cannot compute'),
  )
  def test_axes_of_an_embedding(self, line, sentence):
    self.refuses(
      sentence, ['e = Gather(table, tokens)', line, *texts.FIRST], texts.TOKENS
    )

  def test_indices_are_an_input(self):
    for line in ('i = Cast<to=7>(tokens)', 'i = Transpose(tokens)'):
      nodes = [line, 'x = Gather(table, i)', *texts.FIRST]
      self.assertIn(
        'embedding/embedding', self.read(nodes, texts.TOKENS).arrays
      )
    for line in ('i = Add(tokens, one)', 'i = Identity(back)'):
      self.refuses(
        "Gather 'x' reads .*; expected an input of the model",
        [line, 'x = Gather(table, i)', *texts.FIRST],
        texts.TOKENS,
      )
    # A number that is not there any more.
    nodes = ['t = Cast<to=9>(tokens)', 'i = Cast<to=7>(t)']
    self.refuses(
      "Gather 'x' reads what is not the data",
      [*nodes, 'x = Gather(table, i)', *texts.FIRST],
      texts.TOKENS,
    )

  def test_lengths(self):
    layer = 'y = GRU(x, w, r, b, n)'
    inputs = f'{texts.X}, int64[B] lengths'
    content = self.read(['n = Cast<to=6>(lengths)', layer], inputs)
    self.assertEmpty(content.left_out)
    for line in ('n = Identity(short)', 'n = Shape(x)'):
      self.refuses(
        "GRU 'y' has the lengths '.*', which are constant or computed",
        [line, layer],
        inputs,
      )
    self.refuses(
      'some layers have lengths and others have none',
      [layer, 'v = Squeeze(y, one)', 'z = GRU(v, w, r, b)'],
      f'{texts.X}, int32[B] n',
    )

  def test_states_that_the_data_decide(self):
    lines = ['p = Slice(x, zero, one)', 'y = GRU(x, w, r, b, , p)']
    self.refuses("GRU 'y' begins with the state 'p'", lines)

  def test_operators_of_others(self):
    self.refuses(
      "has an operator LSTM of 'other'. Understood are those of ONNX",
      [*texts.FIRST, 'o = other.LSTM(s)'],
    )
    self.refuses(
      'has version 6 of the operators; expected 7 or later',
      texts.FIRST[:1],
      opset=6,
    )

  def test_operators_that_are_defined_anew(self):
    model = self.model(texts.FIRST)
    versions = model.opset_import[:1]
    model.functions.append(
      self.onnx.helper.make_function('', 'GRU', ['x'], ['x'], [], versions)
    )
    self.path.write_bytes(model.SerializeToString())
    with self.assertRaisesRegex(
      errors.UserError, 'has an operator GRU of its own'
    ):
      onnx_file.read(self.path)

  def test_a_hidden_size_that_differs(self):
    self.refuses(
      "GRU 'y' says hidden_size=5, and its R is of 3",
      ['y = GRU<hidden_size=5>(x, w, r, b)'],
    )

  def test_values_too_large_to_follow(self):
    self.refuses(
      r'shape \[1000000, 1000000, 3\], which are too large to follow',
      texts.FIRST,
      'float[1000000,1000000,3] x',
    )

  @parameterized.parameters('shape', 'type')
  def test_values_that_are_not_described(self, what):
    model = self.model(texts.FIRST)
    for value in (*model.graph.input, *model.graph.output):
      message = value.type.tensor_type if what == 'shape' else value
      message.ClearField(what)
    self.path.write_bytes(model.SerializeToString())
    self.assertEmpty(onnx_file.read(self.path).left_out)


if __name__ == '__main__':
  absltest.main()
