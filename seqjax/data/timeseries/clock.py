"""Times as a table writes them, in text, in numbers or in arrow's own types."""

from collections.abc import Sequence

import numpy as np

from seqjax import errors
from seqjax.data import columns, delimited

# Year, month and so on in columns of their own are joined as ISO 8601 does.
_BETWEEN = ('-', '-', ' ', ':', ':')
_ISO = (
  r'^(?P<year>\d{4})-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})'
  r'(?:[Tt ]\s*(?P<hour>\d{1,2})(?::(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})'
  r'(?:[.,](?P<fraction>\d+))?)?)?'
  r'\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?)?$'
)
_EPOCH_S = (10**9, 10**10)
# Kiribati's, the farthest from UTC.
_LARGEST_OFFSET_S = 14 * 3600


def times(
  table: columns.Table, names: Sequence[str]
) -> tuple[np.ndarray, bool]:
  """The times in one column, or in several that make a time together.

  A time is written as ISO 8601 has it, in whole seconds: 2014-12-31 23:00,
  2014-12-31T23:00:00+01:00, 2014-12-31, 2014-12; leading zeros may be missing.
  Two columns may hold the date and the time; or each holds a part, from the
  year on: year, month, day, hour. A time with an offset is taken to UTC.

  Whole numbers are years if all lie from 1000 to 2999, dates if all read as
  20141231 or 201412, and seconds since 1970 from 10^9 to 10^10. Others are
  counts, and stay.

  Args:
    table: has these columns.
    names: of the columns.

  Returns:
    [n] datetime64[s], or int64 counts; and whether they had an offset, so that
    no clock was set back among them.

  Raises:
    UserError: a row has no time, or writes it in another way.
  """
  import pyarrow as pa
  import pyarrow.compute as pc

  def wrong(row, problem):
    which = ', '.join(map(repr, names))
    return table.wrong(row, f'time column {which}: {problem}')

  cells = table.columns[names[0]]
  if len(names) == 1 and pa.types.is_temporal(cells.type):
    return _native(cells, wrong)
  cells = columns.texts(table, names[0])
  for between, name in zip(_between(cells, names), names[1:], strict=True):
    cells = pc.binary_join_element_wise(
      cells, columns.texts(table, name), between
    )
  empty = pc.fill_null(pc.equal(cells, ''), True)
  if pc.any(empty).as_py():
    row = pc.index(empty, True).as_py()
    raise wrong(row, 'expected a time, got an empty cell.')
  if pc.all(pc.match_substring_regex(cells, r'^-?\d{1,18}$')).as_py():
    return _whole(cells.cast(pa.int64()).to_numpy()), False
  return _iso(cells, wrong)


def written(times: np.ndarray) -> list[str]:
  """Times as a table may hold them: '2014-12-31 23:00:00', or the counts.

  >>> written(np.array(['2014-12-31T23'], 'datetime64[s]'))
  ['2014-12-31 23:00:00']
  """
  return [text.replace('T', ' ') for text in times.astype(str).tolist()]


def _between(cells, names):
  if len(names) == 2 and '-' in cells[0].as_py():
    return (' ',)
  if len(names) > len(_BETWEEN) + 1:
    raise errors.UserError(
      'expected the columns of a time to be one, a date and a time, or year, '
      f'month, day, hour, minute and second, got {len(names)}: '
      f'{", ".join(names)}.'
    )
  return _BETWEEN[: len(names) - 1]


def _native(cells, wrong):
  """Times that arrow has as such: dates and timestamps."""
  import pyarrow as pa
  import pyarrow.compute as pc

  if cells.null_count:
    row = pc.index(pc.is_null(cells), True).as_py()
    raise wrong(row, 'expected a time, got an empty cell.')
  if pa.types.is_time(cells.type) or pa.types.is_duration(cells.type):
    raise wrong(0, f'expected a date and a time, got the type {cells.type}.')
  exact = cells.to_numpy()
  whole = exact.astype('M8[s]')
  # Arrow writes no time of a zone that it does not know; NumPy's are UTC.
  _whole_seconds(whole != exact, exact, wrong)
  return whole, getattr(cells.type, 'tz', None) is not None


def _whole_seconds(broken, cells, wrong):
  if broken.any():
    row = int(np.argmax(broken))
    raise wrong(
      row,
      f'expected whole seconds, got {cells[row]}: round the times, or leave '
      'the time column out, and every row is a step.',
    )


def _whole(numbers):
  """Whole numbers: years, dates, seconds since 1970, or counts."""
  low, high = numbers.min(), numbers.max()
  if 1000 <= low and high < 3000:
    return _moments(numbers)[0]
  if _EPOCH_S[0] <= low and high < _EPOCH_S[1]:
    return numbers.astype('M8[s]')
  for unit, parts in (
    (100, (numbers // 100, numbers % 100)),
    (10_000, (numbers // 10_000, numbers // 100 % 100, numbers % 100)),
  ):
    if 1000 * unit <= low and high < 3000 * unit:
      moments, exist = _moments(*parts)
      if exist.all():
        return moments
  return numbers


def _iso(cells, wrong):
  import pyarrow as pa
  import pyarrow.compute as pc

  parts = pc.extract_regex(cells, _ISO)
  if parts.null_count:
    row = pc.index(pc.is_null(parts), True).as_py()
    raise wrong(
      row,
      'expected a time as ISO 8601 writes it, such as 2014-12-31, 2014-12-31 '
      f'23:00 or 2014-12, got {delimited.shortened(cells[row].as_py())!r}.',
    )

  def part(name, default):
    text = pc.struct_field(parts, name)
    text = pc.if_else(pc.equal(text, ''), default, text)
    return text.cast(pa.int64()).to_numpy()

  finer = pc.match_substring_regex(pc.struct_field(parts, 'fraction'), '[1-9]')
  _whole_seconds(finer.to_numpy(), cells, wrong)
  moments, exist = _moments(
    part('year', ''),
    part('month', ''),
    *(
      part(name, '1' if name == 'day' else '0')
      for name in ('day', 'hour', 'minute', 'second')
    ),
  )
  if not exist.all():
    row = int(np.argmin(exist))
    raise wrong(row, f'there is no such time as {cells[row]}.')
  zones = pc.struct_field(parts, 'zone')
  kinds = pc.unique(zones).to_pylist()
  if kinds == ['']:
    return moments, False
  if '' in kinds:
    row = pc.index(zones, '').as_py()
    raise wrong(
      row, f'expected an offset, as other rows have one, got {cells[row]}.'
    )
  offsets = {kind: _offset_s(kind) for kind in kinds}
  for kind, offset in offsets.items():
    if offset is None:
      raise wrong(
        pc.index(zones, kind).as_py(),
        f'expected an offset from UTC of 14 hours at most, got {kind}.',
      )
  shifts = np.array([offsets[zone] for zone in zones.to_pylist()], 'm8[s]')
  return moments - shifts, True


def _offset_s(zone):
  """None, where there is no such offset."""
  if zone in 'Zz':
    return 0
  minutes = int(zone[3:].lstrip(':') or 0)
  seconds = int(zone[1:3]) * 3600 + minutes * 60
  if minutes >= 60 or seconds > _LARGEST_OFFSET_S:
    return None
  return -seconds if zone[0] == '-' else seconds


def _moments(year, month=1, day=1, hour=0, minute=0, second=0):
  """Times of these parts, and which of them exist."""
  months = (np.asarray(year) - 1970) * 12 + month - 1
  firsts = months.astype('M8[M]')
  days = firsts.astype('M8[D]') + (np.asarray(day) - 1).astype('m8[D]')
  seconds = np.asarray(hour * 3600 + minute * 60 + second)
  exist = (
    (1 <= np.asarray(month))
    & (np.asarray(month) <= 12)
    & (1 <= np.asarray(day))
    & (days.astype('M8[M]') == firsts)
    & (np.asarray(hour) < 24)
    & (np.asarray(minute) < 60)
    & (np.asarray(second) < 60)
  )
  return days.astype('M8[s]') + seconds.astype('m8[s]'), exist
