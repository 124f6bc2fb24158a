"""What stands before and behind the recurrent layers, and where it stands."""

import numpy as np
from absl.testing import absltest, parameterized
from networks import D, H, K, V, network

from seqjax import errors, exchange


def arrays(**more):
  """Those of torch for one LSTM of H units that reads D features."""
  recurrent = network('lstm', sizes=(H,))._replace(embedding=None, dense=None)
  rng = np.random.default_rng(1)
  draw = lambda shape: rng.normal(size=shape).astype(np.float32)
  more = {
    f'{name}.{end}': x for name, s in more.items() for end, x in s.items()
  }
  return exchange.dump('torch', recurrent) | {
    name: draw(shape) for name, shape in more.items()
  }


class SurroundingsTest(parameterized.TestCase):
  def refuses(self, words, arrays, **options):
    with self.assertRaisesRegex(errors.UserError, words):
      exchange.load('torch', arrays, **options)

  def test_a_head_without_a_bias(self):
    given = arrays(emb={'weight': (V, D)}, fc={'weight': (K, H)})
    self.refuses("fc.weight has no bias.*missing_bias='zero'", given)
    network = exchange.load('torch', given, missing_bias='zero')
    np.testing.assert_array_equal(network.dense.kernel.T, given['fc.weight'])
    np.testing.assert_array_equal(network.dense.bias, np.zeros(K))
    np.testing.assert_array_equal(network.embedding, given['emb.weight'])

  def test_an_embedding_that_could_be_a_head(self):
    square = exchange.dump(
      'torch',
      network('lstm', sizes=(D,))._replace(embedding=None, dense=None),
    )
    table = {'first.weight': np.ones((V, D), np.float32)}
    self.refuses("say embedding='first' or dense='first'", square | table)
    taken = exchange.load('torch', square | table, embedding='first')
    self.assertIsNone(taken.dense)
    taken = exchange.load(
      'torch', square | table, dense='first', missing_bias='zero'
    )
    self.assertIsNone(taken.embedding)
    named = {'embedding.weight': table['first.weight']}
    taken = exchange.load('torch', square | named)
    self.assertEqual(taken.embedding.shape, (V, D))

  def test_a_dense_layer_that_could_stand_before(self):
    given = arrays(fc={'weight': (D, H), 'bias': (D,)})
    self.refuses("could stand before.*dense='fc'", given)
    self.assertIsNotNone(exchange.load('torch', given, dense='fc').dense)
    # Behind an embedding of D features it could not.
    given = arrays(emb={'weight': (V, D)}, fc={'weight': (D, H), 'bias': (D,)})
    self.assertIsNotNone(exchange.load('torch', given).dense)

  def test_a_dense_layer_that_could_stand_between(self):
    layers = network('lstm', sizes=(H, H))._replace(dense=None)
    fc = {
      'fc.weight': np.ones((H, H), np.float32),
      'fc.bias': np.ones(H, np.float32),
    }
    self.refuses('could stand before', exchange.dump('torch', layers) | fc)

  def test_a_name_that_is_not_there(self):
    given = arrays(head={'weight': (K, H), 'bias': (K,)})
    self.refuses("dense layer 'haed'. Did you mean", given, dense='haed')

  def test_what_was_loaded_is_its_own(self):
    given = arrays(emb={'weight': (V, D)}, fc={'weight': (K, H), 'bias': (K,)})
    network = exchange.load('torch', given)
    before = network.embedding.copy(), network.dense.bias.copy()
    for array in given.values():
      array += 1
    np.testing.assert_array_equal(network.embedding, before[0])
    np.testing.assert_array_equal(network.dense.bias, before[1])
    written = exchange.dump('torch', network)
    for array in written.values():
      array += 1
    np.testing.assert_array_equal(network.embedding, before[0])


class ChecksTest(parameterized.TestCase):
  @parameterized.parameters(
    ({3: np.ones(2)}, 'Expected names of arrays, got 3'),
    ({'w': [1.0]}, 'w is a list; expected arrays'),
    ({'w': np.ones((0, 2), np.float32)}, r'w is empty: \[0, 2\]'),
  )
  def test_what_is_no_array_of_weights(self, arrays, words):
    with self.assertRaisesRegex(errors.UserError, words):
      exchange.load('torch', arrays)

  def test_biases_whose_sum_is_infinite(self):
    given = arrays()
    for name in ('bias_ih_l0', 'bias_hh_l0'):
      given[name] = np.full(4 * H, 3e38, np.float32)
    with self.assertRaisesRegex(errors.UserError, '16 are not finite'):
      exchange.load('torch', given)

  def test_widths_that_no_module_of_torch_has(self):
    with self.assertRaisesRegex(errors.UserError, 'one width.*4, 5'):
      exchange.dump('torch', network('lstm', sizes=(H, H + 1)))


if __name__ == '__main__':
  absltest.main()
