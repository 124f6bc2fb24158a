"""The recurrent operators of ONNX: which attributes mean which cell."""

from typing import Any, NamedTuple

import numpy as np

from seqjax import errors
from seqjax.exchange import onnx_graph

NAMES = ('LSTM', 'GRU', 'RNN')
# Where the weights stand among the inputs, and the first states.
INPUTS = {'W': 1, 'R': 2, 'B': 3, 'P': 7}
STATES = slice(5, 7)
# jax.nn.hard_sigmoid is relu6(x + 3) / 6; where nothing is said ONNX has 0.2.
_ALPHA, _BETA = 1 / 6, 0.5
_DEFAULTS = {'activation_alpha': 0.2, 'activation_beta': 0.5}


class Operator(NamedTuple):
  """What computes a cell: an operator, and its attributes."""

  name: str
  activations: tuple[str, ...]
  linear_before_reset: int = 0


OPERATORS = {
  'elman': Operator('RNN', ('Tanh',)),
  'elman_relu': Operator('RNN', ('Relu',)),
  'elman_sigmoid': Operator('RNN', ('Sigmoid',)),
  'gru': Operator('GRU', ('Sigmoid', 'Tanh'), linear_before_reset=1),
  'gru_reset_before': Operator('GRU', ('Sigmoid', 'Tanh')),
  'lstm': Operator('LSTM', ('Sigmoid', 'Tanh', 'Tanh')),
  'lstm_hard': Operator('LSTM', ('HardSigmoid', 'Tanh', 'Tanh')),
  # Of cells that attributes do not tell apart, the first is read. An IRNN only
  # begins in another way, and peepholes are an input.
  'irnn': Operator('RNN', ('Relu',)),
  'lstm_peephole': Operator('LSTM', ('Sigmoid', 'Tanh', 'Tanh')),
}
# What an operator without the attribute has.
_USUAL = {'RNN': ('Tanh',), 'GRU': ('Sigmoid', 'Tanh')}
_USUAL['LSTM'] = ('Sigmoid', 'Tanh', 'Tanh')


def attributes(cell: str, directions: int, hidden_size: int) -> dict[str, Any]:
  """The attributes of the operator that computes a cell.

  >>> attributes('gru', 1, 8)['activations']
  ['Sigmoid', 'Tanh']
  """
  operator = OPERATORS[cell]
  result = {
    'hidden_size': hidden_size,
    'direction': ('forward', 'bidirectional')[directions - 1],
    'activations': list(operator.activations) * directions,
  }
  if operator.name == 'GRU':
    result['linear_before_reset'] = operator.linear_before_reset
  if 'HardSigmoid' in operator.activations:
    # One for every activation that takes one.
    result['activation_alpha'] = [_ALPHA] * directions
    result['activation_beta'] = [_BETA] * directions
  return result


def cell_of(node) -> tuple[str, int]:
  """The cell that a node computes, but for peepholes; and its directions.

  Raises:
    UserError: no cell of ours computes that.
  """
  given = onnx_graph.attributes(node)
  direction = given.get('direction', 'forward')
  refused = (
    ('clip', 'clip' in given, 'clips what goes into its activations'),
    ('input_forget', given.get('input_forget', 0), 'ties two gates together'),
    ('layout', given.get('layout', 0), 'has the batch before time'),
    ('direction', direction == 'reverse', 'reads from the end alone'),
  )
  for name, is_refused, what in refused:
    if is_refused:
      raise errors.UserError(
        f'{called(node)} {what} ({name}={given[name]}), which is not '
        'understood here.'
      )
  directions = 1 + (direction == 'bidirectional')
  usual = _USUAL[node.op_type]
  n_used = len(usual) * directions
  names = tuple(given.get('activations', usual * directions))[:n_used]
  operator = Operator(
    node.op_type, names[: len(usual)], given.get('linear_before_reset', 0)
  )
  known = [cell for cell, known in OPERATORS.items() if known == operator]
  if not known or names != operator.activations * directions:
    there = ' or '.join(
      ', '.join(known.activations)
      for known in dict.fromkeys(OPERATORS.values())
      if known.name == node.op_type
    )
    raise errors.UserError(
      f'{called(node)} has the activations {", ".join(names)}; expected in '
      f'each direction {there}.'
    )
  _require_ours(node, given, names.count('HardSigmoid'))
  return known[0], directions


def called(node) -> str:
  """What to call a node in a sentence."""
  return f'{node.op_type} {node.name or node.output[0]!r}'


def _require_ours(node, given, count):
  """Refuses another hard sigmoid than that of JAX."""
  if not count:
    return
  numbers = []
  for name, default in _DEFAULTS.items():
    numbers.append((given.get(name, []) + [default] * count)[:count])
  # They are stored in float32.
  if not np.allclose(numbers, [[_ALPHA] * count, [_BETA] * count], 0, 1e-6):
    alpha, beta = ([round(x, 6) for x in row] for row in numbers)
    raise errors.UserError(
      f'{called(node)} has a HardSigmoid of alpha {alpha} and beta {beta}; '
      'here it is that of JAX and Keras 3: alpha 1/6, beta 1/2.'
    )
