"""The Numenta Anomaly Benchmark: 58 series with labelled windows."""

import contextlib
import json
import os
import pathlib
import re
import tempfile

import numpy as np

from seqjax import errors
from seqjax.data import archives, columns, reading
from seqjax.data.timeseries import clock, recordings
from seqjax.data.timeseries import series as series_lib

_LABELS = 'labels/combined_windows.json'
_WANTED = re.compile(rf'(.*/)?({_LABELS}|data/.+\.csv)')


def nab(path: str | os.PathLike) -> recordings.Recording:
  """Reads all series of the benchmark, and the windows of its labels.

  Times repeat here, stay away, and step back once; its detectors are given one
  row after another all the same, and so every row is a step.

  Args:
    path: the folder that holds data/ and labels/, or a .tar of it, also .tar.gz
      or .tar.xz.

  Returns:
    Series named by their files, such as 'realTweets/Twitter_volume_FB.csv'. An
    event goes from the first row of a window to its last, both times included.

  Raises:
    UserError: the labels or a series is not there, or damaged.

  Source: Ahmad et al. (2017), Unsupervised real-time anomaly detection for
    streaming data; github.com/numenta/NAB.
  """
  with _folder(pathlib.Path(path).expanduser()) as folder:
    windows = _windows(folder, path)
    rows = {name: _rows(folder / 'data' / name) for name in windows}
  labels = []
  for name, (times, _) in rows.items():
    label = np.zeros(len(times))
    for first, last in windows[name]:
      inside = (times >= first) & (times <= last)
      if not inside.any():
        raise errors.UserError(
          f'{path}: the series {name} has no row from {first} to {last}, where '
          f'{_LABELS} has a window.'
        )
      label[inside] = 1
    labels.append(label[:, None])
  none = tuple(label[:, :0] for label in labels)
  series = series_lib.Series(
    names=tuple(rows),
    times=tuple(np.arange(len(label)) for label in labels),
    targets=tuple(values[:, None] for _, values in rows.values()),
    past=tuple(labels),
    known=none,
    static=np.empty((len(rows), 0)),
    columns=series_lib.Columns(('value',), past=('label',)),
    frequency=None,
    name='nab',
  )
  times = tuple(times for times, _ in rows.values())
  return recordings.recording(series_lib.signed(series), times)


@contextlib.contextmanager
def _folder(path):
  """The folder with data/ and labels/, for a while that of an archive."""
  if path.is_dir():
    yield path
    return
  if not path.exists():
    raise errors.UserError(
      f'expected the Numenta Anomaly Benchmark, but {path} does not exist'
      f'{reading.why_missing(path)}'
    )
  with tempfile.TemporaryDirectory() as folder, path.open('rb') as stream:
    folder = pathlib.Path(folder)
    for name, content in archives.members(stream, _WANTED):
      (folder / name).parent.mkdir(parents=True, exist_ok=True)
      (folder / name).write_bytes(content)
    inside = sorted(folder.glob(f'**/{_LABELS}'))
    yield inside[0].parents[1] if inside else folder


def _windows(folder, path):
  """[W, 2] first and last time of each window, by the name of the series."""
  file = folder / _LABELS
  if not file.is_file():
    raise errors.UserError(
      f'expected the Numenta Anomaly Benchmark, but {path} has no {_LABELS}: '
      'name the folder of its repository, or an archive of that.'
    )
  try:
    found = {
      name: [_window(ends) for ends in some]
      for name, some in sorted(json.loads(file.read_bytes()).items())
    }
  except (ValueError, TypeError, AttributeError) as error:
    raise errors.UserError(
      f'expected first and last time of windows by the name of a series, but '
      f'{_LABELS} of {path} is damaged: {error}.'
    ) from error
  if not found:
    raise errors.UserError(
      f'expected series, but {_LABELS} of {path} names none: fetch it again.'
    )
  for name in found:
    if not (folder / 'data' / name).resolve().is_relative_to(folder.resolve()):
      raise errors.UserError(
        f'{_LABELS} of {path} names {name!r}, which is outside of it: fetch it '
        'again, or from another place.'
      )
  return found


def _window(ends):
  if not isinstance(ends, list) or len(ends) != 2:
    raise ValueError(f'a window is a list of two times, got {ends!r}')
  # They have fractions of a second, all of them 0.
  return [np.datetime64(text[:19], 's') for text in ends]


def _rows(path):
  """Times and values [n] of a series."""
  table = columns.read(path, ['timestamp', 'value'])
  times = clock.times(table, ['timestamp'])[0]
  if times.dtype.kind != 'M':
    raise table.wrong(
      0,
      f'expected a time such as 2014-02-14 14:30:00, got the count {times[0]}.',
    )
  return times, columns.column_numbers(table, 'value')
