"""Graphs from lines of text, and constants by name that they may read."""

import pathlib
import tempfile

import numpy as np
import pytest
from absl.testing import parameterized

from seqjax import errors
from seqjax.exchange import onnx_file

T, B, H, V, K = 5, 2, 3, 7, 4
X, TOKENS = f'float[T,B,{H}] x', 'int64[T,B] tokens'
# As wide as their input: what mixes up axes still has a shape that fits.
FIRST = ['y, h = GRU<hidden_size=3>(x, w, r, b)', 's = Squeeze(y, one)']
SECOND = ['z = GRU<hidden_size=3>(v, w, r, b)', 'u = Squeeze(z, one)']
BOTH = 'GRU<hidden_size=3, direction="bidirectional">'
BOTH_WAYS = [f'y, h = {BOTH}(x, w2, r2, b2)']
JOINED = ['t = Transpose<perm=[0,2,1,3]>(y)', 's = Reshape(t, keep)']
DENSE = ['m = MatMul(v, k)', 'n = Add(m, c)']


def constants():
  rng = np.random.default_rng(0)
  draw = lambda *shape: rng.normal(0, 0.7, shape).astype(np.float32)
  layer = lambda width, n, end: {
    f'w{end}': draw(n, 3 * H, width),
    f'r{end}': draw(n, 3 * H, H),
    f'b{end}': draw(n, 6 * H),
  }
  weights = {**layer(H, 1, ''), **layer(H, 2, '2'), **layer(2 * H, 2, '3')}
  weights |= {'table': draw(V, H), 'k': draw(H, K), 'c': draw(K)}
  integers = {
    'zero': [0],
    'one': [1],
    'last': -1,
    'back': [2, 1, 0],
    'keep': [0, 0, -1],
    'sizes': [T, B, 2 * H],
  }
  numbers = {'half': np.float32(0.5), 'true': np.array(True)}
  numbers['short'] = np.array([3, 3], np.int32)
  return weights | numbers | {n: np.array(x) for n, x in integers.items()}


class TextTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.onnx = pytest.importorskip('onnx')
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(folder, 'theirs.onnx')

  def model(self, nodes, inputs=X, outputs=None, opset=17, **more):
    """A model from lines of nodes, with the constants that they read."""
    last = nodes[-1].partition('=')[0].split(',')[0].strip()
    model = self.onnx.parser.parse_model(
      f'<ir_version: 8, opset_import: ["": {opset}, "other": 1]> '
      f'g ({inputs}) => ({outputs or f"float[N] {last}"}) '
      f'{{ {" ".join(nodes)} }}'
    )
    read = {name for node in model.graph.node for name in node.input}
    read -= {name for node in model.graph.node for name in node.output}
    model.graph.initializer.extend(
      self.onnx.numpy_helper.from_array(array, name)
      for name, array in (constants() | more).items()
      if name in read
    )
    return model

  def read(self, *args, **kwargs):
    model = self.model(*args, **kwargs)
    self.path.write_bytes(model.SerializeToString())
    return onnx_file.read(self.path)

  def refuses(self, sentence, *args, **kwargs):
    with self.assertRaisesRegex(errors.UserError, sentence):
      self.read(*args, **kwargs)
