"""How each framework keeps the weights of its recurrent layers.

Sources: torch.nn and cuDNN, Keras 3, flax.linen and flax.nnx 0.12, dm-haiku
0.0.17, equinox 0.13 and the operators of ONNX, read and compared in value and
gradient with these versions.
"""

from seqjax.exchange.grids import PROJECTION, beside, changed, row, stacked
from seqjax.exchange.ours import ELMAN
from seqjax.exchange.system import Module, System

# Weights do not say how hard the gates are.
_LSTM = ('lstm', 'lstm_hard')


def _torch(cells, name, gates, **more):
  arrays = {
    'weight_ih': row('x', gates).T,
    'weight_hh': row('h', gates).T,
    'bias_ih': row('b', gates),
    'bias_hh': row('b_h', gates),
  }
  return Module(name, cells, arrays | more)


def _keras(cells, name, gates, bias=None):
  arrays = {
    'kernel': row('x', gates),
    'recurrent_kernel': row('h', gates),
    'bias': bias or row('b', gates),
  }
  return Module(name, cells, arrays)


def _apart(cells, name, gates, suffix='', biases=()):
  """A matrix for every gate: 'if/kernel', 'hf/kernel', 'hf/bias'.

  Args:
    suffix: behind 'if', a word that Python keeps to itself.
    biases: (first letter of the name, source of the piece, gates).
  """
  arrays = {}
  for gate in gates:
    ending = suffix if gate == 'f' else ''
    arrays[f'i{gate}{ending}/kernel'] = row('x', gate)
    arrays[f'h{gate}/kernel'] = row('h', gate)
  for letter, source, which in biases:
    for gate in which:
      arrays[f'{letter}{gate}/bias'] = row(source, gate)
  return Module(name, cells, arrays)


def _dense(cells, name, gates, bias):
  """A matrix from the input and one from the state, of all gates."""
  arrays = {
    'dense_i/kernel': row('x', gates),
    'dense_h/kernel': row('h', gates),
    bias: row('b', gates),
  }
  return Module(name, cells, arrays)


def _equinox(cells, name, gates, **more):
  arrays = {
    'weight_ih': row('x', gates).T,
    'weight_hh': row('h', gates).T,
    'bias': row('b', gates),
  }
  return Module(name, cells, arrays | more)


def _onnx(cells, name, gates, **more):
  arrays = {
    'W': row('x', gates).T,
    'R': row('h', gates).T,
    'B': beside(row('b', gates), row('b_h', gates)),
  }
  return Module(name, cells, arrays | more)


def _numbered(name, layer, direction, layers, directions):
  """lstm, lstm_1, lstm_2: one after the other, forward before backward."""
  del layers
  index = layer * directions + direction
  return f'{name}_{index}' if index else name


def _torch_stem(name, layer, direction, layers, directions):
  del name, layers, directions
  return f'_l{layer}' + '_reverse' * direction


def _keras_stem(name, layer, direction, layers, directions):
  del layers
  number = f'_{layer}' if layer else ''
  if directions == 1:
    return f'{name}{number}/{name}_cell'
  side = ('forward', 'backward')[direction]
  return f'bidirectional{number}/{side}_{name}/{name}_cell'


def _flax_stem(name, layer, direction, layers, directions):
  del name
  parts = [f'layer_{layer}'] if layers > 1 else []
  if directions > 1:
    parts.append(('forward_rnn', 'backward_rnn')[direction])
  return '/'.join([*parts, 'cell'])


def _listed(name, layer, direction, layers, directions):
  del name, layers
  side = ['', '/forward', '/backward'][direction + 1 if directions > 1 else 0]
  return f'layers/{layer}{side}'


# Above each other: the candidate needs both.
_KERAS_BIASES = stacked(row('b', 'zrn'), row('b_h', 'zrn'))
# In haiku z lets the new state in, ours keeps the old: z = sigmoid(-(...)).
_HAIKU_GRU = {
  'w_i': changed(row('x', 'zrn'), 'x.z', sign=-1),
  'w_h': changed(row('h', 'zrn'), 'h.z', sign=-1),
  'b': changed(row('b', 'zrn'), 'b.z', sign=-1),
}
# One matrix for [x, h]; 1 is added to the forget gate at each call.
_HAIKU_LSTM = {
  'linear/w': stacked(row('x', 'igfo'), row('h', 'igfo')),
  'linear/b': changed(row('b', 'igfo'), 'b.f', offset=-1.0),
}
_HAIKU_RNN = {
  'linear/w': row('x', 'h'),
  'linear/b': row('b', 'h'),
  'linear_1/w': row('h', 'h'),
  'linear_1/b': row('b_h', 'h'),
}

SYSTEMS = {
  'torch': System(
    (
      _torch(('elman', 'elman_relu', 'irnn'), 'rnn', 'h'),
      _torch(('lstm',), 'lstm', 'ifgo'),
      _torch(('lstm',), 'lstm', 'ifgo', weight_hr=PROJECTION.T),
      _torch(('gru',), 'gru', 'rzn'),
    ),
    _torch_stem,
    embedding='weight',
    kernel='weight',
    bias='bias',
    transposed=True,
    separator='.',
  ),
  'keras': System(
    (
      _keras(ELMAN, 'simple_rnn', 'h'),
      _keras(_LSTM, 'lstm', 'ifgo'),
      _keras(
        ('gru',), 'gru', 'zrn', stacked(row('b', 'zrn'), row('b_h', 'zrn'))
      ),
      _keras(('gru_reset_before',), 'gru', 'zrn'),
    ),
    _keras_stem,
    embedding='embeddings',
    kernel='kernel',
    bias='bias',
  ),
  'linen': System(
    (
      Module(
        'SimpleCell',
        ELMAN,
        {
          'i/kernel': row('x', 'h'),
          'i/bias': row('b', 'h'),
          'h/kernel': row('h', 'h'),
        },
      ),
      _apart(_LSTM, 'LSTMCell', 'ifgo', biases=[('h', 'b', 'ifgo')]),
      _apart(
        ('gru',),
        'GRUCell',
        'rzn',
        biases=[('i', 'b', 'rzn'), ('h', 'b_h', 'n')],
      ),
    ),
    _flax_stem,
    embedding='embedding',
    kernel='kernel',
    bias='bias',
  ),
  'nnx': System(
    (
      _dense(ELMAN, 'SimpleCell', 'h', 'dense_i/bias'),
      _dense(_LSTM, 'OptimizedLSTMCell', 'ifgo', 'dense_h/bias'),
      _apart(_LSTM, 'LSTMCell', 'ifgo', '_', [('h', 'b', 'ifgo')]),
      _dense(('gru',), 'GRUCell', 'rzn', 'dense_i/bias'),
    ),
    _flax_stem,
    embedding='embedding',
    kernel='kernel',
    bias='bias',
  ),
  'haiku': System(
    (
      Module('vanilla_rnn', ('elman_relu', 'irnn'), _HAIKU_RNN, stem='rnn'),
      Module('lstm', ('lstm',), _HAIKU_LSTM, stem='lstm'),
      Module('gru', ('gru_reset_before',), _HAIKU_GRU),
    ),
    _numbered,
    embedding='embeddings',
    kernel='w',
    bias='b',
  ),
  'equinox': System(
    (
      _equinox(('lstm',), 'LSTMCell', 'ifgo'),
      _equinox(('gru',), 'GRUCell', 'rzn', bias_n=row('b_h', 'n')),
    ),
    _listed,
    embedding='weight',
    kernel='weight',
    bias='bias',
    transposed=True,
  ),
  # What `onnx_file` makes of the nodes of a graph.
  'onnx': System(
    (
      _onnx(ELMAN, 'RNN', 'h'),
      _onnx(_LSTM, 'LSTM', 'iofg'),
      _onnx(('lstm_peephole',), 'LSTM', 'iofg', P=row('p', 'iof')),
      _onnx(('gru',), 'GRU', 'zrn'),
      _onnx(('gru_reset_before',), 'GRU', 'zrn'),
    ),
    _listed,
    embedding='embedding',
    kernel='kernel',
    bias='bias',
  ),
}
