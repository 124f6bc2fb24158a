"""The user's own texts: TSV, CSV and JSONL, and plain lines."""

import json
import os
import pathlib

from seqjax import errors
from seqjax.data import delimited, labelled, reading


def table(
  path: str | os.PathLike,
  text_column: str = 'text',
  label_column: str | None = 'label',
  ending: str | None = None,
) -> labelled.Labelled:
  """Reads labelled texts from two columns of a table, row by row.

  The name's ending says what the file is, beneath .gz or .xz:

  * .tsv: a header, then a row per line with tabs between its cells. Quotes
    mean nothing, so that one within a text cannot swallow the lines after it.
  * .csv: a header, then rows with commas between their cells; a cell in double
    quotes may hold commas, line ends and, doubled, quotes.
  * .jsonl: an object per line. A label may also be a whole number or a boolean,
    and is then written as JSON writes it: `3`, `true`.

  Blanks around a label are removed; a text stays as it is, and may be empty. In
  the names of a header, neither case nor the blanks around them count.

  Args:
    path: the file, in UTF-8.
    text_column: the name of the column that holds the texts.
    label_column: the name of the column that holds the labels; None reads the
      texts alone.
    ending: what the file is, where its name says something else.

  Raises:
    UserError: the file cannot be read (see `reading.read_text`) or has another
      ending; a column is missing or named twice; there are no rows, or one is
      blank, has more or fewer cells than the header, lacks its label, is not
      JSON, or has a text that is no string. It names the line.

  Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...   path = pathlib.Path(folder, 'train.csv')
    ...   _ = path.write_text('label,text\\npos,"Good, really."\\nneg,Bad.\\n')
    ...   train = table(path)
    >>> train.texts, train.labels, train.places[0]
    (('Good, really.', 'Bad.'), ('pos', 'neg'), 'train.csv, line 2')
  """
  path = pathlib.Path(path)
  ending = ending or reading.suffix(path)
  if ending not in _READERS:
    problem = errors.unknown('ending of a table', ending, _READERS)
    raise errors.UserError(f'{path}: {problem}')
  content = delimited.read_text(path)
  columns = [text_column]
  if label_column is not None:
    columns.append(label_column)
  texts, labels, places = [], [], []
  # Without labels an empty line at the end may be a text, and is not dropped.
  content = (
    content.removesuffix('\n') if label_column is None else content.rstrip('\n')
  )
  for line, row in _READERS[ending](path, content, columns):
    texts.append(_text(path, line, row[text_column]))
    if label_column is not None:
      labels.append(_label(path, line, row[label_column]))
    places.append(f'{path.name}, line {line}')
  if not texts:
    raise errors.UserError(
      f'expected a text per row, but {path} has no rows: it needs the columns '
      f'{" and ".join(columns)}.'
    )
  return labelled.collect(texts, labels, places, path.name)


def texts(
  path: str | os.PathLike, text_column: str = 'text'
) -> labelled.Labelled:
  """Reads texts without labels: a .txt file has one per line, a table a column.

  An empty line of a .txt file is an empty text: no line goes without an answer.

  Raises:
    UserError: as `table` does.
  """
  if reading.suffix(path) != '.txt':
    return table(path, text_column, label_column=None)
  lines = reading.read_text(path).removesuffix('\n').split('\n')
  name = pathlib.Path(path).name
  places = (f'{name}, line {line}' for line in range(1, len(lines) + 1))
  return labelled.collect(lines, (), places, name)


def _tsv(path, content, columns):
  lines = enumerate(content.split('\n'), 1)
  rows = ((line, text.split('\t') if text else []) for line, text in lines)
  return _under_header(path, rows, columns, 'tabs')


def _csv(path, content, columns):
  return _under_header(
    path, delimited.csv_rows(path, content), columns, 'commas'
  )


def _under_header(path, rows, columns, between):
  """Names the cells of each row by the first row."""
  _, header = next(rows, (1, []))
  places = delimited.positions(
    f'{path}, line 1',
    columns,
    header,
    'The first line must be a header: the names of the columns, with '
    f'{between} between them.',
  )
  for line, cells in rows:
    if not cells:
      raise delimited.wrong(
        path, line, 'expected a row, got a blank line: remove it.'
      )
    if len(cells) != len(header):
      raise delimited.wrong(
        path,
        line,
        f'expected {len(header)} cells with {between} between them, as in the '
        f'header, got {len(cells)}.',
      )
    found = (cells[i] for i in places)
    yield line, dict(zip(columns, found, strict=True))


def _jsonl(path, content, columns):
  for line, text in enumerate(content.split('\n'), 1):
    try:
      row = json.loads(text, object_pairs_hook=_without_repetition)
      # A half of a surrogate pair can be escaped, but never written.
      json.dumps(row, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
      # The parser was given one line, which it takes for the first.
      problem = str(error).replace(': line 1 column', ' at column')
      raise delimited.wrong(
        path, line, f'expected a JSON object, but this is not JSON: {problem}.'
      ) from error
    if not isinstance(row, dict):
      raise delimited.wrong(
        path, line, f'expected a JSON object, got {delimited.shortened(text)}.'
      )
    delimited.check(
      f'{path}, line {line}', columns, row, 'Every object must have it.'
    )
    yield line, row


def _without_repetition(pairs):
  row = dict(pairs)
  if len(row) < len(pairs):
    raise ValueError('a name occurs twice in one object')
  return row


_READERS = {'.tsv': _tsv, '.csv': _csv, '.jsonl': _jsonl}


def _text(path, line, value):
  if not isinstance(value, str):
    value = delimited.shortened(json.dumps(value))
    raise delimited.wrong(
      path, line, f'expected a string as the text, got {value}.'
    )
  return value


def _label(path, line, value):
  if isinstance(value, int):  # a boolean is one
    value = json.dumps(value)
  if not isinstance(value, str):
    raise delimited.wrong(
      path,
      line,
      'expected a string, a whole number or a boolean as the label, got '
      f'{delimited.shortened(json.dumps(value))}.',
    )
  if not value.strip():
    raise delimited.wrong(
      path, line, 'expected a label, got none: add it, or remove the row.'
    )
  return value.strip()
