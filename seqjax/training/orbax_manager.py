"""Orbax as we need it: one process, one writer, no log, nothing compressed."""

import logging
import os
import pathlib
from collections.abc import Collection

import numpy as np


def load():
  """Imports orbax, without the log that would cut through the run's lines."""
  import orbax.checkpoint
  from orbax.checkpoint._src.multihost import multihost

  # Each process of several writes a run of its own, and must not wait for the
  # others: to orbax it is the only one. With its options alone, all but the
  # first would write no array, and take signals for theirs.
  multihost.process_index = lambda: 0
  multihost.process_count = lambda: 1
  multihost.is_jax_distributed_client_initialized = lambda: False
  logging.getLogger('absl').addFilter(_is_not_from_orbax)
  return orbax.checkpoint


def _is_not_from_orbax(record: logging.LogRecord) -> bool:
  return f'{os.sep}orbax{os.sep}' not in record.pathname


def manager(
  directory: pathlib.Path, keep: int | None = None, kept: Collection[int] = ()
):
  """A `CheckpointManager`, new each time: it caches steps, and costs only 5 ms.

  Args:
    directory: of the steps.
    keep: how many of the newest stay at a save; without it nothing on disk is
      changed.
    kept: steps that stay as well.
  """
  ocp = load()
  managers = ocp.checkpoint_managers
  return ocp.CheckpointManager(
    directory,
    item_handlers=None if keep is None else _handlers(ocp),
    options=ocp.CheckpointManagerOptions(
      preservation_policy=managers.AnyPreservationPolicy(
        [managers.LatestN(keep), managers.CustomSteps([*kept])]
      ),
      cleanup_tmp_directories=keep is not None,
      read_only=keep is None,
      enable_async_checkpointing=False,
      lightweight_initialize=True,
      create=False,
      # Orbax asks JAX, too, how many processes there are.
      multiprocessing_options=ocp.options.MultiprocessingOptions(
        active_processes={0}, barrier_sync_key_prefix='alone'
      ),
    ),
  )


def _handlers(ocp):
  """Those of a write; what they write, `ArrayRestore` reads."""
  types = ocp.type_handlers
  registry = types.create_type_handler_registry(
    # By default it copies the array, which might change: here it cannot.
    (np.ndarray, types.NumpyHandler(deepcopy_host_arrays=False))
  )
  return {
    'state': ocp.PyTreeCheckpointHandler(
      use_ocdbt=False, use_compression=False, type_handler_registry=registry
    ),
    'meta': ocp.JsonCheckpointHandler(),
  }
