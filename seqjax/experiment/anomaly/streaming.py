"""Rows that come one after another, each answered before the next is read."""

import csv
import io
import json
import math
import pathlib
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TextIO

import jax
import numpy as np

from seqjax import array_files, errors
from seqjax.data import columns, delimited
from seqjax.data.timeseries import clock, recordings
from seqjax.experiment import inputs
from seqjax.experiment.anomaly import alarms, lines, watching

_HOUR_S, _DAY_S = 3600, 86_400
_INPUT = pathlib.Path('stdin')
_KEPT = 'kept'


class State(NamedTuple):
  """What is kept of a series; times are counts, or seconds since 1970."""

  watch: watching.Watch
  latest: int | None = None  # time of the last row; None before any
  set_back: int | None = None  # when its clock was last set back


def standard_input() -> TextIO:
  """Where rows come from; SIGTERM ends it from now on with `errors.Stopped`."""

  def stop(signum, _):
    raise errors.Stopped(signum)

  signal.signal(signal.SIGTERM, stop)
  if isinstance(sys.stdin, io.TextIOWrapper):
    # Or a line that is no UTF-8 would take those before it along.
    sys.stdin.reconfigure(encoding='utf-8', errors='surrogateescape')
  return sys.stdin


def answers(
  config: alarms.Config,
  fitted: alarms.Fitted,
  say: Callable,
  params,
  states: dict[str, State],
  text: Iterable[str],
) -> Iterator[str]:
  """Reads a CSV line by line, and answers each row with a line.

  Args:
    config: of the experiment.
    fitted: of the run.
    say, params: of the network.
    states: one for each series, by its name; changed in place. Each is whole
      whenever this is interrupted, of the rows that were read to their end.
    text: lines, the first a header; a cell in quotes holds no line end. Bytes
      that are not UTF-8 come as surrogates, or raise a UnicodeError.

  Raises:
    UserError: a line is no CSV in UTF-8, a column is missing, a row has more or
      fewer cells than the header, a cell is no number or no time, a series was
      not trained on, or the time goes back. A local clock may be set back by
      an hour once in a day.
  """
  targets, *others = fitted.columns
  clocks, series = map(inputs.names, others)
  rows = _rows(text)
  _, head = next(rows, (1, []))
  wanted = [*targets, *clocks, *series]
  places = delimited.positions(
    f'{_INPUT}, line 1', wanted, head, 'The first line must be a header.'
  )
  yield lines.header(targets, any(fitted.names))
  dated = fitted.num_clock > 0
  for number, cells in rows:
    if len(cells) != len(head):
      raise delimited.wrong(
        _INPUT,
        number,
        f'expected {len(head)} cells, as in the header, got {len(cells)}.',
      )
    given = {n: cells[i] for n, i in zip(wanted, places, strict=True)}
    table = _table(given, number)
    name = given[series[0]].strip() if series else ''
    if name not in states:
      raise table.wrong(0, str(errors.unknown('series', name, states)))
    values = np.array([[_number(table, target) for target in targets]])
    state = states[name]
    times, has_offset = np.array([state.watch.num_rows]), True
    if clocks:
      times, has_offset = recordings.times_of(table, clocks, counts=not dated)
    past = fitted.clock_of(times if times.dtype.kind == 'M' else None, 1)
    if clocks:
      state = _move(table, state, times, has_offset)
    s = fitted.place(name)
    watch, said = watching.watch(
      say,
      params,
      state.watch,
      fitted.scaling.apply(values, s),
      past,
      smoothing=config.smoothing,
      memory=config.memory,
    )
    # Copied: the network uses up what it is given, and may be interrupted.
    carry = jax.tree.map(np.array, watch.carry)
    states[name] = state._replace(watch=watch._replace(carry=carry))
    yield from lines.lines(config, fitted, s, times, values, said)


def save(path, states: dict[str, State], run: str) -> None:
  """Writes what is kept of the rows read, to go on from there.

  Args:
    path: ends in .safetensors or .npz.
    states: as for `answers`.
    run: names the training that they are of.
  """
  arrays = {}
  for i, state in enumerate(states.values()):
    leaves = jax.tree.leaves(state.watch)
    arrays |= {f'{i}_{j}': np.asarray(x) for j, x in enumerate(leaves)}
  times = [state[1:] for state in states.values()]
  kept = {'run': run, 'names': list(states), 'times': times}
  array_files.write(path, arrays, {_KEPT: json.dumps(kept)})


def load(path, states: dict[str, State], run: str) -> dict[str, State]:
  """Reads what `save` wrote.

  Args:
    path: the file.
    states: of the same series before their first row.
    run: as it was when they were saved.

  Raises:
    UserError: the file is missing or damaged, or of another run.
  """
  arrays, metadata = array_files.read(path)
  try:
    kept = json.loads(metadata.get(_KEPT, '{}'))
    if kept.get('run') != run or kept['names'] != list(states):
      raise errors.UserError(
        f'{path} holds the state of another run, or of this one before it was '
        'trained on: name another --state_file.'
      )
    found = {}
    for i, (name, state) in enumerate(states.items()):
      leaves, tree = jax.tree.flatten(state.watch)
      new = [arrays[f'{i}_{j}'] for j in range(len(leaves))]
      if [x.shape for x in new] != [np.shape(x) for x in leaves]:
        raise ValueError('arrays of other shapes')
      latest, set_back = kept['times'][i]
      found[name] = State(jax.tree.unflatten(tree, new), latest, set_back)
    return found
  except (KeyError, IndexError, ValueError, TypeError, AttributeError) as error:
    raise errors.UserError(
      f'{path} is damaged: {error}. Name another --state_file.'
    ) from error


def _rows(text):
  """The cells of each line, with its number."""
  blank = 0
  # A line at a time, or an open quote would wait for its end.
  for number, line in enumerate(_lines(text), start=1):
    if not line.strip():
      blank = blank or number
      continue
    if blank:
      raise delimited.wrong(
        _INPUT, blank, 'expected a row, got a blank line: leave it out.'
      )
    try:
      cells = next(csv.reader([line], strict=True))
    except csv.Error as error:
      raise delimited.wrong(
        _INPUT,
        number,
        f'the row cannot be read ({error}): a quote that opens a cell must end '
        'it in the same line, and one within it is written twice.',
      ) from error
    yield number, cells


def _lines(text):
  number = 0
  try:
    for number, line in enumerate(text, start=1):
      line.encode()
      # Some programs mark UTF-8 at its beginning.
      yield line.removeprefix('\ufeff') if number == 1 else line
  except UnicodeError as error:
    raise delimited.wrong(
      _INPUT, max(number, 1), 'expected UTF-8, got other bytes: convert it.'
    ) from error


def _table(cells, line):
  import pyarrow as pa

  arrays = {
    name: pa.chunked_array([[cell]], pa.string())
    for name, cell in cells.items()
  }
  return columns.Table(_INPUT, arrays, line)


def _number(table, name):
  found = columns.numbers(
    table.columns[name],
    lambda row, problem: table.wrong(row, f'column {name!r}: {problem}'),
  )
  return math.nan if np.isnan(found[0]) else float(found[0])


def _move(table, state, times, has_offset):
  """The state at the time of the next row; UserError where that goes back."""
  now, latest, set_back = int(times.astype(np.int64)[0]), *state[1:]
  if latest is not None and now < latest:
    if (
      has_offset
      or times.dtype.kind != 'M'
      or latest - now > _HOUR_S
      # No clock is set back twice in so short a time.
      or (set_back is not None and now - set_back < _DAY_S)
    ):
      before, now = clock.written(np.array([latest, now]).astype(times.dtype))
      raise table.wrong(0, f'the time goes back from {before} to {now}.')
    set_back = latest
  return state._replace(latest=now, set_back=set_back)
