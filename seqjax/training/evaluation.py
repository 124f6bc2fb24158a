"""A model over held-out data, with the carry passed from batch to batch."""

from collections.abc import Callable

from seqjax import metrics
from seqjax.models import task as task_lib


def evaluate(
  task: task_lib.Task, eval_step: Callable, params, batches, num_batches: int
) -> dict[str, float]:
  """Metrics over the batches 0 to `num_batches` - 1, one after another.

  Args:
    task: for the carry before the first batch.
    eval_step: of `make_eval_step(task)`; made once, or it compiles each time.
    params: of the model.
    batches: index -> Batch; all of one shape, unless the carry is ().
    num_batches: how many; at least 1.

  Returns:
    name -> sum over all batches divided by weight over all batches.
  """
  batch = batches(0)
  carry = task.carry(params, batch.mask.shape[1])
  total = None
  for index in range(num_batches):
    carry, sums = eval_step(params, carry, batches(index))
    total = metrics.add(total, sums)
  return metrics.divide(total)
