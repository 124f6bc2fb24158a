"""How far forecasts are from what came, and how often their bands hold it."""

import math

import numpy as np


def forecasts(
  targets, point, weights, *, quantiles=None, levels=(), scales=None
) -> dict[str, float]:
  """Measures forecasts against what came, in the unit of the targets.

  Each is a mean over the targets that have a weight, NaN where none has:

    mae            |y - f|
    rmse           root of the mean of (y - f)^2
    smape_percent  200 |y - f| / (|y| + |f|), and 0 where both are 0
    mase           |y - f| / scale
    pinball        max(q (y - f_q), (q - 1) (y - f_q)), over the levels q too
    coverage_90    share of the y between the outermost of the f_q, both
                   included; the number is their distance in percent

  At the level 0.5 the pinball loss is half the absolute error.

  Args:
    targets: [..., K, D]; NaN where missing.
    point: [..., K, D].
    weights: [..., K, D] 1 for a target that counts, 0 for one that does not;
      what targets, forecasts and scales hold there is never looked at.
    quantiles: [..., K, D, Q], for pinball and coverage.
    levels: of the quantiles, Q numbers above 0 and below 1, ascending. A single
      one has no band, and so no coverage.
    scales: what broadcasts to the targets, for mase: that of `mase_scale` for
      each series. Targets whose scale is NaN do not count in it.

  Source: sMAPE as in Makridakis et al. (2020), International Journal of
    Forecasting 36(1); MASE of Hyndman and Koehler (2006), ibid. 22(4).

  Example:
    >>> y, f, ones = np.array([[[2.0], [4.0]]]), np.array([[[1.0], [4.0]]]), 1
    >>> found = forecasts(y, f, np.ones_like(y), scales=0.5)
    >>> found['mae'], found['mase'], round(found['smape_percent'], 2)
    (0.5, 1.0, 33.33)
  """
  targets, point = np.asarray(targets), np.asarray(point)
  counted = np.asarray(weights) > 0
  if not targets.shape == point.shape == counted.shape:
    raise ValueError(
      'expected targets, forecasts and weights of one shape, got '
      f'{targets.shape}, {point.shape} and {counted.shape}.'
    )
  y, f = targets[counted].astype(float), point[counted].astype(float)
  error, size = np.abs(y - f), np.abs(y) + np.abs(f)
  found = {
    'mae': _mean(error),
    'rmse': math.sqrt(_mean(error**2)),
    'smape_percent': _mean(200 * (error / np.where(size > 0, size, 1))),
  }
  if scales is not None:
    scale = np.broadcast_to(scales, targets.shape)[counted]
    scaled = np.isfinite(scale)
    found['mase'] = _mean(error[scaled] / scale[scaled])
  if quantiles is not None:
    found |= _bands(y, np.asarray(quantiles)[counted], levels)
  return found


def mase_scale(train, season: int) -> np.ndarray:
  """Mean |y_t - y_{t - season}| of a series' training part, the scale of MASE.

  Args:
    train: [n, ...] one series; NaN where missing.
    season: steps; 1 compares with the step before.

  Returns:
    [...] above 0. NaN where it would be 0 or nothing can be compared: a series
    that repeats itself, or is no longer than a season, has no scale.

  >>> mase_scale([1.0, 2.0, np.nan, 5.0, 5.0], 1).item()
  0.5
  >>> mase_scale([7.0, 7.0, 7.0], 1).item()
  nan
  """
  train = np.asarray(train, np.float64)
  change = np.abs(train[season:] - train[:-season])
  both = np.isfinite(change)
  total, count = np.where(both, change, 0).sum(0), both.sum(0)
  return np.where(total > 0, total / np.maximum(count, 1), np.nan)


def _bands(y, quantiles, levels):
  """What is read off `quantiles` [N, Q] of `y` [N]."""
  if quantiles.shape[-1:] != (len(levels),) or list(levels) != sorted(levels):
    raise ValueError(
      f'expected ascending levels, one for each of {quantiles.shape[-1]} '
      f'quantiles, got {levels}.'
    )
  losses = []
  for q, level in enumerate(levels):
    above = y - quantiles[:, q]
    losses.append(_mean(np.maximum(level * above, (level - 1) * above)))
  found = {'pinball': float(np.mean(losses))}
  if len(levels) > 1:
    inside = (quantiles[:, 0] <= y) & (y <= quantiles[:, -1])
    percent = 100 * (levels[-1] - levels[0])
    found[f'coverage_{percent:.4g}'] = _mean(inside)
  return found


def _mean(values):
  return float(values.mean()) if values.size else math.nan
