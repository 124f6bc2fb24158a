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

from benchmarks import (
  _parts,
  _sweep_alone,
  _sweep_diverged,
  _sweep_kills,
  _sweep_speed,
)

PARTS = {
  'speed': _sweep_speed.measure,
  'alone': _sweep_alone.measure,
  'diverged': _sweep_diverged.measure,
  'killed': _sweep_kills.measure,
}


def main():
  _parts.run(__doc__, 'sweeps', PARTS, kills=(10, 2), terms=(2, 1))


if __name__ == '__main__':
  main()
