"""Checkpoints: saved in the background, and never restored silently wrong.

checkpoints/
  200/            the newest `keep` steps, each as `checkpoint_format` says
  300/
  100.damaged/    could not be read back; kept, and never read again
"""

import concurrent.futures
import itertools
import os
import pathlib
import shutil
from collections.abc import Callable, Collection, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import errors, files
from seqjax.training import checkpoint_format

_DAMAGED = '.damaged'


class Checkpoints:
  """The checkpoints of one run. One process writes; others may only read.

  Each save runs in a thread, one at a time, on a copy of the state. If it
  fails, the next call of any method but `latest_step` raises the error. A full
  disk is an exception, and a state with numbers that are not finite: the older
  checkpoints stay and training goes on, so that is reported, and raised by
  `wait` and `close` alone.

  Args:
    directory: the folder of the checkpoints; the first save makes it.
    fingerprint: a hash of what a run must share with its checkpoints: its
      configuration and its data.
    keep: how many of the newest steps stay; at least 2, one to go back to.
    read_only: changes nothing on disk, for reading while another process may be
      writing; a damaged step is passed over and keeps its name.
    report: is given each sentence that a person should read.

  Example:
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> checkpoints = Checkpoints(folder.name, fingerprint='3fa2b1')
    >>> checkpoints.save(100, {'w': np.ones(3, np.float32)})
    >>> checkpoints.restore({'w': np.zeros(3, np.float32)})
    (100, {'w': array([1., 1., 1.], dtype=float32)})
    >>> checkpoints.close()
    >>> folder.cleanup()
  """

  def __init__(
    self,
    directory: str | os.PathLike,
    *,
    fingerprint: str,
    keep: int = 2,
    read_only: bool = False,
    report: Callable[[str], None] = print,
  ):
    if keep < 2:
      raise ValueError(
        f'keep={keep}: expected at least 2, so that a damaged checkpoint has '
        'one before it to go back to.'
      )
    self._directory = pathlib.Path(directory).absolute()  # Orbax asks for it.
    self._fingerprint = fingerprint
    self._keep = keep
    self._read_only = read_only
    self._report = report
    self._thread = concurrent.futures.ThreadPoolExecutor(1, 'checkpoints')
    self._saving: concurrent.futures.Future | None = None

  def save(
    self,
    step: int,
    state: Any,
    *,
    anchor: bool = True,
    kept: Collection[int] = (),
  ) -> None:
    """Begins to save `state`, whose buffers may be reused on return.

    A step that is on disk already is left as it is.

    Args:
      state: a pytree of JAX and numpy arrays; a PRNG key as its `key_data`.
      anchor: whether a roll-back may lead to it. The newest of these stays
        besides the newest `keep`, so that no roll-back depends on when else was
        saved.
      kept: older steps that stay, too.

    Raises:
      ValueError: a newer step is on disk, and the next restore would prefer it.
    """
    if self._read_only:
      raise ValueError('these checkpoints are read_only; nothing can be saved.')
    self.settle()
    newest = self.latest_step()
    if newest is not None and newest > step:
      raise ValueError(
        f'step {step} is older than the newest checkpoint, of step {newest}; '
        'call `discard_after` first.'
      )
    if newest == step:
      return
    # Copied, because on a CPU device_get gives views of the very buffers that
    # the caller is about to donate.
    arrays = jax.device_get(checkpoint_format.named_leaves(state))
    arrays = {name: np.array(array) for name, array in arrays.items()}
    self._saving = self._thread.submit(self._write, step, arrays, anchor, kept)

  def wait(self) -> None:
    """Returns when the last save would survive a power failure.

    Raises:
      UserError: it was not saved, because the disk is full.
      GaveUp: it was not saved, because it holds numbers that are not finite.
      Exception: whatever else stopped it.
    """
    saving, self._saving = self._saving, None
    if saving is not None:
      saving.result()

  def settle(self, then: str = ' Training goes on.') -> None:
    """Waits as `wait` does; reports what it raises of disk and numbers."""
    try:
      self.wait()
    except (errors.UserError, errors.GaveUp) as error:
      self._report(f'{error}{then}')

  def close(self) -> None:
    """Waits as `wait` does, and ends the thread."""
    try:
      self.wait()
    finally:
      self._thread.shutdown()

  def steps(self) -> list[int]:
    """The steps on disk, oldest first, not verified."""
    # Read each time: a list in memory could disagree with the disk.
    names = self._names_with('')
    # A stranger's 0300 is none of ours.
    return sorted(int(x) for x in names if x.isdecimal() and str(int(x)) == x)

  def latest_step(self) -> int | None:
    """The newest step on disk, not verified; None if there is none."""
    return max(self.steps(), default=None)

  def restore(
    self, template: Any, newest: int | None = None
  ) -> tuple[int, Any] | None:
    """Reads the newest step that is whole; None if there is no checkpoint.

    A damaged step is renamed, reported, and the one before it is tried.

    Args:
      template: the state to expect, as arrays or `jax.ShapeDtypeStruct`. Each
        leaf comes back as the template has it: as a numpy array, or as a JAX
        array with the same sharding.
      newest: the greatest step to read; None takes any.

    Returns:
      (step, state), bit for bit what was saved.

    Raises:
      UserError: the checkpoint is whole, but not of this configuration; or
        there are checkpoints, and all are damaged. Nothing is removed.
    """
    expected = checkpoint_format.named_leaves(template)
    restored = self._read(expected, self._fingerprint, newest)
    if restored is None:
      return None
    step, arrays = restored
    leaves = [_place(arrays[name], leaf) for name, leaf in expected.items()]
    return step, jax.tree.unflatten(jax.tree.structure(template), leaves)

  def restore_leaves(self) -> tuple[int, dict[str, np.ndarray]] | None:
    """As `restore`, with each leaf by its name, whatever they are of."""
    return self._read(None, None, None)

  def _read(self, expected, fingerprint, newest):
    self.settle()
    for step in reversed(self.steps()):
      if newest is not None and step > newest:
        continue
      try:
        return step, checkpoint_format.read(
          self._directory, step, expected, fingerprint=fingerprint
        )
      except (errors.UserError, MemoryError):
        raise
      except Exception as error:
        self._set_aside(step, error)
    # To start again from step 0 in silence would lose what can be mended.
    if damaged := len(self.steps()) + len(self._names_with(_DAMAGED)):
      raise errors.UserError(
        f'No checkpoint in {self._directory} can be read; damaged and kept: '
        f'{damaged}. To begin anew, choose another --workdir or remove that '
        'folder.'
      )
    return None

  def discard_to_anchor(self) -> None:
    """Removes what is newer than the newest anchor, for a roll-back."""
    self.settle()
    self.discard_after(next(self._anchors(), -1))

  def discard_after(self, step: int) -> None:
    """Removes the checkpoints newer than `step`."""
    self.settle()
    for newer in reversed(self.steps()):
      if newer > step:
        self._discard(newer)

  def _anchors(self) -> Iterator[int]:
    """Newest first."""
    for step in reversed(self.steps()):
      try:
        if checkpoint_format.is_anchor(self._directory, step):
          yield step
      except Exception as error:
        self._set_aside(step, error)

  def _names_with(self, text: str) -> list[str]:
    if not self._directory.is_dir():
      return []
    return [name for name in os.listdir(self._directory) if text in name]

  def _rename(self, step: int, name: str) -> pathlib.Path:
    target = self._directory / name
    (self._directory / str(step)).rename(target)
    files.fsync_directory(self._directory)
    return target

  def _discard(self, step: int) -> None:
    """Renames first, to what the next write removes if this is cut short."""
    name = f'{step}{checkpoint_format.TEMPORARY}'
    shutil.rmtree(self._rename(step, name))

  def _set_aside(self, step: int, error: Exception) -> None:
    what = 'it is passed over'
    if not self._read_only:
      name, number = f'{step}{_DAMAGED}', 1
      while (self._directory / name).exists():
        number += 1
        name = f'{step}{_DAMAGED}-{number}'
      path = self._rename(step, name)
      what = f'it is kept as {path}'
    reason = ' '.join(f'{type(error).__name__}: {error}'.split())[:200]
    self._report(
      f'The checkpoint of step {step} is damaged; {what}, and the one before '
      f'is tried ({reason}).'
    )

  def _write(self, step, arrays, anchor, kept) -> None:
    """Runs in the thread. On a full disk, tries twice."""
    bad = [name for name, array in arrays.items() if not _is_finite(array)]
    if bad:
      raise errors.GaveUp(
        f'The state of step {step} was not saved, because {", ".join(bad[:3])} '
        f'({len(bad)} of {len(arrays)} arrays) holds numbers that are not '
        'finite; the older checkpoints are untouched.'
      )
    for is_last_try in (False, True):
      try:
        return checkpoint_format.write(
          self._directory,
          step,
          arrays,
          fingerprint=self._fingerprint,
          keep=self._keep,
          anchor=anchor,
          kept=[*kept, *itertools.islice(self._anchors(), 1)],
        )
      except Exception as error:
        if not checkpoint_format.is_disk_full(error):
          raise
        if step in self.steps():  # It was the fsync that failed.
          self._discard(step)
        checkpoint_format.remove_temporaries(self._directory)
        if is_last_try:
          raise errors.UserError(
            f'The checkpoint of step {step} was not written, because the disk '
            f'of {self._directory} is full; the older ones are untouched. Free '
            'some space.'
          ) from error


def _is_finite(array: np.ndarray) -> bool:
  is_float = jnp.issubdtype(array.dtype, jnp.inexact)
  return not is_float or bool(np.isfinite(array).all())


def _place(array: np.ndarray, like: Any) -> Any:
  if isinstance(like, (np.ndarray, np.generic)):
    return array
  # What was not committed to a device stays so, or jit would compile again.
  sharding = like.sharding if getattr(like, 'committed', True) else None
  return jax.device_put(array, sharding)
