"""Scores of a model beside those of others, as text."""

from collections.abc import Collection, Sequence


def score_table(rows: dict[str, dict[str, float]]) -> str:
  """Numbers by name, a row for each forecaster; empty where one has none.

  >>> rows = {'naive': {'mae': 2.5}, 'network': {'mae': 2.0, 'rmse': 3.0}}
  >>> print(score_table(rows))
           mae  rmse
  naive    2.5
  network    2     3
  """
  names = list(dict.fromkeys(name for row in rows.values() for name in row))
  return aligned(
    [['', *names]]
    + [
      [title, *(f'{row[n]:.4g}' if n in row else '' for n in names)]
      for title, row in rows.items()
    ],
    left=[0],
  )


def aligned(rows: Sequence[Sequence[str]], left: Collection[int]) -> str:
  """Rows of equally many cells, in columns.

  Args:
    rows: of the table, its head the first.
    left: the columns that begin together, as words do; the others end together.

  >>> print(aligned([['cell', 'loss'], ['gru', '2']], left=[0]))
  cell  loss
  gru      2
  """
  widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
  return '\n'.join(
    '  '.join(
      cell.ljust(width) if i in left else cell.rjust(width)
      for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ).rstrip()
    for row in rows
  )
