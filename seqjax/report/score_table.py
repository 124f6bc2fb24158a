"""Scores of a model beside those of others, as text."""


def score_table(rows: dict[str, dict[str, float]]) -> str:
  """Numbers by name, a row for each forecaster; empty where one has none.

  >>> rows = {'naive': {'mae': 2.5}, 'network': {'mae': 2.0, 'rmse': 3.0}}
  >>> print(score_table(rows))
           mae  rmse
  naive    2.5
  network    2     3
  """
  names = list(dict.fromkeys(name for row in rows.values() for name in row))
  cells = [['', *names]] + [
    [title, *(f'{row[n]:.4g}' if n in row else '' for n in names)]
    for title, row in rows.items()
  ]
  widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
  return '\n'.join(
    '  '.join(
      cell.ljust(width) if i == 0 else cell.rjust(width)
      for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    ).rstrip()
    for row in cells
  )
