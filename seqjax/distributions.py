"""What the last layer of a forecaster says about the value to come.

A head reads P raw numbers per target, whatever they are, as a point, as
quantiles or as a distribution. Values stand in scaled units, (y - shift) /
scale of the series, and so does `base`, another forecast of the same value on
which the head builds: raw numbers of 0 leave its location in place.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from seqjax import errors, likelihoods

# In scaled units.
_LEAST_SPREAD = 1e-3
# Counts: what a base is at least, where softplus is turned round, and the mean,
# both in scaled units; and the dispersion, below which nothing changes but that
# quantiles take long to find.
_LEAST_BASE = 0.1
_LEAST_MEAN = 1e-6
_LEAST_DISPERSION = 1e-4


class Head(NamedTuple):
  """How raw numbers are read: pure functions of arrays of one shape [...].

  `raw` is [..., P]; `base`, `target` and `scale` are [...]. `loss` and `sample`
  are JAX and run inside a compiled step; `point` and `quantiles` are NumPy and
  work in float64. A builder is cached, so that two calls give the same object.

  Neither a loss nor its gradient is NaN while raw numbers are finite and the
  target lies within 1e12 of the location. A target that is missing has to be
  replaced by the caller, whatever its weight: NaN in is NaN out.
  """

  num_outputs: int  # P
  unit: str  # of the loss: 'squared_error', 'pinball', 'nats', ...
  # (raw, base, target, scale) -> [...], in scaled units.
  loss: Callable
  # (key, raw, base, scale) -> [...], one draw; None: nothing to draw from.
  sample: Callable | None
  # (raw, base, scale) -> [...]: the mean, or the median where that is trained.
  point: Callable
  # (raw, base, scale, levels [Q]) -> [..., Q], ascending; None: none are known.
  quantiles: Callable | None


@functools.cache
def point() -> Head:
  """A point, trained by the squared error: the mean of what may come.

    location = base + raw_0

  Every draw is the point itself.

  Example:
    >>> import jax.numpy as jnp
    >>> raw, base, target = jnp.array([[0.5]]), jnp.ones(1), jnp.array([3.0])
    >>> point().loss(raw, base, target, jnp.ones(1))
    Array([2.25], dtype=float32)
  """
  return _location('squared_error', jnp.square)


@functools.cache
def median() -> Head:
  """A point, trained by the absolute error: as likely too high as too low.

    location = base + raw_0

  Every draw is the point itself.
  """
  return _location('absolute_error', jnp.abs)


def _location(unit, price):
  def location(raw, base, scale):
    return base + raw[..., 0]

  def loss(raw, base, target, scale):
    return price(target - location(raw, base, scale))

  def sample(key, raw, base, scale):
    return location(raw, base, scale)

  return Head(1, unit, loss, sample, _on_host(location), None)


@functools.cache
def quantiles(levels: tuple[float, ...] = (0.05, 0.5, 0.95)) -> Head:
  """Quantiles of given levels, trained by their mean pinball loss.

    quantile_i = base + raw_i          loss_i = max(q_i e, (q_i - 1) e)

  where e = target - quantile_i. Predicted quantiles are sorted: they cannot
  cross, and are at least as near to the true ones as before. The point is the
  median.

  Args:
    levels: in (0, 1), ascending, 0.5 among them.

  Raises:
    UserError: other levels; or, on prediction, levels that were not trained.

  Source: Koenker and Bassett (1978); the sorting of Chernozhukov et al. (2010),
  Quantile and Probability Curves Without Crossing.
  """
  ascends = all(a < b for a, b in zip(levels, levels[1:], strict=False))
  if not (ascends and 0.5 in levels and 0 < levels[0] and levels[-1] < 1):
    raise errors.UserError(
      'Expected ascending levels of quantiles between 0 and 1, 0.5 among them, '
      f'such as 0.05, 0.5, 0.95; got {", ".join(map(str, levels))}.'
    )

  def loss(raw, base, target, scale):
    rest = target - base
    error = [rest - raw[..., i] for i in range(len(levels))]
    each = zip(levels, error, strict=True)
    return sum(jnp.maximum(q * e, (q - 1) * e) for q, e in each) / len(levels)

  def find(raw, base, scale, wanted):
    missing = [float(q) for q in wanted if q not in levels]
    if missing:
      raise errors.UserError(
        f'The quantiles {missing} were not trained; trained: {list(levels)}. '
        'Train with these levels, or with a head that is a distribution.'
      )
    places = [levels.index(q) for q in wanted]
    return base[..., None] + np.sort(raw, axis=-1)[..., places]

  def median(raw, base, scale):
    return find(raw, base, scale, (0.5,))[..., 0]

  outputs = len(levels)
  return Head(outputs, 'pinball', loss, None, _on_host(median), _on_host(find))


@functools.cache
def gaussian() -> Head:
  """A normal distribution; its loss is the negative log density, in nats.

    mu = base + raw_0          sigma = softplus(raw_1) + 0.001

  The floor keeps values that repeat themselves from being worth any number of
  nats.
  """

  def loss(raw, base, target, scale):
    return likelihoods.gaussian(target, *_location_and_spread(raw, base))

  def sample(key, raw, base, scale):
    mu, sigma = _location_and_spread(raw, base)
    return mu + sigma * jax.random.normal(key, mu.shape, mu.dtype)

  def mean(raw, base, scale):
    return _location_and_spread(raw, base)[0]

  def find(raw, base, scale, levels):
    from scipy import stats

    mu, sigma = _location_and_spread(raw, base)
    return stats.norm.ppf(levels, mu[..., None], sigma[..., None])

  return Head(2, 'nats', loss, sample, _on_host(mean), _on_host(find))


@functools.cache
def student_t() -> Head:
  """Student's t distribution, for errors with heavy tails; the loss is in nats.

    mu = base + raw_0                      sigma = softplus(raw_1) + 0.001
    degrees of freedom = 2 + softplus(raw_2), so that there is a variance

  Source: the parameters of Alexandrov et al. (2020), GluonTS.
  """

  def loss(raw, base, target, scale):
    mu, sigma = _location_and_spread(raw, base)
    return likelihoods.student_t(target, mu, sigma, _degrees(raw))

  def sample(key, raw, base, scale):
    mu, sigma = _location_and_spread(raw, base)
    return mu + sigma * jax.random.t(key, _degrees(raw), mu.shape, mu.dtype)

  def mean(raw, base, scale):
    return _location_and_spread(raw, base)[0]

  def find(raw, base, scale, levels):
    from scipy import stats

    mu, sigma = (x[..., None] for x in _location_and_spread(raw, base))
    return stats.t.ppf(levels, _degrees(raw)[..., None], mu, sigma)

  return Head(3, 'nats', loss, sample, _on_host(mean), _on_host(find))


@functools.cache
def negative_binomial() -> Head:
  """A distribution of counts y = scale * target; the loss is in nats of y.

    mean = scale * (softplus(raw_0 + softplus^-1(max(base, 0.1))) + 1e-6)
    dispersion a = softplus(raw_1) + 0.0001          variance = mean + a mean^2

  Raw numbers add to a large base and multiply a small one, so that no mean is
  negative. The shift of the series has to be 0, its scale positive. Samples and
  quantiles are counts divided by the scale; the point is the mean.

  Source: Salinas et al. (2020), DeepAR, who have no base.
  """

  def loss(raw, base, target, scale):
    mean, dispersion = _mean_and_dispersion(raw, base, scale)
    return likelihoods.negative_binomial(scale * target, mean, dispersion)

  def sample(key, raw, base, scale):
    mean, dispersion = _mean_and_dispersion(raw, base, scale)
    of_rate, of_count = jax.random.split(key)
    rate = jax.random.gamma(of_rate, 1 / dispersion, mean.shape, mean.dtype)
    # Counts are drawn as int32.
    rate = jnp.minimum(mean * dispersion * rate, 1e9)
    count = jax.random.poisson(of_count, rate, mean.shape)
    return count.astype(mean.dtype) / scale

  def mean_of(raw, base, scale):
    return _mean_and_dispersion(raw, base, scale)[0] / scale

  def find(raw, base, scale, levels):
    from scipy import stats

    mean, dispersion = _mean_and_dispersion(raw, base, scale)
    size, share = 1 / dispersion, 1 / (1 + dispersion * mean)
    counts = stats.nbinom.ppf(levels, size[..., None], share[..., None])
    return counts / scale[..., None]

  return Head(2, 'nats', loss, sample, _on_host(mean_of), _on_host(find))


HEADS = {
  'gaussian': gaussian,
  'median': median,
  'negative_binomial': negative_binomial,
  'point': point,
  'quantiles': quantiles,
  'student_t': student_t,
}


def _on_host(function):
  """The same function of arrays of any kind, in float64."""

  def on_host(raw, base, scale, *levels):
    return function(
      *(np.asarray(x, np.float64) for x in (raw, base, scale)), *levels
    )

  return on_host


def _softplus(x):
  return x.__array_namespace__().logaddexp(x, 0.0)


def _location_and_spread(raw, base):
  return base + raw[..., 0], _softplus(raw[..., 1]) + _LEAST_SPREAD


def _degrees(raw):
  return 2 + _softplus(raw[..., 2])


def _mean_and_dispersion(raw, base, scale):
  xp = raw.__array_namespace__()
  base = xp.maximum(base, _LEAST_BASE)
  start = base + xp.log(-xp.expm1(-base))  # log(exp(base) - 1).
  mean = scale * (_softplus(raw[..., 0] + start) + _LEAST_MEAN)
  return mean, _softplus(raw[..., 1]) + _LEAST_DISPERSION
