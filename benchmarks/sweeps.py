"""What a sweep saves, and whether its trials are those that would run alone.

  ./launch.sh bench sweeps [--parts=speed,alone] [--kills=10] [--terms=2]
    [--short] [--seed=0] [--out=FILE]

speed     32 trials as a sweep, as runs one after another, and in torch
alone     a member against the same trial alone, byte by byte
diverged  what a member that diverges does to the others: nothing
killed    SIGKILL and SIGTERM at random instants, until all trials have ended

A table for each, then the verdict; exit code 1 if anything was wrong. Speeds
are printed and decide nothing. --short is of minutes, for CI.
"""

import sys

from benchmarks import (
  _sweep_alone,
  _sweep_diverged,
  _sweep_kills,
  _sweep_speed,
  _timing,
  reliability,
)

PARTS = {
  'speed': _sweep_speed.measure,
  'alone': _sweep_alone.measure,
  'diverged': _sweep_diverged.measure,
  'killed': _sweep_kills.measure,
}


def main():
  parser = _timing.parser(__doc__, 'sweeps')
  parser.add_argument('--parts')
  parser.add_argument('--kills', type=int)
  parser.add_argument('--terms', type=int)
  parser.add_argument('--seed', type=int, default=0)
  parser.add_argument('--short', action='store_true')
  parser.add_argument('--out')
  options = parser.parse_args()
  names = _timing.pick(parser, options.parts, PARTS, 'part')
  for name, usual in {'kills': (10, 2), 'terms': (2, 1)}.items():
    if getattr(options, name) is None:
      setattr(options, name, usual[options.short])

  print(_timing.machine())
  tables, wrong = {}, []
  for name in names:
    print(f'\n{name}', flush=True)
    tables[name], found = PARTS[name](options)
    print(reliability.table(tables[name]), flush=True)
    wrong += [f'{name}: {fault}' for fault in found]
  print()
  for fault in wrong:
    print(f'wrong: {fault}')
  print(f'{", ".join(names)}: {len(wrong)} wrong.')
  _timing.save(options.out, seed=options.seed, tables=tables, wrong=wrong)
  sys.exit(1 if wrong else 0)


if __name__ == '__main__':
  main()
