"""Rows that come one after another, each answered before the next is read."""

import csv
import json
import math
import pathlib
from collections.abc import Callable, Iterable, Iterator

import jax
import numpy as np

from seqjax import array_files, errors
from seqjax.data import clock, columns, delimited
from seqjax.experiment import inputs
from seqjax.experiment.anomaly import alarms, lines, watching

_HOUR = np.timedelta64(3600, 's')
_INPUT = pathlib.Path('stdin')


def answers(
  config: alarms.Config,
  fitted: alarms.Fitted,
  say: Callable,
  params,
  states: dict[str, watching.Watch],
  text: Iterable[str],
) -> Iterator[str]:
  """Reads a CSV line by line, and answers each row with a line.

  Args:
    config: of the experiment.
    fitted: of the run.
    say, params: of the network.
    states: one for each series, by its name; changed in place.
    text: lines, the first a header; a cell in quotes holds no line end.

  Raises:
    UserError: a column is missing, a row has more or fewer cells than the
      header, a cell is no number or no time, a series was not trained on, or
      the time goes back.
  """
  targets, *others = fitted.columns
  clocks, series = map(inputs.names, others)
  rows = csv.reader(iter(text))
  head = next(rows, [])
  wanted = [*targets, *clocks, *series]
  places = delimited.positions(
    f'{_INPUT}, line 1', wanted, head, 'The first line must be a header.'
  )
  yield lines.header(targets, any(fitted.names))
  latest = {}
  for number, cells in enumerate(rows, start=2):
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
    times = np.array([states[name].num_rows])
    if clocks:
      times = clock.times(table, clocks)[0]
      _check_order(table, times[0], latest.get(name, times[0]))
      latest[name] = times[0]
    s = fitted.place(name)
    dated = times if times.dtype.kind == 'M' else None
    states[name], said = watching.watch(
      say,
      params,
      states[name],
      fitted.scaling.apply(values, s),
      fitted.clock_of(dated, 1),
      smoothing=config.smoothing,
      memory=config.memory,
    )
    yield from lines.lines(config, fitted, s, times, values, said)


def save(path, states: dict[str, watching.Watch]) -> None:
  """Writes what is kept of the rows read, to go on from there."""
  arrays = {}
  for i, state in enumerate(states.values()):
    leaves = jax.tree.leaves(state)
    arrays |= {f'{i}_{j}': np.asarray(x) for j, x in enumerate(leaves)}
  array_files.write(path, arrays, {'names': json.dumps(list(states))})


def load(path, states: dict[str, watching.Watch]) -> dict[str, watching.Watch]:
  """Reads what `save` wrote.

  Args:
    path: the file.
    states: of the same series before their first row.

  Raises:
    UserError: the file is missing or damaged, or of another run.
  """
  arrays, metadata = array_files.read(path)
  found = {}
  for i, (name, state) in enumerate(states.items()):
    leaves, tree = jax.tree.flatten(state)
    kept = [arrays.get(f'{i}_{j}') for j in range(len(leaves))]
    same = all(
      new is not None and new.shape == np.shape(old)
      for new, old in zip(kept, leaves, strict=True)
    )
    if not same or metadata.get('names') != json.dumps(list(states)):
      raise errors.UserError(
        f'{path} holds the state of another run: name another --state_file.'
      )
    found[name] = jax.tree.unflatten(tree, kept)
  return found


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


def _check_order(table, now, before):
  back = before - now
  # A local clock may be set back by an hour.
  if back > (_HOUR if now.dtype.kind == 'M' else 0):
    now, before = clock.written(np.array([now, before]))
    raise table.wrong(0, f'the time goes back from {before} to {now}.')
