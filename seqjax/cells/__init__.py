"""The equations: every cell as five pure functions of one example, one step."""

import functools

import jax

from seqjax.cells.activations import ACTIVATIONS
from seqjax.cells.cell import (
  Cell,
  HiddenCarry,
  check,
  input_shape,
  named,
  product,
  require_cell,
  step,
  with_matrices_in,
)
from seqjax.cells.conv_lstm import ConvLSTMParams, conv_lstm
from seqjax.cells.echo_state import EchoStateParams, echo_state
from seqjax.cells.elman import ElmanParams, elman, irnn
from seqjax.cells.frozen import Frozen, frozen
from seqjax.cells.grid_lstm import GridLSTMParams, grid_lstm
from seqjax.cells.gru import GRUParams, gru
from seqjax.cells.ind_rnn import IndRNNParams, ind_rnn
from seqjax.cells.initializers import SCHEMES
from seqjax.cells.jordan import JordanCarry, JordanParams, jordan
from seqjax.cells.linear import Complex
from seqjax.cells.lru import LRUParams, lru
from seqjax.cells.lstm import LSTMCarry, LSTMParams, lstm
from seqjax.cells.mgu import MGUParams, mgu
from seqjax.cells.minimal import MinimalParams, min_gru, min_lstm
from seqjax.cells.mut import MUTParams, mut
from seqjax.cells.rg_lru import RGLRUParams, rg_lru
from seqjax.cells.slstm import SLSTMCarry, SLSTMParams, slstm
from seqjax.cells.ugrnn import UGRNNParams, ugrnn

# What `--cell` may name. A value makes the cell when it is called.
CELLS = {
  'conv_lstm_1d': functools.partial(conv_lstm, 1),
  'conv_lstm_2d': functools.partial(conv_lstm, 2),
  'echo_state': echo_state,
  'elman': elman,
  'elman_relu': functools.partial(elman, jax.nn.relu),
  'elman_sigmoid': functools.partial(elman, jax.nn.sigmoid),
  'grid_lstm': grid_lstm,
  'gru': gru,
  'gru_layer_norm': functools.partial(gru, layer_norm=True),
  'gru_reset_before': functools.partial(gru, 'before'),
  'ind_rnn': ind_rnn,
  'irnn': irnn,
  'jordan_hidden': functools.partial(jordan, 'hidden'),
  'jordan_output': functools.partial(jordan, 'output'),
  'lru': lru,
  'lstm': lstm,
  'lstm_coupled': functools.partial(lstm, coupled=True),
  'lstm_hard': functools.partial(lstm, gate_activation=jax.nn.hard_sigmoid),
  'lstm_layer_norm': functools.partial(lstm, layer_norm=True),
  'lstm_peephole': functools.partial(lstm, peephole=True),
  'mgu': mgu,
  'mgu_reset_after': functools.partial(mgu, 'after'),
  'min_gru': min_gru,
  'min_gru_positive': functools.partial(min_gru, candidate='positive'),
  'min_lstm': min_lstm,
  'mut1': functools.partial(mut, 1),
  'mut2': functools.partial(mut, 2),
  'mut3': functools.partial(mut, 3),
  'rg_lru': rg_lru,
  'slstm': slstm,
  'ugrnn': ugrnn,
}

__all__ = [
  'ACTIVATIONS',
  'CELLS',
  'SCHEMES',
  'Cell',
  'Complex',
  'ConvLSTMParams',
  'EchoStateParams',
  'ElmanParams',
  'Frozen',
  'GRUParams',
  'GridLSTMParams',
  'HiddenCarry',
  'IndRNNParams',
  'JordanCarry',
  'JordanParams',
  'LRUParams',
  'LSTMCarry',
  'LSTMParams',
  'MGUParams',
  'MUTParams',
  'MinimalParams',
  'RGLRUParams',
  'SLSTMCarry',
  'SLSTMParams',
  'UGRNNParams',
  'check',
  'conv_lstm',
  'echo_state',
  'elman',
  'frozen',
  'grid_lstm',
  'gru',
  'ind_rnn',
  'input_shape',
  'irnn',
  'jordan',
  'lru',
  'lstm',
  'mgu',
  'min_gru',
  'min_lstm',
  'mut',
  'named',
  'product',
  'require_cell',
  'rg_lru',
  'slstm',
  'step',
  'ugrnn',
  'with_matrices_in',
]
