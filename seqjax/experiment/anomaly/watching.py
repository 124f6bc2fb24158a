"""Rows that arrive, one or many at a time, and how unusual each of them is."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from seqjax import surprise


class Watch(NamedTuple):
  """What is kept of the rows of a series that have been read."""

  num_rows: int
  carry: Any  # of the network
  values: np.ndarray  # [1, D] scaled, the last of each column; 0 before any
  forecasts: np.ndarray  # [K, K, D] scaled, of the last K rows; NaN before any
  surprise: surprise.Surprise


class Watched(NamedTuple):
  """What is said of n rows."""

  expected: np.ndarray  # [n, D] scaled, from the row before
  errors: np.ndarray  # [n]
  scores: np.ndarray  # [n]


def begin(carry: Any, horizon: int, num_columns: int) -> Watch:
  """Before the first row of a series."""
  return Watch(
    0,
    carry,
    np.zeros((1, num_columns)),
    np.full((horizon, horizon, num_columns), np.nan),
    surprise.Surprise(),
  )


def watch(
  say: Callable,
  params,
  state: Watch,
  values: np.ndarray,
  past: np.ndarray,
  *,
  smoothing: int,
  memory: int,
  num_learnt: int = 0,
) -> tuple[Watch, Watched]:
  """Reads rows, and says how unusual each is given those before it.

  The error of a row is the mean of |forecast - value| over the columns that are
  there and over the forecasts that were made of it, 1 to K rows before: what
  goes on for a while is expected after one row, and still unlike what was
  expected before.

  Args:
    say: of `detector.make_say`.
    params: of the network.
    state: after the rows before; it is used up.
    values: [n, D] scaled, NaN where missing; those beyond `surprise.MOST_ERROR`
      count as that, or one would stay with the network for good.
    past: [n, P], of the clock.
    smoothing, memory: as in `surprise.update`.
    num_learnt: so many of the first rows were learnt from. Their errors are
      smaller than those to come, and tell nothing of what is usual.

  Returns:
    The state after the rows, and what is said of them. It does not matter
    whether rows come in one call or in many.
  """
  n, horizon = len(values), len(state.forecasts)
  values = np.clip(values, -surprise.MOST_ERROR, surprise.MOST_ERROR)
  missing = np.isnan(values)
  last = np.maximum.accumulate(
    np.where(missing, 0, np.arange(1, n + 1)[:, None]), axis=0
  )
  filled = np.take_along_axis(
    np.concatenate([state.values, values]), last, axis=0
  )
  carry, said = say(params, state.carry, filled, missing, past)
  # Row i + horizon - k said at its place k - 1 what it expected of row i.
  said = np.concatenate([state.forecasts, said])
  leads = np.arange(1, horizon + 1)
  of_row = said[np.arange(n)[:, None] + horizon - leads, leads - 1]
  misses = np.abs(of_row - values[:, None])
  usual, errors, scores = state.surprise, [], []
  for i, row in enumerate(misses):
    there = row[~np.isnan(row)].tolist()
    # The exact sum does not depend on how many rows stand side by side.
    error = math.fsum(there) / len(there) if there else math.nan
    known = math.nan if i < num_learnt else error
    usual, score = surprise.update(usual, known, smoothing, memory)
    errors.append(error)
    scores.append(score)
  after = Watch(
    state.num_rows + n,
    carry,
    filled[-1:] if n else state.values,
    said[len(said) - horizon :],
    usual,
  )
  return after, Watched(of_row[:, 0], np.array(errors), np.array(scores))
