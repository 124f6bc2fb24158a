"""The equations: every cell as five pure functions of one example, one step."""

import functools

import jax

from seqjax.cells.cell import Cell, HiddenCarry, check, named, product, step
from seqjax.cells.elman import ElmanParams, elman
from seqjax.cells.gru import GRUParams, gru
from seqjax.cells.initializers import SCHEMES
from seqjax.cells.lstm import LSTMCarry, LSTMParams, lstm

# What `--cell` may name. A value makes the cell when it is called.
CELLS = {
  'elman': elman,
  'elman_relu': functools.partial(elman, jax.nn.relu),
  'elman_sigmoid': functools.partial(elman, jax.nn.sigmoid),
  'gru': gru,
  'gru_reset_before': functools.partial(gru, 'before'),
  'lstm': lstm,
}

__all__ = [
  'CELLS',
  'SCHEMES',
  'Cell',
  'ElmanParams',
  'GRUParams',
  'HiddenCarry',
  'LSTMCarry',
  'LSTMParams',
  'check',
  'elman',
  'gru',
  'lstm',
  'named',
  'product',
  'step',
]
