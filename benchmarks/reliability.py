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

from benchmarks import (
  _damage,
  _kills,
  _numbers,
  _overhead,
  _parts,
  _processes,
  _refusals,
)

PARTS = {
  'kills': _kills.measure,
  'damage': _damage.measure,
  'refusals': _refusals.measure,
  'numbers': _numbers.measure,
  'processes': _processes.measure,
  'overhead': _overhead.measure,
}


def main():
  _parts.run(__doc__, 'reliability', PARTS, kills=(100, 2), terms=(20, 1))


if __name__ == '__main__':
  main()
