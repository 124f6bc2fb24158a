"""Forecasts without a network, of every origin of a series at once.

Origin t is the last row that a forecast may read: its row holds what is said of
rows t + 1 to t + K. Values have no gaps (`data.fill`).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

# Lags are the last steps, and those at which a season comes round.
_NEAR_LAGS, _SEASON_LAGS = 96, 48
_CHUNK_ROWS = 4096


def naive(filled, horizon: int) -> np.ndarray:
  """The value at the origin, for all K = `horizon` steps: [n, D] to [n, K, D].

  >>> naive(np.array([[1.0], [2.0]]), horizon=2)[:, :, 0]
  array([[1., 1.],
         [2., 2.]])
  """
  return np.repeat(np.asarray(filled)[:, None], horizon, axis=1)


def seasonal_naive(filled, horizon: int, seasons: Sequence[int]) -> np.ndarray:
  """The mean over the seasons of the value one season before the target.

  Where the horizon is longer than the season s, it is as many seasons before as
  the origin asks: y[t + k - s ceil(k / s)]. Near the beginning those seasons
  are left out that would reach before it; where all would, it is `naive`.

  Args:
    filled: [n, D].
    horizon: K.
    seasons: in steps, 1 or more.

  Returns:
    [n, K, D].

  >>> seasonal_naive(np.array([[1.0], [2.0], [5.0]]), 3, seasons=(2,))[:, :, 0]
  array([[1., 1., 1.],
         [1., 2., 1.],
         [2., 5., 2.]])
  """
  filled = np.asarray(filled)
  rows, leads = np.arange(len(filled))[:, None], np.arange(1, horizon + 1)
  total = np.zeros((len(filled), horizon, filled.shape[1]))
  count = np.zeros((len(filled), horizon, 1))
  for season in seasons:
    past = rows + leads - season * -(-leads // season)
    reached = (past >= 0)[:, :, None]
    total += np.where(reached, filled[np.maximum(past, 0)], 0)
    count += reached
  return np.where(
    count > 0, total / np.maximum(count, 1), naive(filled, horizon)
  )


def default_lags(seasons: Sequence[int], context: int) -> tuple[int, ...]:
  """Which past values a ridge reads: some lags below `context`.

  The last 96 steps, and the 48 that a season ago were next.

  Args:
    seasons: in steps.
    context: how many rows may be read.

  >>> lags = default_lags((24, 168), context=336)
  >>> len(lags), lags[95:97], lags[-1]
  (144, (95, 120), 167)
  """
  lags = set(range(_NEAR_LAGS))
  for season in seasons:
    lags.update(range(max(season - _SEASON_LAGS, 0), season))
  return tuple(sorted(lag for lag in lags if lag < context))


class Ridge(NamedTuple):
  """A linear map per column and lead, from some lags of the column.

    y[t + k] = sum_l a_kl y[t - l] + b_k + sum_f c_kf x_f[t + k]

  lags: l, 0 for the value at the origin. Before the first row stands the first.
  weights: [D, K, L + 1 + F]: a of L lags, b, c of F known covariates.
  """

  lags: tuple[int, ...]
  weights: np.ndarray

  def predict(self, filled, known=None) -> np.ndarray:
    """Forecasts of all origins.

    Args:
      filled: [n, D] one series, scaled as those that were fitted.
      known: [m, F] its covariates known ahead, m at least n; beyond the last
        row the last is repeated. None where none was fitted.

    Returns:
      [n, K, D].
    """
    filled, known = _arrays(filled, known)
    num_columns, horizon, _ = self.weights.shape
    width = len(self.lags) + 1
    found = np.empty((len(filled), horizon, num_columns))
    for rows in _chunks(len(filled)):
      ahead = _at(known, _targets(rows, horizon))
      for d, weights in enumerate(self.weights):
        found[rows, :, d] = _past(filled[:, d], rows, self.lags) @ (
          weights[:, :width].T
        ) + np.einsum('nkf,kf->nk', ahead, weights[:, width:])
    return found


def ridge(
  series: Sequence[np.ndarray],
  observed: Sequence[np.ndarray],
  train_lengths: Sequence[int],
  lags: Sequence[int],
  horizon: int,
  known: Sequence[np.ndarray] | None = None,
  penalty: float = 1e-3,
) -> Ridge:
  """Fits the map with the least mean of (y - f)^2, plus `penalty` (a^2 + c^2).

  All series share it, and the penalty is the same for every feature, so both
  are scaled. Origin and target lie before a series' `train_lengths`; a target
  that is missing is left out. Where a column and lead has no target at all, the
  forecast is 0.

  Args:
    series: S arrays [n, D], without gaps.
    observed: S arrays [n, D], False where a value was missing.
    train_lengths: [S] how many rows of each may be looked at.
    lags: 0 for the value at the origin.
    horizon: K.
    known: S arrays [m, F], as for `Ridge.predict`.
    penalty: above 0.
  """
  known = [None] * len(series) if known is None else known
  parts = [
    (*_arrays(values[:n], ahead), seen[:n])
    for values, ahead, seen, n in zip(
      series, known, observed, train_lengths, strict=True
    )
  ]
  lags = tuple(lags)
  weights = [
    _solve(*_normal_equations(parts, d, lags, horizon), len(lags), penalty)
    for d in range(parts[0][0].shape[1])
  ]
  return Ridge(lags, np.stack(weights))


def _normal_equations(parts, d, lags, horizon):
  """Sums over the targets of column d, lead by lead.

  Returns:
    [K, L + 1 + F, L + 1 + F] of the features' products with one another, and
    [K, L + 1 + F] of those with the target.
  """
  width = len(lags) + 1
  size = width + parts[0][1].shape[1]
  square = np.zeros((horizon, size, size))
  cross = np.zeros((horizon, size))
  for filled, known, observed in parts:
    for rows in _chunks(len(filled)):
      targets = _targets(rows, horizon)
      past = _past(filled[:, d], rows, lags)
      counted = _at(observed[:, d], targets) & (targets < len(filled))
      values = _at(filled[:, d], targets) * counted
      ahead = _at(known, targets) * counted[:, :, None]
      # Most leads share one product; what has no target is taken off again.
      square[:, :width, :width] += past.T @ past
      for k in np.flatnonzero(~counted.all(axis=0)):
        lost = past[~counted[:, k]]
        square[k, :width, :width] -= lost.T @ lost
      mixed = np.einsum('nl,nkf->klf', past, ahead, optimize=True)
      square[:, :width, width:] += mixed
      square[:, width:, :width] += mixed.transpose(0, 2, 1)
      square[:, width:, width:] += np.einsum(
        'nkf,nkg->kfg', ahead, ahead, optimize=True
      )
      cross[:, :width] += values.T @ past
      cross[:, width:] += np.einsum('nk,nkf->kf', values, ahead)
  return square, cross


def _solve(square, cross, constant, penalty):
  """Weights [K, L + 1 + F]; the feature `constant` has no penalty."""
  # Without any target all else is 0, and 1 stands in the place of 0 / 0.
  count = np.maximum(square[:, constant, constant], 1)
  square = square + penalty * count[:, None, None] * np.eye(square.shape[1])
  square[:, constant, constant] = count
  return np.linalg.solve(square, cross[:, :, None])[:, :, 0]


def _arrays(filled, known):
  filled = np.asarray(filled, np.float64)
  if known is None:
    known = np.zeros((len(filled), 0))
  return filled, np.asarray(known, np.float64)


def _chunks(num_rows):
  """Slices of the rows, so that what is made of them fits into memory."""
  for start in range(0, num_rows, _CHUNK_ROWS):
    yield slice(start, min(start + _CHUNK_ROWS, num_rows))


def _past(values, rows, lags):
  """Lags and a 1 [m, L + 1] of a column [n], at some rows."""
  origins = np.arange(rows.start, rows.stop)[:, None]
  lagged = values[np.maximum(origins - np.array(lags), 0)]
  return np.append(lagged, np.ones_like(origins, float), axis=1)


def _targets(rows, horizon):
  """The rows [m, K] that are forecast from some rows."""
  return np.arange(rows.start, rows.stop)[:, None] + np.arange(1, horizon + 1)


def _at(array, rows):
  """The rows of an array; its last where it has no more."""
  return array[np.minimum(rows, len(array) - 1)]
