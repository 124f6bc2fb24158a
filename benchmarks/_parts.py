"""A benchmark of several parts, each of which may find something wrong."""

import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from benchmarks import _timing

# options -> the rows of its table, and what was wrong.
Part = Callable[[Any], tuple[list[dict], list[str]]]


def run(
  doc: str, name: str, parts: Mapping[str, Part], **counts: tuple[int, int]
) -> NoReturn:
  """Runs the parts that the command line names; exits with 1 if any is wrong.

  Args:
    doc: what `--help` shows.
    name: of the benchmark.
    parts: all of them, in order.
    **counts: numbers by flag, as they are usually and with --short.
  """
  parser = _timing.parser(doc, name)
  parser.add_argument('--parts')
  for flag in counts:
    parser.add_argument(f'--{flag}', type=int)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--short', action='store_true')
  parser.add_argument('--out')
  options = parser.parse_args()
  names = _timing.pick(parser, options.parts, parts, 'part')
  for flag, usual in counts.items():
    if getattr(options, flag) is None:
      setattr(options, flag, usual[options.short])

  print(_timing.machine())
  tables, wrong = {}, []
  for name in names:
    print(f'\n{name}', flush=True)
    tables[name], found = parts[name](options)
    print(table(tables[name]), flush=True)
    wrong += [f'{name}: {fault}' for fault in found]
  print()
  for fault in wrong:
    print(f'wrong: {fault}')
  print(f'{", ".join(names)}: {len(wrong)} wrong.')
  _timing.save(options.out, seed=options.seed, tables=tables, wrong=wrong)
  sys.exit(1 if wrong else 0)


def table(rows: list[dict]) -> str:
  """Rows with the same keys, in columns.

  >>> print(table([{'file': 'a', 'cases': 5}, {'file': 'bcd', 'cases': 12}]))
  file  cases
  a     5
  bcd   12
  """
  if not rows:
    return ''
  lines = [list(rows[0]), *(list(map(_shown, row.values())) for row in rows)]
  # The last column may hold sentences.
  widths = [max(map(len, column)) for column in zip(*lines, strict=True)][:-1]
  return '\n'.join(
    '  '.join(x.ljust(n) for x, n in zip(line, [*widths, 0], strict=True))
    for line in lines
  )


def _shown(value) -> str:
  return f'{value:.3g}' if isinstance(value, float) else str(value)
