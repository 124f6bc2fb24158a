"""Negative log densities, in nats, that are accurate in float32.

Textbooks write them as differences of log-gammas, which are so large that few
digits of the difference remain: of a count of a million, none before the point.
"""

import math

import jax
import jax.numpy as jnp

_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)


def gaussian(y, mu, sigma):
  """-log density of a normal distribution, elementwise.

  Example:
    >>> print(f'{gaussian(0.0, 0.0, 1.0):.4f}')  # log(2 pi) / 2
    0.9189
  """
  return _HALF_LOG_2_PI + jnp.log(sigma) + 0.5 * ((y - mu) / sigma) ** 2


def student_t(y, mu, sigma, degrees):
  """-log density of Student's t, moved by mu and stretched by sigma.

  Args:
    y, mu: of one shape.
    sigma: positive; the standard deviation is sqrt(df / (df - 2)) as large.
    degrees: of freedom, df; at least 2.
  """
  # With x = df / 2, log Gamma(x + 1/2) - log Gamma(x) - log(x) / 2.
  x = 0.5 * degrees
  gammas = x * jnp.log1p(-0.5 / x) + 0.5 + _stirling(x - 0.5) - _stirling(x)
  tail = (x + 0.5) * jnp.log1p(0.5 * ((y - mu) / sigma) ** 2 / x)
  return _HALF_LOG_2_PI - gammas + jnp.log(sigma) + tail


def negative_binomial(y, mean, dispersion):
  """-log probability of a count, elementwise.

  With r = 1 / dispersion, m the mean and S what Stirling's formula leaves out,

    r log((r + m) / (r + y)) + y log(y (r + m) / (m (r + y)))
    + log(2 pi y (r + y) / r) / 2 + S(y) + S(r) - S(r + y)

  and the first term alone where y = 0.

  Args:
    y: counts, at least 0. Of what is no whole number, the factorial is the
      gamma function.
    mean, dispersion: positive; the variance is mean + dispersion mean^2.

  Source: the expansion of Loader (2000), Fast and Accurate Computation of
  Binomial Probabilities, in other groups, for the sake of the gradient.
  """
  size = 1 / dispersion
  first = size * _log_ratio(size + mean, size + y, mean - y)
  is_some = y > 0
  y = jnp.where(is_some, y, 1)
  total = size + y
  others = (
    y * _log_ratio(y * (size + mean), mean * total, size * (y - mean))
    + _HALF_LOG_2_PI
    + 0.5 * (jnp.log(y) + jnp.log1p(y / size))
    + (_stirling(y) + _stirling(size) - _stirling(total))
  )
  return first + jnp.where(is_some, others, 0)


def _log_ratio(a, b, difference):
  """log(a / b), given a - b, accurate where that is small and where large."""
  more, less = jnp.maximum(difference, 0), jnp.maximum(-difference, 0)
  return jnp.log1p(more / b) - jnp.log1p(less / a)


def _stirling(x):
  """log Gamma(x + 1) - (x + 1/2) log(x) + x - log(2 pi) / 2, of x > 0."""
  near, far = jnp.minimum(x, 5), jnp.maximum(x, 5)
  exact = jax.lax.lgamma(near + 1) - (near + 0.5) * jnp.log(near) + near
  square = far**2
  series = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / far
  return jnp.where(x < 5, exact - _HALF_LOG_2_PI, series)
