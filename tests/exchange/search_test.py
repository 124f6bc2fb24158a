"""What another framework has no place for, or we have none for, is refused."""

import jax
import numpy as np
from absl.testing import absltest, parameterized
from networks import D, H, K, V, network

from seqjax import errors, exchange


def torch_arrays(**changed):
  """Those of a two-layer LSTM, with some replaced, or left out where None."""
  arrays = exchange.dump('torch', network('lstm', sizes=(H, H)))
  arrays = arrays | {name.replace('__', '.'): x for name, x in changed.items()}
  return {name: x for name, x in arrays.items() if x is not None}


def stack(*sizes):
  """Recurrent layers alone."""
  return network('lstm', sizes=sizes)._replace(embedding=None, dense=None)


class RefusalTest(parameterized.TestCase):
  def refuses(self, words, call, *args, **options):
    with self.assertRaisesRegex(errors.UserError, words):
      call(*args, **options)

  @parameterized.parameters(
    ('torch', 'gru_reset_before', 'after the product.*before the product'),
    ('haiku', 'gru', 'before the product.*after the product'),
    ('equinox', 'elman', 'equinox has no elman; it has gru, lstm'),
    ('torch', 'lstm_peephole', 'torch has no lstm_peephole'),
  )
  def test_a_cell_that_they_do_not_have(self, system, cell, words):
    self.refuses(words, exchange.dump, system, network(cell))

  def test_options_that_they_do_not_have(self):
    projected = network('lstm', {'projection': 2})
    self.refuses('has a projection', exchange.dump, 'keras', projected)
    heads = network('lstm')._replace(options={'heads': 2})
    self.refuses('The option heads', exchange.dump, 'torch', heads)
    slstm = network('lstm')._replace(cell='slstm')
    self.refuses('no counterpart', exchange.dump, 'torch', slstm)

  def test_a_bias_of_the_candidate_that_nnx_has_no_place_for(self):
    ours = network('gru', sizes=(H,))
    self.refuses("second bias of n.*nnx's GRUCell", exchange.dump, 'nnx', ours)
    params = ours.recurrent['layer_0']
    ours.recurrent['layer_0'] = params._replace(b_n=0 * params.b_n)
    back = exchange.load('nnx', exchange.dump('nnx', ours))
    jax.tree.map(np.testing.assert_array_equal, back[2:], ours[2:])

  def test_learned_states_and_shortcuts(self):
    ours = network('lstm')
    ours.recurrent['layer_0_initial'] = ours.recurrent['layer_0']
    self.refuses('layer_0_initial', exchange.dump, 'torch', ours)

  @parameterized.parameters(
    (
      'wrong number of gates',
      r'weight_hh_l0.*\[12, 4\], expected \[4H, H\]',
      {
        'lstm__weight_ih_l0': np.ones((12, D), np.float32),
        'lstm__weight_hh_l0': np.ones((12, H), np.float32),
      },
    ),
    (
      'unknown key',
      'attention.weight',
      {'attention__weight': np.ones((2, 2, 2), np.float32)},
    ),
    (
      'two candidates',
      'could each be of the dense',
      {
        'other__weight': np.ones((K, H), np.float32),
        'other__bias': np.ones(K, np.float32),
      },
    ),
    (
      'missing matrix',
      'weight_ih_l1.*no weight_hh',
      {'lstm__weight_hh_l1': None},
    ),
    ('missing bias', 'no bias_hh.*missing_bias', {'lstm__bias_hh_l1': None}),
    (
      'float16',
      'weight_ih_l0 is of float16',
      {'lstm__weight_ih_l0': np.ones((4 * H, D), np.float16)},
    ),
    ('integers', 'is of int64', {'lstm__bias_ih_l0': np.ones(4 * H, np.int64)}),
    (
      'mixed',
      'float32 and lstm.bias_ih_l0 of float64',
      {'lstm__bias_ih_l0': np.ones(4 * H)},
    ),
    (
      'nan',
      'numbers of lstm.bias_ih_l0, 16 are not finite',
      {'lstm__bias_ih_l0': np.full(4 * H, np.nan, np.float32)},
    ),
    (
      'embedding',
      r'embedding.weight.*\[7, 5\].*\[V, 3\]',
      {'embedding__weight': np.ones((V, 5), np.float32)},
    ),
    (
      'dense',
      'linear.weight reads 5 features.*give 4',
      {'linear__weight': np.ones((K, 5), np.float32)},
    ),
  )
  def test_of_torch(self, _, words, changed):
    arrays = torch_arrays(**changed)
    self.refuses(words, exchange.load, 'torch', arrays, cell='lstm')

  def test_a_missing_layer(self):
    ours = exchange.dump('keras', network('lstm', sizes=(H, 5, 6)))
    arrays = {n: x for n, x in ours.items() if 'lstm_1/' not in n}
    self.refuses('between them is missing', exchange.load, 'keras', arrays)

  def test_a_layer_missing_among_equals(self):
    ours = exchange.dump('torch', network('lstm', sizes=(D, D, D)))
    arrays = {n: x for n, x in ours.items() if not n.endswith('_l1')}
    self.refuses('_l0, then .*_l2: a layer', exchange.load, 'torch', arrays)

  @parameterized.parameters('torch', 'keras')
  def test_two_networks_in_one_file(self, system):
    """An encoder and a decoder of one width would pass for two layers."""
    ours = network('lstm', sizes=(D,))._replace(embedding=None, dense=None)
    arrays = exchange.dump(system, ours)
    separator = exchange.SYSTEMS[system].separator
    arrays = {
      f'{name}{separator}{array}': x
      for name in ('encoder', 'decoder')
      for array, x in arrays.items()
    }
    self.refuses(
      'decoder.*encoder.*two networks', exchange.load, system, arrays
    )

  def test_a_missing_layer_of_keras_among_equals(self):
    ours = exchange.dump('keras', network('lstm', sizes=(D, D, D)))
    arrays = {n: x for n, x in ours.items() if 'lstm_1/' not in n}
    self.refuses('between them is missing', exchange.load, 'keras', arrays)

  def test_a_module_that_does_not_begin_at_0(self):
    ours = exchange.dump('torch', stack(D, D))
    first = {f'rnn1.{n}': x for n, x in ours.items()}
    second = {f'rnn2.{n}': x for n, x in ours.items() if n.endswith('_l1')}
    self.refuses(
      'rnn1.*_l1, then rnn2.*_l1', exchange.load, 'torch', first | second
    )

  def test_a_layer_that_reads_the_other_way_is_no_second_direction(self):
    ours = exchange.dump('keras', stack(D))
    arrays = ours | {
      n.replace('lstm/', 'lstm_reverse/', 1): x for n, x in ours.items()
    }
    self.refuses('two networks', exchange.load, 'keras', arrays)

  def test_directions_of_different_sizes(self):
    ours = exchange.dump('linen', network('lstm', sizes=(H,)))
    other = exchange.dump('linen', network('lstm', sizes=(H + 1,)))
    arrays = {f'forward_rnn/{n}': x for n, x in ours.items() if 'cell/' in n}
    arrays |= {f'backward_rnn/{n}': x for n, x in other.items() if 'cell/' in n}
    self.refuses('different sizes', exchange.load, 'linen', arrays)

  @parameterized.parameters('lstm', 'rnn')
  def test_a_name_without_a_number_is_the_first(self, name):
    ours = exchange.dump('torch', stack(D))
    arrays = {f'{name}2.{n}': x for n, x in ours.items()}
    arrays |= {f'{name}.{n}': x + 1 for n, x in ours.items()}
    first = exchange.load('torch', arrays).recurrent['layer_0']
    np.testing.assert_array_equal(first.w_x.T, arrays[f'{name}.weight_ih_l0'])

  def test_a_missing_direction(self):
    ours = exchange.dump('torch', network('gru', bidirectional=True))
    arrays = {n: x for n, x in ours.items() if not n.endswith('_l1_reverse')}
    self.refuses('2 directions.*1 backward', exchange.load, 'torch', arrays)

  def test_directions_that_were_denied(self):
    arrays = exchange.dump('torch', network('gru', bidirectional=True))
    self.refuses(
      'or all one', exchange.load, 'torch', arrays, bidirectional=False
    )

  def test_a_missing_bias_as_zero(self):
    arrays = torch_arrays(lstm__bias_hh_l1=None, lstm__bias_ih_l1=None)
    back = exchange.load('torch', arrays, missing_bias='zero')
    np.testing.assert_array_equal(back.recurrent['layer_1'].b, 0)

  def test_an_activation_that_weights_do_not_say(self):
    arrays = exchange.dump('torch', network('elman'))
    self.refuses('activation.*elman_relu', exchange.load, 'torch', arrays)

  def test_an_unknown_name(self):
    self.refuses("Did you mean 'torch'", exchange.load, 'torhc', {})
    self.refuses('elman', exchange.load, 'torch', torch_arrays(), cell='emlan')
    self.refuses(
      'LSTMCell', exchange.dump, 'nnx', network('lstm'), module='LSTM'
    )

  def test_another_frameworks_names(self):
    arrays = exchange.dump('keras', network('lstm'))
    self.refuses('No recurrent layer of torch', exchange.load, 'torch', arrays)
    self.refuses('no array', exchange.load, 'torch', {})

  def test_two_biases_where_they_have_one(self):
    arrays = exchange.dump('keras', network('lstm'))
    self.refuses(
      'keras keeps one bias', exchange.load, 'keras', arrays, double_bias=True
    )


if __name__ == '__main__':
  absltest.main()
