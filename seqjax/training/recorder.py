"""What a run tells: to the person before it, and to its two logs."""

import pathlib
import resource
from collections.abc import Mapping
from typing import Any

from seqjax import metrics as metrics_lib
from seqjax.training import logs
from seqjax.training import plan as plan_lib
from seqjax.training import progress as progress_lib


class Recorder:
  """Writes metrics.jsonl and timing.jsonl, and shows the same; closed at last.

  Attributes:
    last: the newest value of every metric.
    step: the newest update whose metrics have come from the device.
    skipped: how many updates up to that one, in a row, were not finite.

  Args:
    plan: how many steps, and what is counted.
    directory: of the run.
  """

  def __init__(self, plan: plan_lib.Plan, directory: pathlib.Path):
    self.last = {}
    self.step = self.skipped = 0
    self._awaited = None
    self._plan = plan
    self._path = directory / 'metrics.jsonl'
    self._metrics = logs.MetricsLog(self._path)
    self._timing = logs.TimingLog(directory / 'timing.jsonl')
    self._rate = progress_lib.Rate()
    self._progress = None

  def __enter__(self):
    return self

  def __exit__(self, *error):
    if self._progress is not None:
      self._progress.__exit__(*error)
    self._metrics.close()
    self._timing.close()

  def begin(self, step: int, skipped: int) -> None:
    """From now on progress is shown, from a step on."""
    self.step, self.skipped = step, skipped
    if step:
      self._timing.write(step, {'restart': 1})
    self._progress = progress_lib.Progress(
      self._plan.steps, step, self._plan.unit
    )
    self._progress.__enter__()

  def say(self, text: str) -> None:
    """Prints a line that stays, wherever progress is shown."""
    (self._progress.say if self._progress else print)(text)

  def await_update(self, step: int, weight: Any, sums: Mapping) -> None:
    """Keeps what `make_train_step` returned, still on its way, for `read`.

    Args:
      step: of the update.
      weight: how much it learnt from.
      sums: the (sum, weight) of each metric.
    """
    self._awaited = step, weight, sums

  def forget_update(self) -> None:
    """Writes nothing of the update that is awaited."""
    self._awaited = None

  def read(self) -> None:
    """Waits for the update that is awaited, if any, and takes it down."""
    if self._awaited is None:
      return
    self.step, weight, sums = self._awaited
    self._awaited = None
    metrics = metrics_lib.divide(sums)
    self.skipped = int(metrics['skipped_in_row'])
    if not self.skipped:
      del metrics['skipped_in_row']
      self.last.pop('train/skipped_in_row', None)
    elif self.skipped == 1:
      self.say(
        f'Step {self.step:,} is skipped: its loss, gradient or result is not '
        'finite.'
      )
    self._rate.count(float(weight))
    self._progress.step(self.step, metrics, self._rate.value)
    self._write(self.step, {f'train/{k}': x for k, x in metrics.items()})

  def evaluation(self, step: int, metrics: Mapping[str, float]) -> None:
    """Takes down an evaluation, whose metrics have the split in their names."""
    if metrics:
      self._write(step, metrics)
    shown = '  '.join(progress_lib.describe(k, x) for k, x in metrics.items())
    self.say(f'step {step:>6,}  {shown}')

  def timing(self, step: int, **more: float) -> None:
    """Takes down rate and memory, and what else the clock says."""
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = f'{self._plan.unit}_per_s'
    self._timing.write(
      step, {rate: self._rate.value, 'peak_memory_mb': peak_mb, **more}
    )

  def pause(self) -> None:
    """What comes up to the next update is no training."""
    self._rate.pause()

  def last_step(self) -> int:
    """The last update that was taken down, by this process or one before."""
    lines = logs.read_metrics(self._path)
    return max((line['step'] for line in lines), default=0)

  def sync(self) -> None:
    """Returns when what was taken down would survive a power failure."""
    self._metrics.sync()

  def rewind(self, step: int) -> None:
    """Goes back to what there was when checkpoint `step` was saved."""
    self._metrics.rewind(step)

  def _write(self, step, metrics):
    self._metrics.write(step, metrics)
    self.last.update(metrics)
