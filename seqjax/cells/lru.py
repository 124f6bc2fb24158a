"""The linear recurrent unit."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers, linear


class LRUParams(NamedTuple):
  nu_log: jax.Array  # [H]
  theta_log: jax.Array  # [H]
  gamma_log: jax.Array  # [H]
  w_b_re: jax.Array  # [D, H]
  w_b_im: jax.Array  # [D, H]
  w_c_re: jax.Array  # [H, H]
  w_c_im: jax.Array  # [H, H]
  w_d: jax.Array  # [D, H]


@functools.cache
def lru() -> cell_lib.Cell:
  """Linear recurrent unit: a diagonal of complex numbers, and no gate.

    lambda = exp(-exp(nu_log) + i exp(theta_log))
    h_t = lambda * h_tm1 + exp(gamma_log) * (w_b x_t)
    y_t = Re(w_c h_t) + w_d x_t

  Params: `LRUParams`; `nu_log`, `theta_log`, `gamma_log` [H]; `w_b` [D, H] and
    `w_c` [H, H], complex, as a real and an imaginary matrix each; `w_d` [D, H].
  Carry: `linear.Complex`; `re`, `im` [H].
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` [H], real. It is read off after the loop, by `readout`.

  Initialisation: `init(key, x_t, H, r_min=, r_max=, max_phase=)`. lambda begins
    uniform on the ring r_min <= |lambda| <= r_max (default 0 to 1), its phase
    uniform between 0 and max_phase radians (default 2 pi); gamma_log so that
    white noise comes to a state of variance about one.

  Raises:
    UserError: in `init`, unless 0 <= r_min <= r_max <= 1 and max_phase > 0.

  Source: Orvieto et al. (2023), arXiv:2303.06349, where x is the state and u
    the input, which are h and x here. The paper's D is a vector, because there
    the output is as wide as the input; here the widths are free and `w_d` is a
    matrix.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell = lru()
    >>> params = cell.init(jax.random.key(0), jnp.ones(3), 4, r_min=0.9)
    >>> cell.carry(params, jnp.ones(3)).im.shape
    (4,)
  """

  def init(
    key, x_t, hidden_size, *, r_min=0.0, r_max=1.0, max_phase=2 * math.pi
  ) -> LRUParams:
    initializers.check(x_t, hidden_size)
    if not 0 <= r_min <= r_max <= 1:
      raise errors.UserError(
        f'r_min is {r_min} and r_max {r_max}; they bound |lambda| and need '
        '0 <= r_min <= r_max <= 1.'
      )
    if max_phase <= 0:
      raise errors.UserError(
        f'max_phase is {max_phase}; it is the largest angle of lambda, in '
        'radians, and must be above 0.'
      )
    dtype, input_size = initializers.param_dtype(x_t), x_t.shape[0]
    keys = jax.random.split(key, 7)
    # Uniform over the area of the ring. Of 0 there is no logarithm, neither of
    # the radius or phase nor of what a radius of 1 leaves.
    limits = jnp.finfo(dtype)
    squared = jax.random.uniform(
      keys[0], (hidden_size,), dtype, r_min**2, r_max**2
    )
    squared = jnp.clip(squared, limits.tiny, 1 - limits.eps)
    phase = max_phase * jax.random.uniform(
      keys[1], (hidden_size,), dtype, minval=limits.eps
    )
    lecun = jax.nn.initializers.lecun_normal()
    half = jax.nn.initializers.variance_scaling(0.5, 'fan_in', 'normal')
    into, across = (input_size, hidden_size), (hidden_size, hidden_size)
    return LRUParams(
      nu_log=jnp.log(-0.5 * jnp.log(squared)),
      theta_log=jnp.log(phase),
      gamma_log=0.5 * jnp.log1p(-squared),
      w_b_re=half(keys[2], into, dtype),
      w_b_im=half(keys[3], into, dtype),
      w_c_re=lecun(keys[4], across, dtype),
      w_c_im=lecun(keys[5], across, dtype),
      w_d=lecun(keys[6], into, dtype),
    )

  def carry(params, x_t):
    del x_t
    zeros = jnp.zeros_like(params.nu_log)
    return linear.Complex(zeros, zeros)

  def project(params, x_t):
    gamma = jnp.exp(params.gamma_log)
    b_re = gamma * cell_lib.product(x_t, params.w_b_re, gamma.dtype)
    b_im = gamma * cell_lib.product(x_t, params.w_b_im, gamma.dtype)
    return linear.Complex(b_re, b_im), x_t

  def coefficients(params, u_t):
    b_t, _ = u_t
    modulus = jnp.exp(-jnp.exp(params.nu_log))
    phase = jnp.exp(params.theta_log)
    lam = linear.Complex(modulus * jnp.cos(phase), modulus * jnp.sin(phase))
    return lam, b_t

  def readout(params, y_t):
    h_t, x_t = y_t
    return (
      cell_lib.product(h_t.re, params.w_c_re, h_t.re.dtype)
      - cell_lib.product(h_t.im, params.w_c_im, h_t.re.dtype)
      + cell_lib.product(x_t, params.w_d, h_t.re.dtype)
    )

  return linear.cell(
    init,
    carry,
    project,
    coefficients,
    read=lambda h_t, u_t: (h_t, u_t[1]),
    readout=readout,
  )
