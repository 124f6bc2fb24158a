"""Graphs that others wrote compute the same as the networks read from them."""

import warnings

import numpy as np
import onnx_texts as texts
import pytest
from absl.testing import absltest, parameterized

from seqjax import exchange
from seqjax.exchange import onnx_file


class ExactTest(texts.TextTest):
  def outputs(self, content, xs):
    """What the network that was read computes."""
    there = exchange.load(
      'onnx',
      content.arrays,
      cell=content.cell,
      bidirectional=content.bidirectional,
    )
    if there.embedding is not None:
      xs = there.embedding[xs]
    ys = there.module().apply({'params': there.recurrent}, xs).outputs
    if there.dense is None:
      return np.asarray(ys)
    return np.asarray(ys) @ there.dense.kernel + there.dense.bias

  def assert_computes_the_same(self, content):
    rng = np.random.default_rng(1)
    xs = rng.normal(size=(texts.T, texts.B, texts.H)).astype(np.float32)
    runtime = pytest.importorskip('onnxruntime')
    session = runtime.InferenceSession(
      self.path, providers=['CPUExecutionProvider']
    )
    [theirs] = session.run(None, {'x': xs})
    np.testing.assert_allclose(theirs, self.outputs(content, xs), 0, 1e-5)

  @parameterized.parameters(
    ([],),
    (['v = Identity(s)', *texts.SECOND],),
    (
      [
        'p = Transpose<perm=[1,0,2]>(s)',
        'v = Transpose<perm=[1,0,2]>(p)',
        *texts.SECOND,
      ],
    ),
    (['v = Identity(s)', *texts.DENSE],),
    (
      [
        'k1 = Constant<value_floats=[1.0, 2.0, 3.0, 4.0]>()',
        'v = Identity(s)',
        'm = MatMul(v, k)',
        'n = Add(m, k1)',
      ],
    ),
  )
  def test_one_direction(self, lines):
    content = self.read([*texts.FIRST, *lines])
    self.assertEmpty(content.left_out)
    self.assert_computes_the_same(content)

  @parameterized.parameters('keep', 'sizes')
  def test_both_directions(self, shape):
    inputs = (
      texts.X if shape == 'keep' else f'float[{texts.T},{texts.B},{texts.H}] x'
    )
    lines = [line.replace('keep', shape) for line in texts.JOINED]
    second = f'y2 = {texts.BOTH}(s, w3, r3, b3)'
    again = [
      't2 = Transpose<perm=[0,2,1,3]>(y2)',
      f's2 = Reshape(t2, {shape})',
    ]
    content = self.read([*texts.BOTH_WAYS, *lines, second, *again], inputs)
    self.assertEmpty(content.left_out)
    self.assert_computes_the_same(content)

  def test_sizes_in_a_shape_are_those_of_the_data(self):
    lines = [line.replace('keep', 'sizes') for line in texts.JOINED]
    second = f'y2 = {texts.BOTH}(s, w3, r3, b3)'
    self.refuses(
      "cannot compute 's' from",
      [*texts.BOTH_WAYS, *lines, second],
      f'float[{texts.T},{texts.B + 1},{texts.H}] x',
    )
    self.refuses(
      "GRU 'y2' reads the outputs of GRU 'y' in another order",
      [*texts.BOTH_WAYS, *lines, second],
      f'float[{texts.B},{texts.T},{texts.H}] x',
    )

  @parameterized.product(
    name=['RNN', 'LSTM', 'GRU'],
    bidirectional=[False, True],
    batch_first=[False, True],
    opset=[11, 17],
  )
  def test_exports_of_torch(self, name, bidirectional, batch_first, opset):
    torch = pytest.importorskip('torch')

    class Tagger(torch.nn.Module):
      def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(texts.V, 3)
        module = getattr(torch.nn, name)
        options = {'bidirectional': bidirectional, 'batch_first': batch_first}
        self.layers = module(3, texts.H, 2, **options)
        self.dense = torch.nn.Linear(texts.H * (1 + bidirectional), texts.K)

      def forward(self, tokens):
        return self.dense(self.layers(self.table(tokens))[0]).softmax(-1)

    tagger = Tagger().eval()
    tokens = torch.arange(texts.T * texts.B).reshape(texts.T, texts.B) % texts.V
    given = tokens.T if batch_first else tokens
    with warnings.catch_warnings():
      # The exporter that needs nothing else is the old one.
      warnings.simplefilter('ignore')
      torch.onnx.export(
        tagger,
        (given,),
        self.path,
        dynamo=False,
        opset_version=opset,
        input_names=['tokens'],
        dynamic_axes={'tokens': {0: 'N', 1: 'M'}},
      )
    content = onnx_file.read(self.path)
    self.assertLen(content.left_out, 1)
    ours = np.exp(self.outputs(content, tokens.numpy()))
    ours /= ours.sum(-1, keepdims=True)
    theirs = tagger(given).detach().numpy()
    theirs = theirs.swapaxes(0, 1) if batch_first else theirs
    np.testing.assert_allclose(theirs, ours, 1e-5, 1e-6)


if __name__ == '__main__':
  absltest.main()
