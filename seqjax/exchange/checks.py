"""What arrays must be before they are taken for weights."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from seqjax import errors

_DTYPES = ('float32', 'float64')


def arrays(arrays: Mapping[str, Any]) -> None:
  """Refuses what is no finite float32 or float64, or not all alike.

  >>> arrays({'w': np.ones(2)})
  """
  if not arrays:
    raise errors.UserError('There is no array here.')
  dtypes = {}
  for name, array in arrays.items():
    if not isinstance(name, str):
      raise errors.UserError(f'Expected names of arrays, got {name!r}.')
    if not isinstance(array, (np.ndarray, jax.Array)):
      raise errors.UserError(
        f'{name} is a {type(array).__name__}; expected arrays of NumPy or JAX, '
        'as `.numpy()` gives them in torch.'
      )
    dtype = str(array.dtype)
    if dtype not in _DTYPES:
      raise errors.UserError(
        f'{name} is of {dtype}; expected float32 or float64. Convert it there '
        'first, so that it is you who decides what is lost.'
      )
    if not array.size:
      raise errors.UserError(f'{name} is empty: {list(array.shape)}.')
    dtypes.setdefault(dtype, name)
  finite(arrays)
  if len(dtypes) > 1:
    raise errors.UserError(
      f'{dtypes["float32"]} is of float32 and {dtypes["float64"]} of float64: '
      'convert one of them there first.'
    )


def finite(arrays: Mapping[str, Any]) -> None:
  """Refuses NaN and infinity; of what is being traced nobody knows."""
  for name, array in arrays.items():
    if isinstance(array, jax.core.Tracer):
      continue
    count = int((~np.isfinite(array)).sum())
    if count:
      raise errors.UserError(
        f'Of the {array.size} numbers of {name}, {count} are not finite.'
      )
