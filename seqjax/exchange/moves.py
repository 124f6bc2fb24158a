"""What went where: a line for each array, for the person who moves weights."""

from collections.abc import Iterable
from typing import NamedTuple

from seqjax.exchange import grids


class Move(NamedTuple):
  """Their array, ours, and what was done on the way."""

  theirs: str
  shape: tuple[int, ...]
  ours: str
  how: str


def read(name, shape, grid: grids.Grid, key, ours: grids.Layout) -> Move:
  """The line of an array of theirs that became part of our params.

  Args:
    name, shape, grid: of their array.
    key: of our params, such as 'recurrent/layer_0'.
    ours: the layout of our params.

  >>> ours = {'w_x': grids.row('x', 'rz')}
  >>> read('W', (4, 3), grids.row('x', 'zr').T, 'layer_0', ours)[2:]
  ('layer_0/w_x', 'transposed, order z r')
  """
  placed = grids.names(ours)
  # A second bias without a place of its own is added to the first.
  landing = {p.name if p.name in placed else f'b.{p.gate}' for p in grid.pieces}
  how = list(_how(grid, placed))
  if any(p.name not in placed for p in grid.pieces):
    how.append('both biases added up')
  return Move(name, shape, _fields(key, ours, landing), ', '.join(how))


def written(
  name, shape, grid, key, ours: grids.Layout, theirs: grids.Layout
) -> Move:
  """The line of an array of theirs that was made of our params.

  >>> ours, bias = {'b': grids.row('b', 'h')}, grids.row('b_h', 'h')
  >>> written('bias_hh', (2,), bias, 'layer_0', ours, {'bias_hh': bias})[2:]
  ('', 'zero')
  """
  placed, wanted = grids.names(ours), grids.names(theirs)
  sources = {p.name for p in grid.pieces if p.name in placed}
  lost = {
    f'b_h.{p.gate}' for p in grid.pieces if p.source == 'b'
  } & placed.keys() - wanted.keys()
  how = list(_how(grid, placed))
  if lost:
    how.append('both biases added up')
  if any(p.name not in placed for p in grid.pieces):
    how.append('zero' if not sources else 'the second bias zero')
  fields = _fields(key, ours, sources | lost)
  return Move(name, shape, fields, ', '.join(how))


def _fields(key, ours, names):
  return ', '.join(
    f'{key}/{field}'
    for field, grid in ours.items()
    if names & {p.name for p in grid.pieces}
  )


def _how(grid, placed):
  if grid.transposed:
    yield 'transposed'
  gates = list(dict.fromkeys(p.gate for p in grid.pieces))
  order = dict.fromkeys(name.partition('.')[2] for name in placed)
  if gates != [gate for gate in order if gate in gates]:
    yield f'order {" ".join(gates)}'
  for piece in grid.pieces:
    if piece.sign < 0:
      yield f'{piece.name} negated'
    if piece.offset:
      yield f'{piece.name} stored {piece.offset:+g}'


def table(moves: Iterable[Move], theirs: str, ours: str) -> str:
  """The lines under each other, to print.

  >>> print(table([Move('W', (4, 3), 'w_x', '')], 'torch', 'seqjax'))
  torch  shape   seqjax
  W      [4, 3]  w_x
  """
  rows = [(theirs, 'shape', ours, '')]
  rows += [(m.theirs, str(list(m.shape)), m.ours, m.how) for m in moves]
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return '\n'.join(
    '  '.join(f'{x:{w}}' for x, w in zip(r, widths, strict=True)).rstrip()
    for r in rows
  )
