"""Line-by-line logs of a run, whole after a crash.

`metrics.jsonl` holds only what is a pure function of the configuration and the
step, so that a run that was killed and resumed writes the same bytes as one
that was not. What the clock decides goes to `timing.jsonl`.

Each line is a JSON object with the key "step"; JSON has no name for the numbers
that are not finite, so they are the strings "nan", "inf" and "-inf". A line
counts once its newline is there: what a kill left behind the last newline is
ignored by the reader and cut by the next writer.
"""

import errno
import json
import math
import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from seqjax import errors, files

_NOT_FINITE = {'nan': math.nan, 'inf': math.inf, '-inf': -math.inf}


def read_metrics(path: str | os.PathLike) -> list[dict[str, Any]]:
  """Reads `metrics.jsonl` or `timing.jsonl`, numbers as numbers.

  Raises:
    UserError: a line, other than a torn last one, is not what was written.
  """
  return [record for _, record in _lines(pathlib.Path(path))]


class TimingLog:
  """`timing.jsonl`: seconds, rates, restarts. It only ever grows.

  Args:
    path: the file, made if it is missing; its folder must exist.
  """

  def __init__(self, path: str | os.PathLike):
    self._path = pathlib.Path(path)
    self._open()

  def write(self, step: int, values: Mapping[str, Any]) -> None:
    """Adds a line, which outlives the process from here on.

    Raises:
      OSError: the disk is full.
    """
    if 'step' in values:
      raise ValueError('"step" is the name of the line, not of a value in it.')
    record = {name: encode(value) for name, value in values.items()}
    line = json.dumps({'step': step} | record, sort_keys=True) + '\n'
    written = self._file.write(line.encode())
    if written != len(line):  # ASCII, so a character is a byte.
      self._file.truncate(self._file.tell() - written)
      raise OSError(
        errno.ENOSPC, os.strerror(errno.ENOSPC), os.fspath(self._path)
      )

  def sync(self) -> None:
    """Returns when all lines would survive a power failure."""
    os.fsync(self._file.fileno())

  def close(self) -> None:
    """Syncs and closes; a second time does nothing."""
    if not self._file.closed:
      self.sync()
      self._file.close()

  def _open(self) -> None:
    # Unbuffered: a SIGKILL finds nothing to lose.
    self._file = open(self._path, 'ab', buffering=0)
    self._file.truncate(len(_whole_lines(self._path)))
    files.fsync_directory(self._path.parent)


class MetricsLog(TimingLog):
  """`metrics.jsonl`: losses and scores; a resume cuts back.

  A step may have two lines, in this order: the training metrics, then, once the
  checkpoint of the step is saved, those of its evaluation.

  Example:
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name, 'metrics.jsonl')
    >>> log = MetricsLog(path)
    >>> for step in 1, 2, 3:
    ...   log.write(step, {'train/nats_per_char': 0.1 / step})
    >>> log.rewind(2)
    >>> log.close()
    >>> print(path.read_text(), end='')
    {"step": 1, "train/nats_per_char": 0.1}
    {"step": 2, "train/nats_per_char": 0.05}
    >>> folder.cleanup()
  """

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Adds a line; each number is rounded to float32, its shortest form."""
    super().write(step, {k: _as_float32(v) for k, v in metrics.items()})

  def rewind(self, step: int) -> None:
    """Cuts the log back to what was there when checkpoint `step` was saved.

    Its evaluation is cut too: the run does it again. Step 0 has no other line,
    so `rewind(0)` leaves nothing.

    Raises:
      UserError: a line is not what was written; the file stays as it is.
    """
    kept = b''.join(
      line
      for line, record in _lines(self._path)
      if record['step'] < step
      or record['step'] == step
      and any(name.startswith('train/') for name in record)
    )
    files.atomic_write(self._path, kept)
    self._file.close()  # Its descriptor is that of the file replaced.
    self._open()


def _whole_lines(path: pathlib.Path) -> bytes:
  content = path.read_bytes()
  return content[: content.rfind(b'\n') + 1]


def _lines(path: pathlib.Path) -> Iterator[tuple[bytes, dict[str, Any]]]:
  """Gives (line, record) for every whole line."""
  lines = _whole_lines(path).splitlines(keepends=True)
  for number, line in enumerate(lines, start=1):
    try:
      record = json.loads(line)
      if not isinstance(record['step'], int):
        raise TypeError('"step" is not an integer')
    except (KeyError, RecursionError, TypeError, ValueError) as error:
      raise errors.UserError(
        f'{path}, line {number}: expected a JSON object with an integer '
        f'"step", got {line[:60]!r} ({error}). Remove or mend that line.'
      ) from error
    yield line, {k: _decode(v) for k, v in record.items()}


def encode(value: Any) -> Any:
  """The value as JSON has it.

  >>> encode(np.float32(0.5)), encode(math.nan)
  (0.5, 'nan')
  """
  if isinstance(value, (bool, int, str)):
    return value
  value = float(value)
  return value if math.isfinite(value) else str(value)


def _decode(value: Any) -> Any:
  return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def _as_float32(value: float) -> float:
  """The float with the fewest digits that rounds to the same float32."""
  with np.errstate(over='ignore'):
    return float(str(np.float32(value)))
