"""Series whose values are their rows."""

import numpy as np

from seqjax import data
from seqjax.data.timeseries import series as series_lib


def make_series(*lengths, future=0, **fields):
  """Series of one column, whose values are their rows."""
  column = lambda n: np.arange(n, dtype=float)[:, None]
  ahead = np.full((future, 1), np.nan)
  known = [np.zeros((n + future, 1)) for n in lengths]
  fields = {
    'names': tuple(f's{i}' for i in range(len(lengths))),
    'times': tuple(np.arange(n + future) for n in lengths),
    'targets': tuple(np.concatenate([column(n), ahead]) for n in lengths),
    'past': tuple(np.zeros((n + future, 0)) for n in lengths),
    'known': tuple(known),
    'static': np.zeros((len(lengths), 0)),
    'columns': series_lib.Columns(targets=('y',), known=('x',)),
    'frequency': None,
    'name': 'made',
  } | fields
  return data.Series(**fields)
