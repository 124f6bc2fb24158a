"""What the benchmarks of speed share.

The underscore keeps it off the list of benchmarks.
"""

import argparse
import json
import os
import pathlib
import platform
import time

import jax

from seqjax import errors


def parser(doc: str, name: str) -> argparse.ArgumentParser:
  """For the flags of a benchmark, which says no in one line and exits 1."""

  class Parser(argparse.ArgumentParser):
    def error(self, message):
      self.exit(1, f'error: {message}\n')

  return Parser(
    f'./launch.sh bench {name}',
    description=doc,
    formatter_class=argparse.RawDescriptionHelpFormatter,
    allow_abbrev=False,
  )


def pick(parser, typed, known, what='cell') -> list[str]:
  """The names in a list with commas between them; all, where none is typed."""
  names = list(known) if typed is None else typed.split(',')
  for name in names:
    if name not in known:
      parser.error(str(errors.unknown(what, name, known)))
  return names


def take_turns(programs, rounds, rng):
  """Times every program once a round, in another order each round.

  So a change in the machine's speed meets all of them.

  Args:
    programs: name -> function of no argument that returns when its work is
      done. Its first call compiles.
    rounds: how many.
    rng: NumPy generator, for the order.

  Returns:
    name -> seconds of the first call; name -> seconds of every round.
  """
  first, seconds = {}, {name: [] for name in programs}
  for name, program in programs.items():
    first[name] = _seconds(program)
  for _ in range(rounds):
    for name in rng.permutation(list(programs)):
      # Once untimed: who came before leaves its threads spinning and its data
      # in the caches.
      programs[name]()
      seconds[name].append(_seconds(programs[name]))
  return first, seconds


def _seconds(program):
  start = time.perf_counter()
  program()
  return time.perf_counter() - start


def machine() -> str:
  device = jax.devices()[0].device_kind
  return f'{platform.machine()}, {os.cpu_count()} cores, {device}'


def save(path, **result):
  """Writes a result as JSON, with the machine that it is from; None does not.

  Only by name, or a quick look would replace what stands in the checkout.
  """
  if path is None:
    return
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  origin = {
    'device': jax.devices()[0].device_kind,
    'cores': os.cpu_count(),
    'jax': jax.__version__,
  }
  path.write_text(json.dumps(origin | result, indent=2) + '\n')
  print(f'\nWritten to {path}.')
