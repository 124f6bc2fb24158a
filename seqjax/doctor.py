"""What this machine can run, and how exactly.

Runs every cell on every engine on small random data: results and gradients,
both ways, with a mask and with resets.

  python -m seqjax.doctor
  python -m seqjax.doctor --cells=lstm,gru

An entry is two numbers, the largest difference in the results and in the
gradients, relative to the largest entry: of the engine `scan` from itself in
float64, of the other engines from `scan`, all in float32. `bfloat16` is the
engine of `auto` with its matrices in bfloat16, beside `scan` in float32; there
the median stands for the largest difference in an array, since rounding may
carry a relu over its edge.

Exit codes: 0 all within tolerance; 1 the user's error, in one sentence; 70 an
entry is out of tolerance or fails, which is a bug in this project; 130 Ctrl-C;
141 nobody read the output. For a cell of your own, `examine(cell)`.
"""

import os
import sys
import textwrap
import time
import traceback
from collections.abc import Sequence
from concurrent import futures
from typing import NamedTuple, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import cells, errors, recurrence
from seqjax.experiment import ending, environment
from seqjax.recurrence import agreement, cudnn

# column -> the largest error allowed in results and gradients. A float32 has 24
# bits, a bfloat16 has 8, and some are lost at every step.
TOLERANCES = {
  **dict.fromkeys(recurrence.ENGINES, (1e-5, 1e-4)),
  'bfloat16': (0.01, 0.01),
}


class Entry(NamedTuple):
  """What stands in the table, and what is to be said below it."""

  text: str
  wrong: str = ''
  absent: str = ''


def main(argv: Sequence[str] | None = None) -> NoReturn:
  """Prints the report and ends the process; the module says how.

  Args:
    argv: the arguments, by default those of the process.
  """
  try:
    healthy = report(_parse(argv))
  except errors.UserError as error:
    print(f'error: {error}', file=sys.stderr)
    sys.exit(1)
  except BrokenPipeError:  # Nobody reads on, and flushing would fail again.
    os._exit(141)
  except KeyboardInterrupt:  # Without waiting for what is being compiled.
    os._exit(130)
  except Exception:
    traceback.print_exc()
    sys.exit(70)
  sys.exit(0 if healthy else 70)


def _parse(argv) -> list[str]:
  """The names of the cells asked for."""

  parser = ending.Parser('python -m seqjax.doctor', __doc__)
  parser.add_argument(
    '--cells', metavar='NAME,...', help='which cells; by default all there are'
  )
  asked = parser.parse_args(argv).cells
  names = list(cells.CELLS) if asked is None else asked.split(',')
  for name in names:
    if name not in cells.CELLS:
      raise errors.unknown('cell', name, cells.CELLS)
  return names


def report(names: Sequence[str]) -> bool:
  """Prints versions, devices and the table; returns whether all is well."""
  try:
    facts = environment.environment()
  except RuntimeError as e:
    raise errors.UserError(f'JAX found no device: {_first_line(e)}') from e
  _print_wrapped(', '.join(f'{k} {v}' for k, v in facts.items() if v))
  print('\n' + _row('', TOLERANCES))
  began, faults, absent = time.monotonic(), 0, {}
  # Nearly all of the time is compilation, which runs outside Python's lock.
  pool = futures.ThreadPoolExecutor(min(4, os.cpu_count() or 1))
  try:
    rows = [pool.submit(examine, cells.CELLS[name]()) for name in names]
    for name, row in zip(names, rows, strict=True):
      entries = row.result()
      print(_row(name, (e.text for e in entries.values())))
      for column, entry in entries.items():
        if entry.wrong:
          faults += 1
          _print_wrapped(f'  {column}: {entry.wrong}')
        if entry.absent:
          absent.setdefault((column, entry.absent), []).append(name)
      sys.stdout.flush()
  finally:
    pool.shutdown(wait=False, cancel_futures=True)

  print("\n*  what engine='auto' takes here    -  serves other cells")
  for (column, reason), whom in absent.items():
    _print_wrapped(f'not here: {column} for {", ".join(whom)}. {reason}')
  print(
    f'{len(names)} cells in {time.monotonic() - began:.0f} s: '
    + (f'{faults} entries are wrong.' if faults else 'all is well.')
  )
  return not faults


def examine(cell: cells.Cell) -> dict[str, Entry]:
  """The row of one cell, column by column."""
  inputs = agreement.inputs_for(cell)
  # Compiled once for all columns.
  sequential = agreement.program(cell, 'scan')
  return {c: _entry(cell, c, inputs, sequential) for c in TOLERANCES}


def _entry(cell, column, inputs, sequential) -> Entry:
  auto = recurrence.engine_for(cell)
  engine = auto if column == 'bfloat16' else column
  if reason := recurrence.refusal(cell, engine):
    if engine == 'cudnn' and cudnn.is_plain_lstm(cell):
      return Entry('not here', absent=reason)
    return Entry('-')
  try:
    with jax.default_matmul_precision('highest'):
      results, exact = _results(cell, column, engine, inputs, sequential)
    return _judge(column, results, exact, is_auto=column == auto)
  except Exception as e:  # Whatever an engine raises is a finding about it.
    words = f'{type(e).__name__}: {_first_line(e)}'
    # A machine may lack what nobody is given unasked.
    if isinstance(e, RuntimeError) and column not in ('scan', auto):
      return Entry('not here', absent=words)
    return Entry('fails !', wrong=words)


def _results(cell, column, engine, inputs, sequential):
  """What a column computes, and what it is held to."""
  match column:
    case 'scan':
      return sequential(inputs), agreement.in_float64(cell, inputs)
    case 'cudnn':
      nowhere = np.zeros_like(inputs.resets)
      ours = agreement.program(cell, engine)(inputs._replace(resets=None))
      return ours, sequential(inputs._replace(resets=nowhere))
    case 'bfloat16':
      # What is measured is the arithmetic: the matrices are the same numbers.
      inputs = inputs._replace(params=agreement.rounded(inputs.params))
      ours = agreement.program(cell, engine, jnp.bfloat16, agreement.CARELESSLY)
      return ours(inputs), sequential(inputs)
  return agreement.program(cell, engine)(inputs), sequential(inputs)


def _judge(column: str, ours, exact, is_auto: bool) -> Entry:
  """Holds results and gradients against those of the reference."""
  wrong, numbers = [], []
  for what, tolerance, a, b in zip(
    ('results', 'gradients'), TOLERANCES[column], ours, exact, strict=True
  ):
    over = np.median if column == 'bfloat16' else np.max
    error, where = agreement.error(a, b, over)
    numbers.append(_short(error))
    if error > tolerance:
      wrong.append(
        f'{what} differ by {_short(error)} at {where}, where {tolerance:g} is '
        'allowed'
      )
  marks = '*' * is_auto + '!' * bool(wrong)
  return Entry(f'{" ".join(numbers)} {marks}', '; '.join(wrong))


def _short(number: float) -> str:
  """2e-07 as 2e-7.

  >>> _short(0.0), _short(2.1e-7), _short(1.0), _short(float('inf'))
  ('0', '2e-7', '1', 'inf')
  """
  return f'{number:.0e}'.replace('e-0', 'e-').replace('e+00', '')


def _row(name: str, entries) -> str:
  return f'{name:18}' + ''.join(f'{entry:12}' for entry in entries).rstrip()


def _first_line(error: Exception) -> str:
  return str(error).strip().split('\n')[0]


def _print_wrapped(text: str) -> None:
  indent = ' ' * (len(text) - len(text.lstrip()))
  print(
    textwrap.fill(
      text, 79, subsequent_indent=indent + '  ', break_on_hyphens=False
    )
  )


if __name__ == '__main__':
  main()
