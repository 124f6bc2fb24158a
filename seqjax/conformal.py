"""Conformal prediction: bands and alarms that keep their promise.

What a model claims about its errors is corrected by the errors that it made on
a calibration part which it was not trained on. The promise (this share of bands
covers, at most this share of alarms is false) holds for any model and any
distribution, as long as the calibration part and what follows could be
exchanged. Series drift, so they only nearly can: the backtest measures by how
much.

Source: Vovk, Gammerman and Shafer (2005), Algorithmic Learning in a Random
World; Lei et al. (2018), Distribution-Free Predictive Inference for Regression.
"""

import math

import numpy as np

from seqjax import errors


def quantile(scores, level: float) -> float:
  """What a score like these does not exceed, with probability `level`.

  Args:
    scores: [n], finite.
    level: in (0, 1).

  Returns:
    The k-th smallest score, k = ceil((n + 1) level); infinity where k > n: so
    few scores support no bound.

  Raises:
    UserError: a score that is not finite.

  Example:
    >>> quantile([5.0, 1.0, 3.0, 2.0], 0.8)
    5.0
    >>> quantile([5.0, 1.0, 3.0, 2.0], 0.9)
    inf
  """
  if not 0 < level < 1:
    raise ValueError(f'Expected a level between 0 and 1; got {level}.')
  scores = _finite(scores)
  # 100 * 0.07 is a little more than 7 in floating point.
  k = math.ceil((len(scores) + 1) * level - 1e-9)
  if k > len(scores):
    return math.inf
  return float(np.partition(scores, k - 1)[k - 1])


def widen(lower, upper, targets, weights, coverage: float) -> np.ndarray:
  """How far bands have to be widened to cover as often as they should.

    E = max(lower - y, y - upper), and its conformal quantile

  for each lead time and column by itself. Quantiles of a model give conformal
  quantile regression; a point as both ends gives bands of constant width.

  Args:
    lower, upper: [N, K, D], of N forecasts of the calibration part.
    targets: [N, K, D]; anything where the weight is 0.
    weights: [N, K, D]; 0 leaves a value out, any other counts once.
    coverage: the share to cover, in (0, 1).

  Returns:
    [K, D], what `apply` takes. Negative narrows bands that cover too often;
    infinite where too few forecasts can be compared.

  Raises:
    UserError: a value that counts and is not finite.

  Source: Romano, Patterson and Candes (2019), Conformalized Quantile
  Regression.
  """
  lower, upper, targets, weights = map(
    np.asarray, (lower, upper, targets, weights)
  )
  correction = np.empty(targets.shape[1:])
  for at in np.ndindex(correction.shape):
    counted = (weights[(..., *at)] > 0, *at)
    y = targets[counted]
    misses = np.maximum(lower[counted] - y, y - upper[counted])
    correction[at] = quantile(misses, coverage)
  return correction


def apply(lower, upper, correction) -> tuple[np.ndarray, np.ndarray]:
  """Bands [N, K, D] with the correction [K, D] of `widen`: (lower, upper).

  Ends that pass each other when narrowed meet in the middle.

  Example:
    >>> apply([[[1.0]]], [[[2.0]]], [[0.5]])
    (array([[[0.5]]]), array([[[2.5]]]))
  """
  lower, upper = np.asarray(lower), np.asarray(upper)
  middle = (lower + upper) / 2
  return (
    np.minimum(lower - correction, middle),
    np.maximum(upper + correction, middle),
  )


def p_values(scores, calibration) -> np.ndarray:
  """How probable scores at least as large are, given those of calibration.

    p = (1 + number of calibration scores >= score) / (n + 1)

  At most a share p of exchangeable scores has so small a p-value; ties count
  against an alarm. The smallest that n scores can give is 1 / (n + 1).

  Args:
    scores: [m], large where something is odd; finite.
    calibration: [n], finite.

  Returns:
    [m], in (0, 1].

  Raises:
    UserError: a score that is not finite.

  Example:
    >>> p_values([0.0, 2.0, 9.0], [1.0, 2.0, 3.0])
    array([1.  , 0.75, 0.25])
  """
  calibration = np.sort(_finite(calibration))
  n = len(calibration)
  below = np.searchsorted(calibration, _finite(scores), side='left')
  return (1 + n - below) / (n + 1)


def threshold(scores, rate: float) -> float:
  """What a score has to exceed for an alarm, so that few alarms are false.

  An alarm is a score above the threshold: exactly one whose p-value is at most
  `rate`.

  Args:
    scores: [n], of the calibration part; finite.
    rate: the share of ordinary scores that may raise an alarm, in (0, 1).

  Returns:
    A score; infinity where n + 1 < 1 / rate, when no alarm can be justified.

  Raises:
    UserError: a score that is not finite.
  """
  return quantile(scores, 1 - rate)


def _finite(scores) -> np.ndarray:
  scores = np.asarray(scores, np.float64)
  bad = np.flatnonzero(~np.isfinite(scores))
  if len(bad):
    raise errors.UserError(
      f'Expected finite scores; {len(bad)} of {len(scores)} are not, the first '
      f'at {bad[0]}. The model or its input has numbers that are not finite: '
      'look at the run, or train with a smaller --learning_rate.'
    )
  return scores
