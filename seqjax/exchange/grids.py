"""Arrays of weights as grids of named pieces, which serve both ways.

Every framework has the same pieces, such as the matrix from the input to the
forget gate. They differ in which pieces lie in one array, in what order, and
whether the array is transposed. A `Grid` says so once; `packed` makes the array
from its pieces, `unpacked` takes it apart.

A piece is called by where it comes from and the gate that it goes to: 'x.f',
'h.f', its biases 'b.f' and 'b_h.f', its peephole 'p.f'; and 'w_p' is the
projection. Gates are i, f, g, o of the LSTM, r, z, n of the GRU, and h of a
network without gates.
"""

import collections
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from seqjax import errors

# What a piece measures, by where it comes from: rows and columns in y = x w.
_SHAPES = {
  'x': ('D', 'H'),
  'h': ('P', 'H'),
  'b': ('', 'H'),
  'b_h': ('', 'H'),
  'p': ('', 'H'),
  'w_p': ('H', 'P'),
}


class Piece(NamedTuple):
  """A piece as it stands in an array: sign * ours + offset."""

  name: str
  sign: int = 1
  offset: float = 0.0

  @property
  def source(self) -> str:
    return self.name.partition('.')[0]

  @property
  def gate(self) -> str:
    return self.name.partition('.')[2]


class Grid(NamedTuple):
  """How the pieces of one array lie: rows of pieces, as in y = x w.

  Attributes:
    rows: the pieces, row by row.
    transposed: the array is the transpose of that, as for y = w x.
  """

  rows: tuple[tuple[Piece, ...], ...]
  transposed: bool = False

  @property
  def pieces(self) -> tuple[Piece, ...]:
    return sum(self.rows, ())

  @property
  def T(self) -> 'Grid':
    return self._replace(transposed=not self.transposed)


# name of an array -> Grid
Layout = Mapping[str, Grid]


PROJECTION = Grid(((Piece('w_p'),),))


def names(layout: Layout) -> dict[str, None]:
  """The names of all pieces of a layout, in order."""
  return {p.name: None for grid in layout.values() for p in grid.pieces}


def row(source: str, gates: str) -> Grid:
  """The pieces from one source to some gates, side by side.

  >>> [piece.name for piece in row('x', 'rz').pieces]
  ['x.r', 'x.z']
  """
  return Grid((tuple(Piece(f'{source}.{gate}') for gate in gates),))


def beside(a: Grid, b: Grid) -> Grid:
  """Two rows as one."""
  return Grid((a.pieces + b.pieces,))


def stacked(a: Grid, b: Grid) -> Grid:
  """Two grids, one above the other."""
  return Grid(a.rows + b.rows)


def changed(grid: Grid, name: str, sign: int = 1, offset: float = 0.0) -> Grid:
  """The grid, with one piece stored as sign * ours + offset."""
  replace = lambda p: Piece(name, sign, offset) if p.name == name else p
  return grid._replace(rows=tuple(tuple(map(replace, r)) for r in grid.rows))


def packed(grid: Grid, pieces: Mapping[str, Any]):
  """The array that a grid describes.

  >>> w = {'x.r': np.ones((2, 1)), 'x.z': np.zeros((2, 1))}
  >>> packed(row('x', 'zr').T, w).tolist()
  [[0.0, 0.0], [1.0, 1.0]]
  """
  array = _concatenate(
    [
      _concatenate([_stored(piece, pieces[piece.name]) for piece in row], -1)
      for row in grid.rows
    ],
    0,
  )
  array = array[0] if _is_vector(grid) else array
  return array.T if grid.transposed else array


def unpacked(grid: Grid, array, sizes: Mapping[str, int]) -> dict[str, Any]:
  """The pieces of an array; `sizes` as of `sizes_of`.

  >>> unpacked(row('b', 'rz'), np.array([1.0, 2.0]), {'H': 1})
  {'b.r': array([1.]), 'b.z': array([2.])}
  """
  array = array.T if grid.transposed else array
  array = array[None] if _is_vector(grid) else array
  pieces, top = {}, 0
  for row in grid.rows:
    left = 0
    height = sizes.get(_SHAPES[row[0].source][0], 1)
    for piece in row:
      rows, columns = _SHAPES[piece.source]
      part = array[top : top + height, left : left + sizes[columns]]
      # Nothing is computed that changes nothing, -0.0 included.
      part = part - piece.offset if piece.offset else part
      part = part if piece.sign == 1 else -part
      pieces[piece.name] = part if rows else part[0]
      left += sizes[columns]
    top += height
  return pieces


def sizes_of(
  layout: Layout, arrays: Mapping[str, Any], name=lambda array: array
) -> dict[str, int]:
  """D, H and P of arrays with this layout; without projection P is H.

  Args:
    layout: what is expected.
    arrays: the arrays by the names in `layout`.
    name: what to call an array in a sentence.

  Raises:
    UserError: the arrays do not fit together in this layout.

  >>> sizes_of({'w': row('h', 'rzn')}, {'w': np.zeros((4, 12))})
  {'H': 4, 'P': 4}
  """
  equations = []
  for array, grid in layout.items():
    shape, wanted = np.shape(arrays[array]), _symbols(layout, grid)
    if len(shape) != len(wanted):
      raise _misfit(name(array), shape, wanted)
    equations += [
      (array, size, terms) for size, terms in zip(shape, wanted, strict=True)
    ]
  sizes, waiting = {'': 1}, equations
  while waiting:
    later = []
    for array, size, terms in waiting:
      unknown = [letter for letter in terms if letter not in sizes]
      if len(unknown) > 1:
        later.append((array, size, terms))
        continue
      rest = size - sum(n * sizes.get(letter, 0) for letter, n in terms.items())
      if unknown:
        sizes[unknown[0]], rest = divmod(rest, terms[unknown[0]])
      if rest or min(sizes.values()) < 1:
        wanted = _symbols(layout, layout[array])
        raise _misfit(name(array), np.shape(arrays[array]), wanted)
    if len(later) == len(waiting):
      raise ValueError('This layout does not say how large its pieces are.')
    waiting = later
  del sizes['']
  sizes.setdefault('P', sizes['H'])
  return sizes


def shape_of(layout: Layout, array: str) -> str:
  """The shape of an array of a layout in letters.

  >>> shape_of({'w': row('h', 'rzn').T}, 'w')
  '[3H, H]'
  """
  return _shown(_symbols(layout, layout[array]))


def _symbols(layout, grid):
  """The shape of an array: of each axis a Counter of letters, '' for 1."""
  has_projection = 'w_p' in names(layout)

  def letter(piece, axis):
    letter = _SHAPES[piece.source][axis]
    return 'H' if letter == 'P' and not has_projection else letter

  columns = collections.Counter(letter(piece, 1) for piece in grid.rows[0])
  if _is_vector(grid):
    return (columns,)
  rows = collections.Counter(letter(row[0], 0) for row in grid.rows)
  return (columns, rows) if grid.transposed else (rows, columns)


def _shown(symbols):
  def axis(terms):
    terms = [
      f'{n if n > 1 or not letter else ""}{letter}'
      for letter, n in terms.items()
    ]
    return ' + '.join(terms)

  return f'[{", ".join(map(axis, symbols))}]'


def _misfit(name, shape, wanted):
  return errors.UserError(
    f'{name} has the shape {list(shape)}, expected {_shown(wanted)}.'
  )


def _is_vector(grid):
  return len(grid.rows) == 1 and not any(
    _SHAPES[piece.source][0] for piece in grid.pieces
  )


def _stored(piece, x):
  x = x[None] if x.ndim == 1 else x
  x = x if piece.sign == 1 else -x
  return x + piece.offset if piece.offset else x


def _concatenate(parts, axis):
  # NumPy keeps float64, whatever JAX is set to; JAX can be differentiated.
  is_numpy = all(isinstance(part, np.ndarray) for part in parts)
  return (np if is_numpy else jnp).concatenate(parts, axis)
