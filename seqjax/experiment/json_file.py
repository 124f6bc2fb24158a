"""JSON files of a run: written whole, and checked when they are read."""

import json
import math
import pathlib
from collections.abc import Mapping
from typing import Any

from seqjax import errors, files


def read(path: pathlib.Path, **expected: Any) -> dict[str, Any] | None:
  """Reads a JSON object; None if there is no such file.

  Args:
    path: of the file.
    **expected: key -> its type. A key that may be None may also be missing, as
      it is where an older version wrote the file, and is None then.

  Raises:
    UserError: the file is damaged.
  """
  try:
    content = json.loads(path.read_text(encoding='utf-8'))
  except FileNotFoundError:
    return None
  except (RecursionError, ValueError) as error:
    raise errors.UserError(
      f'{path} is damaged ({error}). Restore it, or choose another --workdir.'
    ) from None
  if not isinstance(content, dict):
    content = {}
  for key, kind in expected.items():
    if not isinstance(content.setdefault(key), kind):
      raise errors.UserError(
        f"{path} is damaged: '{key}' is not right. Restore it, or choose "
        'another --workdir.'
      )
  return content


def write(path: pathlib.Path, content: Mapping[str, Any]) -> None:
  """Writes a JSON object, or leaves the file as it was."""
  text = json.dumps(content, indent=2, allow_nan=False)
  files.atomic_write(path, f'{text}\n')


def numbers(path: pathlib.Path, metrics: Mapping[str, Any]) -> dict[str, Any]:
  """Metrics as `number` wrote them, with 'nan' and 'inf' numbers again.

  Raises:
    UserError: one is no number; the file is damaged.
  """
  try:
    return {
      name: x if isinstance(x, int | float) else float(x)
      for name, x in metrics.items()
    }
  except (TypeError, ValueError) as error:
    raise errors.UserError(
      f'{path} is damaged: its metrics are not all numbers ({error}). Restore '
      'it, or choose another --workdir.'
    ) from None


def number(name: str, value: Any) -> int | float | str:
  """A metric as JSON has it, which knows no NaN.

  >>> number('nats', 0.5), number('nats', math.nan)
  (0.5, 'nan')
  """
  if isinstance(value, int):
    return int(value)
  if not hasattr(value, '__float__'):
    raise TypeError(f'metric {name}={value!r}: expected a number.')
  value = float(value)
  return value if math.isfinite(value) else str(value)
