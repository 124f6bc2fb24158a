"""The programs of a step: one for each shape of a batch."""

import jax

from seqjax.data import batch as batch_lib


class Programs:
  """Which batches the step has been compiled for.

  Args:
    planned: how many programs are foreseen; None foresees any number.
  """

  def __init__(self, planned: int | None):
    self._planned = planned
    self._known = set()

  def __contains__(self, batch: batch_lib.Batch) -> bool:
    return _shapes(batch) in self._known

  def add(self, batch: batch_lib.Batch) -> None:
    """The step has been compiled for batches like this one."""
    self._known.add(_shapes(batch))

  def surprise(self, batch: batch_lib.Batch) -> str:
    """What to say before it is compiled for a new batch; '' where foreseen."""
    number = len(self._known) + 1
    if self._planned is None or number <= self._planned:
      return ''
    shapes = ', '.join(
      f'{jax.tree_util.keystr(path, simple=True, separator=".")} '
      f'{leaf.dtype}{list(leaf.shape)}'
      for path, leaf in jax.tree.leaves_with_path(batch)
    )
    return (
      f'Compiling program {number} of the training step, of which '
      f'{self._planned} were foreseen, for a batch with {shapes}. Each costs '
      'seconds: pad to fewer lengths, or plan for more programs.'
    )


def _shapes(batch):
  return tuple(leaf.shape for leaf in jax.tree.leaves(batch))
