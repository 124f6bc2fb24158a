"""Which of our cells another framework may have, and how we keep them."""

from typing import Any

import jax
import jax.numpy as jnp

from seqjax import cells, errors
from seqjax.exchange import grids
from seqjax.exchange.grids import row

# Networks without gates that differ in their activation alone; an irnn is an
# elman_relu that begins in its own way.
ELMAN = ('elman', 'elman_relu', 'elman_sigmoid', 'irnn')
# Gates in our order, by family.
GATES = {'elman': 'h', 'lstm': 'ifgo', 'gru': 'rzn', 'gru_reset_before': 'rzn'}
FAMILIES = {
  **dict.fromkeys(ELMAN, 'elman'),
  'lstm': 'lstm',
  'lstm_hard': 'lstm',
  'lstm_peephole': 'lstm',
  'gru': 'gru',
  'gru_reset_before': 'gru_reset_before',
}
PARAMS = {
  'elman': cells.ElmanParams,
  'lstm': cells.LSTMParams,
  'gru': cells.GRUParams,
  'gru_reset_before': cells.GRUParams,
}
# An option of a cell that gives another cell of the registry.
_NAMED = {
  ('elman', 'activation', jnp.tanh): 'elman',
  ('elman', 'activation', jax.nn.relu): 'elman_relu',
  ('elman', 'activation', jax.nn.sigmoid): 'elman_sigmoid',
  ('lstm', 'gate_activation', jax.nn.sigmoid): 'lstm',
  ('lstm', 'gate_activation', jax.nn.hard_sigmoid): 'lstm_hard',
  ('lstm', 'peephole', True): 'lstm_peephole',
  ('gru', 'reset', 'after'): 'gru',
  ('gru', 'reset', 'before'): 'gru_reset_before',
}
_SOURCES = {'w_x': 'x', 'w_h': 'h', 'b': 'b'}


def canonical(cell: str, options) -> tuple[str, dict[str, Any]]:
  """The same cell by the name that says most, without idle options.

  >>> canonical('gru', {'reset': 'before', 'heads': 1})
  ('gru_reset_before', {})
  """
  rest = {}
  for option, value in options.items():
    if (cell, option, value) in _NAMED:
      cell = _NAMED[cell, option, value]
    elif value not in (None, False) and (option, value) != ('heads', 1):
      rest[option] = value
  return cell, rest


def layout(cell: str, options) -> grids.Layout:
  """The params of a cell of ours, by the names of their fields.

  Args:
    cell: a name in `cells.CELLS`.
    options: of its builder, as `canonical` gives them.

  Raises:
    UserError: a cell that no other framework has.
  """
  if cell not in FAMILIES:
    raise errors.UserError(
      f'--cell={cell} has no counterpart in another framework; '
      f'{", ".join(FAMILIES)} have.'
    )
  known = {'double_bias'} if cell != 'irnn' else set()
  if FAMILIES[cell] == 'lstm':
    known |= {'projection'}
  if stray := [k for k in options if k not in known]:
    raise errors.UserError(
      f'The option {stray[0]} of --cell={cell} has no counterpart in another '
      'framework.'
    )
  family = FAMILIES[cell]
  gates = GATES[family]
  fields = {source: row(piece, gates) for source, piece in _SOURCES.items()}
  if family == 'gru':
    fields['b_n'] = row('b_h', 'n')
  if options.get('double_bias'):
    fields['b_h'] = row('b_h', 'rz' if family == 'gru' else gates)
  if cell == 'lstm_peephole':
    fields |= {f'p_{gate}': row('p', gate) for gate in 'ifo'}
  if options.get('projection'):
    fields['w_p'] = grids.PROJECTION
  return fields
