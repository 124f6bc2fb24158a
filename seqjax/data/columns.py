"""Columns of a table, in CSV, TSV or Parquet: as they stand, or as numbers."""

import io
import os
import pathlib
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from seqjax import errors
from seqjax.data import delimited, reading

_MISSING = ('', 'na', 'n/a', 'nan', 'null', 'none', '?', '-')
_NUMBER = r'^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$'
_INFINITE = r'[+-]?inf(inity)?'
_WITH_MARKS = r"[+-]?\d[\d,.' \u00a0\u202f]*\d"
# float32 ends at 3.4e38, and sums of many values must stay below.
_LARGEST = 1e30
_ENDINGS = ('.csv', '.tsv', '.parquet')


class Table(NamedTuple):
  """Some columns of a file.

  Args:
    path: the file.
    columns: arrow arrays [n] by the names that were asked for.
    first: what the first row is called: the number of its line where a row is
      a line of text, and 1 elsewhere.
  """

  path: pathlib.Path
  columns: dict[str, Any]
  first: int

  def place(self, row: int) -> str:
    """Where a row stands in the file: 'line 7', or 'row 6' without lines."""
    return f'{"line" if self.first > 1 else "row"} {row + self.first}'

  def wrong(self, row: int, problem: str) -> errors.UserError:
    """The error for one row."""
    return errors.UserError(f'{self.path}, {self.place(row)}: {problem}')


def read(path: str | os.PathLike, names: Iterable[str]) -> Table:
  """Reads the columns of these names; neither case nor outer blanks count.

  The name's ending says what the file is, beneath .gz or .xz: .csv and .tsv
  have a header and the `delimited.delimiter` of it. Their cells are strings;
  those in double quotes may hold anything. Blank lines at the end are no rows.

  Raises:
    UserError: the file cannot be read, or has another ending; a column is
      missing, or there twice; there are no rows, or one has more or fewer cells
      than the header.
  """
  path, names = pathlib.Path(path), list(dict.fromkeys(names))
  ending = reading.suffix(path)
  if ending not in _ENDINGS:
    problem = errors.unknown('ending of a table of numbers', ending, _ENDINGS)
    raise errors.UserError(f'{path}: {problem}')
  if ending == '.parquet':
    columns, first = _parquet(path, names), 1
  else:
    columns, first = _text(path, names)
  if not len(columns[0]):
    raise errors.UserError(f'expected rows, but {path} has none.')
  return Table(path, dict(zip(names, columns, strict=True)), first)


def column_numbers(table: Table, name: str) -> np.ndarray:
  """A column of the table as numbers, as `numbers` reads them.

  Raises:
    UserError: as there, with the row; or no cell has a number.
  """
  values = numbers(
    table.columns[name],
    lambda row, problem: table.wrong(row, f'column {name!r}: {problem}'),
  )
  if np.isnan(values).all():
    raise errors.UserError(
      f'expected numbers, but the column {name!r} of {table.path} has none.'
    )
  return values


def numbers(
  cells: Any, wrong: Callable[[int, str], errors.UserError]
) -> np.ndarray:
  """Cells as float64, NaN where one is missing.

  Missing are nulls, and, in any case and between blanks, the empty cell, NA,
  N/A, NaN, null, none, ? and -. 'true' is 1, and 'false' 0.

  Args:
    cells: [n], an arrow array of strings, numbers or booleans.
    wrong: makes the error of a cell from its index and what is wrong with it.

  Raises:
    UserError: a cell has other text, or a number that is infinite or beyond
      1e30, which is too large for what is computed in float32.

  >>> import pyarrow as pa
  >>> numbers(pa.array(['1', ' NA', '-.5e1', 'True']), None)
  array([ 1., nan, -5.,  1.])
  """
  import pyarrow as pa

  if pa.types.is_dictionary(cells.type):
    cells = cells.cast(cells.type.value_type)
  if pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type):
    cells = _cleaned(cells, wrong)
  elif not any(
    is_kind(cells.type)
    for is_kind in (
      pa.types.is_floating,
      pa.types.is_integer,
      pa.types.is_boolean,
      pa.types.is_decimal,
      pa.types.is_null,
    )
  ):
    raise wrong(0, f'expected a number, got a value of the type {cells.type}.')
  values = cells.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
  large = np.flatnonzero(np.abs(values) > _LARGEST)
  if large.size:
    i = int(large[0])
    raise wrong(
      i,
      f'expected a finite number, got {delimited.shortened(str(cells[i]))}, '
      'too large for what is computed in float32: mend it, or leave the cell '
      'empty.',
    )
  return values


def texts(table: Table, name: str) -> Any:
  """A column of the table as arrow strings without outer blanks.

  Raises:
    UserError: it holds what has no text, as lists or bytes in Parquet.
  """
  import pyarrow as pa
  import pyarrow.compute as pc

  cells = table.columns[name]
  try:
    return pc.utf8_trim_whitespace(cells.cast(pa.string()))
  except pa.ArrowException as error:
    raise table.wrong(
      0,
      f'column {name!r}: expected text or numbers, got values of the type '
      f'{cells.type}.',
    ) from error


def is_number(text: str) -> bool:
  """Whether the text of a cell is a number."""
  return re.match(_NUMBER, text.strip()) is not None


def _cleaned(cells, wrong):
  """Strings that are numbers, or null where one is missing."""
  import pyarrow as pa
  import pyarrow.compute as pc

  written = pc.utf8_trim_whitespace(cells)
  cells = pc.utf8_lower(written)
  missing = pc.is_in(cells, pa.array(_MISSING, cells.type))
  cells = pc.if_else(missing, pa.scalar(None, cells.type), cells)
  for word, digit in (('true', '1'), ('false', '0')):
    cells = pc.if_else(pc.equal(cells, word), digit, cells)
  if pc.all(fits := pc.match_substring_regex(cells, _NUMBER)).as_py() is False:
    i = pc.index(fits, False).as_py()
    text = delimited.shortened(written[i].as_py())
    if re.fullmatch(_INFINITE, text, re.IGNORECASE):
      problem = f'expected a finite number, got {text}: leave the cell empty.'
    elif re.fullmatch(_WITH_MARKS, text):
      problem = (
        f'expected a number such as 1234.5, got {text!r}: write a point before '
        'the decimals, and nothing between the thousands.'
      )
    else:
      problem = (
        f'expected a number, got {text!r}: mend it, or leave the cell empty.'
      )
    raise wrong(i, problem)
  return cells


def _text(path, names):
  """The columns, and which line the first row is on: 1 if rows are no lines."""
  import pyarrow as pa
  from pyarrow import csv

  content = delimited.read_text(path).rstrip('\n')
  head = content.partition('\n')[0]
  delimiter = delimited.delimiter(path, head)
  header = next(delimited.csv_rows(path, head, delimiter), (1, []))[1]
  places = delimited.positions(
    f'{path}, line 1', names, header, 'The first line must be a header.'
  )
  if '\n' not in content:
    return [()], 2
  odd = []

  def refused(row):
    odd.append(row)
    return 'skip'

  # The cells of a column are its place, because names may repeat.
  keys = [str(i) for i in range(len(header))]
  chosen = [keys[i] for i in places]
  try:
    table = csv.read_csv(
      io.BytesIO(content.encode()),
      read_options=csv.ReadOptions(
        # With threads the odd rows have no number.
        use_threads=False,
        skip_rows=1,
        column_names=keys,
        block_size=1 << 24,
      ),
      parse_options=csv.ParseOptions(
        delimiter=delimiter,
        newlines_in_values=True,
        ignore_empty_lines=False,
        invalid_row_handler=refused,
      ),
      convert_options=csv.ConvertOptions(
        include_columns=chosen, column_types=dict.fromkeys(keys, pa.string())
      ),
    )
  except pa.ArrowInvalid as error:
    raise errors.UserError(f'{path} cannot be read as a table: {error}.') from (
      error
    )
  if odd:
    raise delimited.wrong(
      path,
      odd[0].number,
      f'expected {len(header)} cells with {delimiter!r} between them, as in '
      f'the header, got {odd[0].actual_columns}: a comma in a number, or a '
      'quote that is not closed, can be why.',
    )
  lines = content.count('\n')
  if lines != table.num_rows and content.count('"') % 2:
    raise errors.UserError(
      f'{path} has {lines} lines below its header, but {table.num_rows} rows: '
      'a quote that opens a cell is never closed.'
    )
  first = 2 if lines == table.num_rows else 1
  return [table[key] for key in chosen], first


def _parquet(path, names):
  import pyarrow as pa
  from pyarrow import parquet

  try:
    with parquet.ParquetFile(pa.BufferReader(reading.read_bytes(path))) as file:
      header = file.schema_arrow.names
      places = delimited.positions(path, names, header, '')
      table = file.read(columns=[header[i] for i in places])
  except pa.ArrowInvalid as error:
    raise errors.UserError(
      f'expected a Parquet file, but {path} cannot be read as one: {error}.'
    ) from error
  return [table[header[i]] for i in places]
