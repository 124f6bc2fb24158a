"""The echo state network: a recurrent network that is not trained."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import frozen, initializers


class EchoStateParams(NamedTuple):
  w_x: jax.Array  # [D, H]
  w_h: jax.Array  # [H, H], the reservoir
  b: jax.Array  # [H]
  leak: jax.Array  # [H], the share of a state that a step renews


@functools.cache
def echo_state(activation=jnp.tanh) -> cell_lib.Cell:
  """Echo state network: a random reservoir, of which only readouts are trained.

    h_t = (1 - leak) * h_tm1 + leak * tanh(w_x x_t + w_h h_tm1 + b)

  Params: `Frozen` `EchoStateParams`; `w_x` [D, H], `w_h` [H, H], `b` [H],
    `leak` [H]. Their gradient is zero, and no optimizer moves them.
  Carry: `HiddenCarry`; `h` [H] in (-1, 1) once it began there.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    activation: of the new state.

  Initialisation: `init(key, x_t, H, spectral_radius=, input_scale=, leak=,
    density=)`. `w_h` is normal, with a share `density` (default 1) of entries
    that are not zero, and scaled to a largest eigenvalue of modulus
    `spectral_radius` (default 0.9); below 1 the reservoir forgets how it began.
    `w_x` and `b` are from U(-1, 1) times `input_scale` (default 1). `leak`
    (default 1) is the same for all units.

  Raises:
    UserError: in `init`, leak or density not in (0, 1].

  Source: Jaeger (2001), GMD report 148; leaks as in Jaeger et al. (2007),
    Neural Networks 20(3).

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = echo_state().init(jax.random.key(0), jnp.ones(3), 4, leak=0.5)
    >>> params.value.leak.tolist()
    [0.5, 0.5, 0.5, 0.5]
  """

  def init(
    key,
    x_t,
    hidden_size,
    *,
    spectral_radius=0.9,
    input_scale=1.0,
    leak=1.0,
    density=1.0,
  ) -> EchoStateParams:
    initializers.check(x_t, hidden_size)
    for name, share in (('leak', leak), ('density', density)):
      if isinstance(share, (int, float)) and not 0 < share <= 1:
        raise errors.UserError(
          f'{name} is {share}; it must be above 0 and at most 1.'
        )
    key_x, key_h, key_b, key_density = jax.random.split(key, 4)
    dtype = initializers.param_dtype(x_t)
    square = (hidden_size, hidden_size)
    w_x = jax.random.uniform(
      key_x, (x_t.shape[0], hidden_size), dtype, -1.0, 1.0
    )
    b = jax.random.uniform(key_b, (hidden_size,), dtype, -1.0, 1.0)
    w_h = jax.random.normal(key_h, square, dtype)
    w_h = jnp.where(jax.random.bernoulli(key_density, density, square), w_h, 0)
    radius = _spectral_radius(w_h)
    # So sparse a matrix may have no eigenvalue but 0, and stays as it is.
    w_h = w_h * (spectral_radius / jnp.where(radius > 0, radius, 1))
    leak = jnp.full(hidden_size, leak, dtype)
    return EchoStateParams(input_scale * w_x, w_h, input_scale * b, leak)

  def carry(params, x_t):
    del x_t
    return cell_lib.HiddenCarry(jnp.zeros_like(params.b))

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def mix(params, carry, u_t):
    return u_t + cell_lib.product(carry.h, params.w_h, u_t.dtype)

  def update(params, carry, z_t):
    h_t = cell_lib.named(activation(z_t), 'candidate')
    h_t = (1 - params.leak) * carry.h + params.leak * h_t
    return cell_lib.HiddenCarry(h_t), h_t

  return frozen.frozen(cell_lib.Cell(init, carry, project, mix, update))


def _spectral_radius(matrix, squarings=20):
  """The largest modulus of an eigenvalue, by Gelfand's formula.

    radius = lim |matrix^n|^(1/n)

  with n = 2^squarings. Every power is brought to norm 1 before it is squared,
  and what that took is kept as a logarithm. It needs products alone, so it runs
  wherever they do; eigenvalues of such a matrix are to be had on a CPU only.
  """

  def square(k, state):
    power, log_radius = state
    norm = jnp.linalg.norm(power)
    power = power / jnp.where(norm > 0, norm, 1)
    # A power of zero makes the radius exp(-inf).
    log_radius += jnp.log(norm) / 2.0**k
    return jnp.matmul(power, power, precision='highest'), log_radius

  state = matrix, jnp.zeros((), matrix.dtype)
  return jnp.exp(jax.lax.fori_loop(0, squarings, square, state)[1])
