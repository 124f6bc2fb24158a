"""What the benchmarks of speed share.

The underscore keeps it off the list of benchmarks.
"""

import json
import os
import pathlib
import platform
import time

import jax


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
  """Writes a result as JSON, with the machine that it is from."""
  path = pathlib.Path(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  origin = {
    'device': jax.devices()[0].device_kind,
    'cores': os.cpu_count(),
    'jax': jax.__version__,
  }
  path.write_text(json.dumps(origin | result, indent=2) + '\n')
  print(f'\nWritten to {path}.')
