"""What the last digits of a run depend on, besides its config."""

import functools
import importlib.metadata
import os
import platform
from typing import Any

from seqjax.training import devices

_PACKAGES = (
  'jax',
  'jaxlib',
  'flax',
  'optax',
  'orbax-checkpoint',
  'numpy',
  'seqjax',
)


def environment(num_devices: int = 0) -> dict[str, Any]:
  """Versions, devices, threads and XLA flags of this process.

  Args:
    num_devices: of them that are used, as of `devices.count`.
  """
  # Here, because it starts the devices.
  import jax

  return {
    'python': platform.python_version(),
    **{name: _version(name) for name in _PACKAGES},
    'device_kind': jax.devices()[0].device_kind,
    'device_count': jax.process_count() * devices.count(num_devices),
    'threads': threads(),
    'XLA_FLAGS': os.environ.get('XLA_FLAGS', ''),
  }


@functools.cache
def threads() -> int:
  """How many JAX computes with: one for each core there was when it began."""
  import jax

  jax.devices()
  affinity = getattr(os, 'sched_getaffinity', None)
  return len(affinity(0)) if affinity else os.cpu_count()


def _version(package: str) -> str:
  try:
    return importlib.metadata.version(package)
  except importlib.metadata.PackageNotFoundError:
    return 'not installed'  # A checkout on PYTHONPATH.


def changes(began: dict[str, Any], now: dict[str, Any]) -> str:
  """What is different between two environments, in words; '' if nothing is.

  >>> changes({'jax': '0.10.1', 'threads': 2}, {'jax': '0.10.2', 'threads': 2})
  'jax from 0.10.1 to 0.10.2'
  """
  return ', '.join(
    f'{name} from {began.get(name)} to {now.get(name)}'
    for name in {**began, **now}
    if began.get(name) != now.get(name)
  )
