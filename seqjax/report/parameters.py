"""How many parameters a cell has, as a number and as a formula."""

import fractions

import jax
import jax.numpy as jnp

from seqjax import cells


def count(cell: cells.Cell, shape: tuple[int, ...], hidden_size: int) -> int:
  """How many numbers `init` makes for an example of this shape.

  Example:
    >>> count(cells.elman(), (3,), 4)
    32
  """
  x_t = jax.ShapeDtypeStruct(shape, jnp.float32)
  params = jax.eval_shape(
    lambda key: cell.init(key, x_t, hidden_size), jax.random.key(0)
  )
  return sum(p.size for p in jax.tree.leaves(params))


# The powers (i, j) of D^i H^j that may occur, as they are printed, and as many
# sizes (D, H) that tell them apart.
_TERMS = ((2, 0), (1, 1), (0, 2), (1, 0), (0, 1), (0, 0))
_SIZES = ((2, 4), (3, 5), (5, 4), (2, 7), (7, 5), (3, 8))


def formula(cell: cells.Cell) -> str:
  """How many parameters a cell has, as a polynomial in D and H.

  It is solved for from counts at a few sizes, without rounding, and then held
  to counts at others.

  Raises:
    ValueError: no polynomial of degree two fits.

  Example:
    >>> formula(cells.elman())
    'DH + H² + H'
  """
  *leading, _ = cells.input_shape(cell)
  counted = lambda d, h: count(cell, (*leading, d), h)
  powers = lambda d, h: [fractions.Fraction(d**i * h**j) for i, j in _TERMS]
  factors = _solve([powers(*s) for s in _SIZES], [counted(*s) for s in _SIZES])
  for size in ((6, 9), (11, 6)):
    terms = zip(factors, powers(*size), strict=True)
    if counted(*size) != sum(factor * power for factor, power in terms):
      raise ValueError('The parameters are no polynomial of degree two.')

  def term(factor, i, j):
    letters = _power('C' if leading else 'D', i) + _power('H', j)
    number = '' if abs(factor) == 1 and letters else abs(factor)
    return f'{"-" if factor < 0 else "+"} {number}{letters}'

  terms = zip(factors, _TERMS, strict=True)
  return ' '.join(term(f, *powers) for f, powers in terms if f).lstrip('+ ')


def _power(letter, exponent):
  return ('', letter, f'{letter}²')[exponent]


def _solve(matrix, values):
  """The x of matrix @ x = values, by elimination on fractions."""
  rows = [[*row, value] for row, value in zip(matrix, values, strict=True)]
  for k in range(len(rows)):
    pivot = next(i for i in range(k, len(rows)) if rows[i][k])
    rows[k], rows[pivot] = rows[pivot], rows[k]
    rows[k] = [x / rows[k][k] for x in rows[k]]
    for i, row in enumerate(rows):
      if i != k:
        rows[i] = [x - row[k] * y for x, y in zip(row, rows[k], strict=True)]
  return [row[-1] for row in rows]
