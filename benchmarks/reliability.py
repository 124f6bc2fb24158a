"""Breaks training runs in every way that we know: is anything lost?

  ./launch.sh bench reliability [--parts=kills,damage] [--kills=100]
    [--terms=20] [--short] [--seed=0] [--out=FILE]

kills     SIGKILL and SIGTERM at random instants, over five experiments
damage    every file of a checkpoint flipped, cut, emptied, zeroed and deleted
refusals  a full disk, a second writer, other flags, other data
numbers   NaN in a batch, a gradient, a parameter
processes two that train as one, of which either is killed
overhead  what saves cost, and how soon a run that was stopped goes on

A table for each, then the verdict; exit code 1 if anything was wrong. Speeds
are printed and decide nothing. --short is of seconds, for CI.
"""

import sys

from benchmarks import (
  _damage,
  _kills,
  _numbers,
  _overhead,
  _processes,
  _refusals,
  _timing,
)

PARTS = {
  'kills': _kills.measure,
  'damage': _damage.measure,
  'refusals': _refusals.measure,
  'numbers': _numbers.measure,
  'processes': _processes.measure,
  'overhead': _overhead.measure,
}


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


def main():
  parser = _timing.parser(__doc__, 'reliability')
  parser.add_argument('--parts')
  parser.add_argument('--kills', type=int)
  parser.add_argument('--terms', type=int)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--short', action='store_true')
  parser.add_argument('--out')
  options = parser.parse_args()
  names = _timing.pick(parser, options.parts, PARTS, 'part')
  for name, usual in {'kills': (100, 2), 'terms': (20, 1)}.items():
    if getattr(options, name) is None:
      setattr(options, name, usual[options.short])

  print(_timing.machine())
  tables, wrong = {}, []
  for name in names:
    print(f'\n{name}', flush=True)
    tables[name], found = PARTS[name](options)
    print(table(tables[name]), flush=True)
    wrong += [f'{name}: {fault}' for fault in found]
  print()
  for fault in wrong:
    print(f'wrong: {fault}')
  print(f'{", ".join(names)}: {len(wrong)} wrong.')
  _timing.save(options.out, seed=options.seed, tables=tables, wrong=wrong)
  sys.exit(1 if wrong else 0)


if __name__ == '__main__':
  main()
