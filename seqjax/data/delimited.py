"""Tables as text: their rows, and the columns that their header names."""

import csv
import io
import os
from collections.abc import Iterable, Iterator

from seqjax import errors
from seqjax.data import reading

# A header that is really a row of data may hold a whole text.
_SHOWN_CHARS = 40


def read_text(path: str | os.PathLike) -> str:
  """The text of a table, as `reading.read_text` reads it.

  Raises:
    UserError: as there, and where it has a NUL character.
  """
  content = reading.read_text(path)
  if '\0' in content:
    line = content.count('\n', 0, content.index('\0')) + 1
    raise wrong(
      path,
      line,
      'expected text, got a NUL character: the file is damaged, or UTF-16 '
      'without its mark (convert it with iconv -f UTF-16 -t UTF-8).',
    )
  return content


def delimiter(path: str | os.PathLike, line: str) -> str:
  """What stands between the cells of a table, by its name and a line of it.

  A tab in a .tsv; elsewhere a comma, or, in a line that has none, a semicolon,
  or a tab.

  >>> delimiter('a.csv', 'time;load'), delimiter('a.csv', 'load')
  (';', ',')
  """
  if reading.suffix(path) == '.tsv':
    return '\t'
  return next((mark for mark in ',;\t' if mark in line), ',')


def csv_rows(
  path: str | os.PathLike, content: str, delimiter: str = ','
) -> Iterator[tuple[int, list[str]]]:
  """The cells of each row, with the line where it begins.

  Raises:
    UserError: a quote is not closed, or has text behind it.

  >>> list(csv_rows('a.csv', 'a,"b\\n"\\nc,d'))
  [(1, ['a', 'b\\n']), (3, ['c', 'd'])]
  """
  # Strict, or a quote that is never closed would swallow all rows after it.
  reader = csv.reader(io.StringIO(content), delimiter=delimiter, strict=True)
  rows, line = [], 1
  # The limit belongs to the whole process, so it is given back.
  limit = csv.field_size_limit(2**31 - 1)
  try:
    for cells in reader:
      rows.append((line, cells))
      line = reader.line_num + 1
  except csv.Error as error:
    raise wrong(
      path,
      line,
      f'the row that begins here cannot be read ({error}): a quote that opens '
      'a cell must end it, and one within it is written twice.',
    ) from error
  finally:
    csv.field_size_limit(limit)
  return iter(rows)


def positions(
  where: str | os.PathLike,
  columns: Iterable[str],
  header: Iterable[str],
  advice: str,
) -> list[int]:
  """The place of each column in the first line, where case does not count.

  Nor do the blanks around a name. The third of the columns, where it has no
  name, is called `column 3`.

  Args:
    where: the file, or the line, that the error names.
    columns: the names that are looked for.
    header: the names that there are.
    advice: what the error ends in.

  Raises:
    UserError: the header has no such column, or two of them.

  >>> positions('a.csv', ['load', 'Column 1'], ['', 'Load '], '')
  [1, 0]
  """
  header = [_plain(name) or f'column {i}' for i, name in enumerate(header, 1)]
  columns = [_plain(column) for column in columns]
  check(where, columns, header, advice)
  for column in columns:
    if header.count(column) > 1:
      raise errors.UserError(
        f'{where}: the header names the column {column!r} twice.'
      )
  return [header.index(column) for column in columns]


def check(
  where: str | os.PathLike,
  columns: Iterable[str],
  present: Iterable[str],
  advice: str,
) -> None:
  """Refuses a column that is not among those present.

  Raises:
    UserError: with the nearest name, and the advice behind it.
  """
  for column in columns:
    if column not in present:
      problem = errors.unknown('column', column, map(shortened, present))
      raise errors.UserError(f'{where}: {problem} {advice}'.rstrip())


def shortened(text: str) -> str:
  """A text that is short enough for a sentence."""
  return text if len(text) <= _SHOWN_CHARS else f'{text[:_SHOWN_CHARS]}...'


def wrong(path: str | os.PathLike, line: int, problem: str) -> errors.UserError:
  """The error for one line of a file."""
  return errors.UserError(f'{path}, line {line}: {problem}')


def _plain(name):
  return name.strip().casefold()
