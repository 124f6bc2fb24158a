"""Networks become ONNX files that others run; what others wrote is read."""

import pathlib
import tempfile
from unittest import mock

import jax
import numpy as np
import pytest
from absl.testing import absltest, parameterized

from seqjax import cells, errors, exchange, layers
from seqjax.exchange import onnx_file, onnx_operators

D, K, V = 3, 2, 7
SHAPES = {
  'one layer': ((4,), False),
  'stacked': ((4, 4), False),
  'both ways': ((4, 5), True),
}
LENGTHS = np.array([6, 0, 1, 3, 5], np.int32)


def network(cell, sizes=(4,), bidirectional=False, dtype=np.float32, **options):
  """A network with random weights, biases included."""
  rng = np.random.default_rng(len(cell))
  stack = layers.Recurrent(
    cells.CELLS[cell](**options), sizes, bidirectional=bidirectional
  )
  params = jax.eval_shape(
    stack.init, jax.random.key(0), np.zeros((2, 1, D), np.float32)
  )
  draw = lambda x: rng.normal(0, 0.7, x.shape).astype(dtype)
  return exchange.Network(cell, options, jax.tree.map(draw, params['params']))


def surrounded(there):
  """With an embedding before the network and a dense layer behind it."""
  rng = np.random.default_rng(0)
  draw = lambda *shape: rng.normal(size=shape).astype(np.float32)
  width = sum(params.w_h.shape[0] for params in there.by_layer[-1])
  return there._replace(
    embedding=draw(V, D), dense=exchange.Dense(draw(width, K), draw(K))
  )


def run(there, xs, mask=None):
  apply = jax.jit(there.module().apply)
  return apply({'params': there.recurrent}, xs, mask=mask)


def assert_same(ours, theirs, rtol):
  scale = np.abs(ours).max()
  np.testing.assert_allclose(theirs, ours, 0, rtol * scale)


def assert_same_network(ours, theirs):
  assert (ours.cell, dict(ours.options)) == (theirs.cell, dict(theirs.options))
  jax.tree.map(np.testing.assert_array_equal, ours[2:], theirs[2:])


class FileTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.onnx = pytest.importorskip('onnx')
    folder = self.enterContext(tempfile.TemporaryDirectory())
    self.path = pathlib.Path(folder, 'network.onnx')

  def loaded(self, **options):
    arrays, cell, bidirectional, _ = onnx_file.read(self.path)
    return exchange.load(
      'onnx', arrays, cell=cell, bidirectional=bidirectional, **options
    )

  def write(self, there):
    onnx_file.write(self.path, there)
    self.onnx.checker.check_model(self.path, full_check=True)

  def session(self):
    runtime = pytest.importorskip('onnxruntime')
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    # In float64 it does not run, and says so in colours.
    options.log_severity_level = 4
    return runtime.InferenceSession(
      self.path, options, providers=['CPUExecutionProvider']
    )


class WriteTest(FileTest):
  @parameterized.product(
    cell=list(onnx_operators.OPERATORS), shape=list(SHAPES)
  )
  def test_onnxruntime_computes_the_same(self, cell, shape):
    sizes, bidirectional = SHAPES[shape]
    there = network(cell, sizes, bidirectional)
    self.write(there)
    session = self.session()
    names = [output.name for output in session.get_outputs()]
    xs = np.random.default_rng(1).normal(size=(6, 5, D)).astype(np.float32)
    mask = np.arange(6)[:, None] < LENGTHS
    ours = run(there, xs, mask)
    sides = ours.carry if bidirectional else [(c,) for c in ours.carry]
    # T and B may be of any size: the rows with up to three steps once more.
    for steps, rows in ((slice(6), slice(5)), (slice(3), slice(1, 4))):
      feeds = {'x': xs[steps, rows], 'lengths': LENGTHS[rows]}
      theirs = dict(zip(names, session.run(None, feeds), strict=True))
      outputs = theirs.pop('outputs')
      assert_same(ours.outputs[steps, rows], outputs, 1e-5)
      self.assertFalse(outputs[~mask[steps, rows]].any())
      for letter in sides[0][0]._fields:
        if bidirectional:  # These differ in width.
          states = [theirs.pop(f'layers/{i}/{letter}') for i in range(2)]
        else:
          states = [state[None] for state in theirs.pop(letter)]
        for side, state in zip(sides, states, strict=True):
          wanted = np.stack([getattr(carry, letter)[rows] for carry in side])
          assert_same(wanted, state, 1e-5)
      self.assertEmpty(theirs)

  def test_both_directions_of_a_layer_follow_each_other(self):
    there = network('gru', (4, 4), True)
    self.write(there)
    xs = np.ones((6, 5, D), np.float32)
    _, states = self.session().run(None, {'x': xs, 'lengths': LENGTHS})
    ours = run(there, xs, np.arange(6)[:, None] < LENGTHS)
    ours = [carry.h for sides in ours.carry for carry in sides]
    assert_same(np.stack(ours), states, 1e-5)

  @parameterized.parameters(('elman', 'one layer'), ('lstm', 'both ways'))
  def test_tokens_become_logits(self, cell, shape):
    there = surrounded(network(cell, *SHAPES[shape]))
    self.write(there)
    tokens = np.random.default_rng(2).integers(0, V, (6, 5))
    feeds = {'tokens': tokens, 'lengths': LENGTHS}
    [logits] = self.session().run(['logits'], feeds)
    mask = np.arange(6)[:, None] < LENGTHS
    ys = np.asarray(run(there, there.embedding[tokens], mask).outputs)
    assert_same(ys @ there.dense.kernel + there.dense.bias, logits, 1e-5)
    assert_same_network(there, self.loaded())

  @parameterized.parameters(
    'elman', 'lstm', 'lstm_peephole', 'gru', 'gru_reset_before'
  )
  def test_float64_is_kept(self, cell):
    from onnx import reference

    # onnxruntime does not run it; what ONNX itself computes has no lengths.
    there = network(cell, *SHAPES['both ways'], dtype=np.float64)
    self.write(there)
    xs = np.random.default_rng(3).normal(size=(6, 5, D))
    feeds = {'x': xs, 'lengths': np.full(5, 6, np.int32)}
    theirs = reference.ReferenceEvaluator(str(self.path)).run(None, feeds)
    with jax.enable_x64(True):
      assert_same(run(there, xs).outputs, theirs[0], 1e-12)
    assert_same_network(there, self.loaded())

  def test_onnxruntime_has_no_float64(self):
    # Once this fails, `write` may say something else.
    for cell in ('elman', 'lstm', 'gru'):
      self.write(network(cell, dtype=np.float64))
      feeds = {'x': np.ones((6, 5, D)), 'lengths': LENGTHS}
      with self.assertRaisesRegex(Exception, 'implementation|support double'):
        self.session().run(None, feeds)

  @parameterized.product(
    cell=list(onnx_operators.OPERATORS), shape=list(SHAPES)
  )
  def test_there_and_back_is_exact(self, cell, shape):
    there = network(cell, *SHAPES[shape])
    self.write(there)
    # The two are the same network, which begins in another way.
    cell = 'elman_relu' if cell == 'irnn' else cell
    assert_same_network(there._replace(cell=cell), self.loaded())

  def test_two_biases_stay_apart(self):
    there = network('lstm', double_bias=True)
    self.write(there)
    assert_same_network(there, self.loaded(double_bias=True))

  @parameterized.parameters(
    ('lstm', {'peephole': True}, 'lstm_peephole'),
    ('gru', {'reset': 'before'}, 'gru_reset_before'),
  )
  def test_options_that_are_a_cell_of_their_own(self, cell, options, name):
    there = network(cell, **options)
    self.write(there)
    assert_same_network(there._replace(cell=name, options={}), self.loaded())

  def test_the_same_network_gives_the_same_bytes(self):
    self.write(network('gru', (4, 5)))
    first = self.path.read_bytes()
    self.write(network('gru', (4, 5)))
    self.assertEqual(first, self.path.read_bytes())

  @parameterized.parameters(
    ({'cell': 'mgu'}, '--cell=mgu has no counterpart'),
    ({'cell': 'lstm', 'projection': 2}, 'a projection, and onnx has none'),
    ({'cell': 'gru', 'dtype': 'float16'}, 'is of float16; expected float32'),
  )
  def test_what_is_not_written(self, options, sentence):
    with self.assertRaisesRegex(errors.UserError, sentence):
      onnx_file.write(self.path, network(**options))
    self.assertEmpty(list(self.path.parent.iterdir()))

  def test_another_ending(self):
    with self.assertRaisesRegex(errors.UserError, r"Unknown ending '\.npz'"):
      onnx_file.write(self.path.with_name('a.npz'), network('gru'))

  def test_not_finite(self):
    there = surrounded(network('gru'))
    there.dense.bias[0] = np.nan
    with self.assertRaisesRegex(errors.UserError, 'linear/bias, 1 are not fin'):
      onnx_file.write(self.path, there)

  def test_too_large(self):
    with (
      mock.patch.object(onnx_file, '_MAX_BYTES', 100),
      self.assertRaisesRegex(
        errors.UserError,
        r'cannot write .*onnx: it would have \d+ bytes, and an ONNX file holds '
        r'100\. Write \.safetensors\.',
      ),
    ):
      onnx_file.write(self.path, network('gru'))

  def test_no_folder(self):
    with self.assertRaisesRegex(
      errors.UserError, 'cannot write .*missing/a.onnx: No such file or dir'
    ):
      onnx_file.write(self.path.parent / 'missing' / 'a.onnx', network('gru'))

  def test_a_failed_write_leaves_the_old_file(self):
    self.write(network('gru'))
    before = self.path.read_bytes()
    with (
      mock.patch('os.replace', side_effect=OSError(28, 'No space left')),
      self.assertRaisesRegex(
        errors.UserError, 'cannot write .*: No space left'
      ),
    ):
      onnx_file.write(self.path, network('lstm'))
    self.assertEqual(before, self.path.read_bytes())
    self.assertLen(list(self.path.parent.iterdir()), 1)

  def test_without_onnx(self):
    with mock.patch.dict('sys.modules', {'onnx': None}):
      for act in (
        lambda: onnx_file.write(self.path, network('gru')),
        lambda: onnx_file.read(self.path),
      ):
        with self.assertRaisesRegex(
          errors.UserError,
          'ONNX files need the package onnx .*pip install onnx, or begin with '
          'SEQJAX_EXTRAS=exchange',
        ):
          act()


class ReadTest(FileTest):
  @parameterized.parameters(
    (b'', 'expected an ONNX model, but .*onnx is empty'),
    (
      b'no model at all',
      r'is no ONNX model, or damaged or cut short \(.+\): f',
    ),
    # protobuf takes this for a message without any field.
    (b'\xa2\x06\x01a', r'is no ONNX model, or damaged or cut short \(.+\): fe'),
  )
  def test_other_files(self, content, sentence):
    self.path.write_bytes(content)
    with self.assertRaisesRegex(errors.UserError, sentence):
      onnx_file.read(self.path)

  def test_a_missing_file_and_a_folder(self):
    for path, reason in (
      (self.path, 'No such file or directory'),
      (self.path.parent, 'Is a directory'),
    ):
      with self.assertRaisesRegex(
        errors.UserError, f'^cannot read {path}: {reason}.$'
      ):
        onnx_file.read(path)

  def test_a_damaged_file_ends_in_a_sentence(self):
    self.write(surrounded(network('lstm_peephole')))
    content = self.path.read_bytes()
    rng, refused = np.random.default_rng(0), 0
    for _ in range(300):
      damaged = bytearray(content[: rng.integers(1, len(content) + 1)])
      damaged[rng.integers(len(damaged))] = rng.integers(256)
      self.path.write_bytes(damaged)
      try:
        onnx_file.read(self.path)
      except errors.UserError:
        refused += 1
    self.assertGreater(refused, 200)


if __name__ == '__main__':
  absltest.main()
