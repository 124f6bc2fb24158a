"""The parameters with the best score so far, apart from the newest.

best/
  metric.json      which metric decides, and whether higher is better
  200/  300/       the best, and the best before it, as in `checkpoints/`
"""

import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from seqjax import errors, files
from seqjax.training import checkpoints as checkpoints_lib
from seqjax.training import logs
from seqjax.training import plan as plan_lib

FOLDER = 'best'
_METRIC = 'metric.json'
_NONE = np.float32(-np.inf)  # The score of what has none.


class Best:
  """Keeps the parameters of the best evaluation of a run in `best/`.

  Which one that is follows from metrics.jsonl, so a resumed run agrees with one
  that was not interrupted. A score that is not finite is never the best.

  Args:
    plan: says which metric decides, if any.
    directory: of the run.
    report: is given each sentence that a person should read.
  """

  def __init__(
    self,
    plan: plan_lib.Plan,
    directory: pathlib.Path,
    report: Callable[[str], None],
  ):
    self._decides = plan.best, plan.higher_is_better
    self._directory = directory
    self._record = _NONE
    self._checkpoints = checkpoints_lib.Checkpoints(
      directory / FOLDER, fingerprint=plan.fingerprint, report=report
    )

  def rewind(self, step: int) -> None:
    """Goes back to the best of what metrics.jsonl, cut back to `step`, says.

    The evaluation of `step` itself is cut too: it is made again, or never was.
    """
    self._checkpoints.discard_after(step - 1)
    self._record, _ = _record(self._directory, *self._decides)

  def offer(self, step: int, params: Any, metrics: Mapping[str, float]) -> None:
    """Saves the parameters if their metrics beat the best so far."""
    score = _score(metrics, *self._decides)
    if score > self._record:
      self._record = score
      names = 'metric', 'higher_is_better'
      content = dict(zip(names, self._decides, strict=True))
      (self._directory / FOLDER).mkdir(exist_ok=True)
      files.atomic_write(
        self._directory / FOLDER / _METRIC, json.dumps(content) + '\n'
      )
      self._checkpoints.save(step, {'params': params})

  def settle(self, *then: str) -> None:
    """As of `Checkpoints`."""
    self._checkpoints.settle(*then)

  def close(self) -> None:
    """Returns when what was saved is durable."""
    self._checkpoints.close()


def step(directory: pathlib.Path) -> int | None:
  """The step whose parameters are to be in `best/`, by the log of the run.

  Args:
    directory: of the run.

  Returns:
    None if no score was finite, or no metric decides.

  Raises:
    UserError: metric.json is not what was written.
  """
  path = directory / FOLDER / _METRIC
  if not path.exists():
    return None
  try:
    content = json.loads(path.read_text())
    metric, higher_is_better = content['metric'], content['higher_is_better']
    if not isinstance(metric, str):
      raise TypeError('metric is no name')
  except (KeyError, TypeError, ValueError) as error:
    raise errors.UserError(
      f'{path} is damaged ({error}). Leave out --checkpoint=best.'
    ) from error
  return _record(directory, metric, higher_is_better)[1]


def _record(directory, metric, higher_is_better):
  """The best score in the log of a run, and its step."""
  best = _NONE, None
  for line in logs.read_metrics(directory / 'metrics.jsonl'):
    if (score := _score(line, metric, higher_is_better)) > best[0]:
      best = score, line['step']
  return best


def _score(metrics, metric, higher_is_better) -> np.float32:
  """Signed: the higher the better."""
  # As the log rounds it, so that both ways of coming here agree.
  value = np.float32(metrics.get(metric, np.nan))
  if not np.isfinite(value):
    return _NONE
  return value if higher_is_better else -value
