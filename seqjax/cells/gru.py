"""The gated recurrent unit, in the two forms that are in use."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class GRUParams(NamedTuple):
  w_x: jax.Array  # [D, 3H], parts in the order r, z, n
  w_h: jax.Array  # [H, 3H]
  b: jax.Array  # [3H]
  b_n: jax.Array | None  # [H], inside the reset; None with reset before


RESETS = ('after', 'before')


@functools.cache
def gru(reset='after', activation=jnp.tanh) -> cell_lib.Cell:
  """Gated recurrent unit.

    r_t, z_t = sigmoid(w_x x_t + w_h h_tm1 + b)                reset, update
    n_t = tanh(w_x x_t + b + r_t * (w_h h_tm1 + b_n))          reset='after'
    n_t = tanh(w_x x_t + b + w_h (r_t * h_tm1))                reset='before'
    h_t = (1 - z_t) * n_t + z_t * h_tm1

  Params: `GRUParams`; `w_x` [D, 3H], `w_h` [H, 3H], `b` [3H], in the order
    r, z, n; `b_n` [H] with reset after the product, None with reset before.
  Carry: `HiddenCarry`; `h` [H] in (-1, 1) once it began there.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    reset: 'after' the product, the form of cuDNN and torch.nn.GRU, which runs
      on the fast path; or 'before' it, as the paper writes it, on the general
      path. Weights of one form cannot serve the other.
    activation: of the candidate.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, chrono_steps=)`.
    `chrono_steps=n` > 0 sets the bias of z to log u, u from U(1, n - 1).

  Raises:
    UserError: another value of `reset`.

  Source: Cho et al. (2014), arXiv:1406.1078, version 3 for reset='before',
    version 1 for 'after'. The papers let z multiply the old state or the new
    one; here, as in torch, z keeps the old.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = gru().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_h.shape
    (4, 12)
  """
  if reset not in RESETS:
    raise errors.unknown('reset', reset, RESETS)

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    chrono_steps=0,
  ) -> GRUParams:
    key_weights, key_chrono = jax.random.split(key)
    w_x, w_h, b = initializers.weights(
      key_weights, x_t, hidden_size, 3, scheme, recurrent_scale
    )
    b_r, b_z, b_n = jnp.split(b, 3)
    if chrono_steps:
      b_z = initializers.chrono_bias(
        key_chrono, hidden_size, chrono_steps, b.dtype
      )
    b = jnp.concatenate([b_r, b_z, b_n])
    inner = jnp.zeros_like(b_n) if reset == 'after' else None
    return GRUParams(w_x, w_h, b, inner)

  def carry(params, x_t):
    del x_t
    hidden_size = params.b.shape[0] // 3
    return cell_lib.HiddenCarry(jnp.zeros(hidden_size, params.b.dtype))

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def gates(z_t):
    r, z = jnp.split(jax.nn.sigmoid(z_t), 2)
    r = cell_lib.named(r, 'reset_gate')
    z = cell_lib.named(z, 'update_gate')
    return r, z

  def interpolate(carry, z, n):
    n = cell_lib.named(activation(n), 'candidate')
    h_t = (1 - z) * n + z * carry.h
    return cell_lib.HiddenCarry(h_t), h_t

  def mix(params, carry, u_t):
    # Four parts: r and z complete; of the candidate the input's share and the
    # state's apart, because the reset gate multiplies the second alone.
    hidden_size = carry.h.shape[0]
    a_t = cell_lib.product(carry.h, params.w_h, u_t.dtype)
    a_rz, a_n = jnp.split(a_t, [2 * hidden_size])
    u_rz, u_n = jnp.split(u_t, [2 * hidden_size])
    return u_rz + a_rz, u_n, a_n + params.b_n

  def update(params, carry, z_t):
    del params
    rz, u_n, a_n = z_t
    r, z = gates(rz)
    return interpolate(carry, z, u_n + r * a_n)

  def update_reset_before(params, carry, u_t):
    hidden_size = carry.h.shape[0]
    u_rz, u_n = jnp.split(u_t, [2 * hidden_size])
    w_rz, w_n = jnp.split(params.w_h, [2 * hidden_size], axis=1)
    r, z = gates(u_rz + cell_lib.product(carry.h, w_rz, u_t.dtype))
    n = u_n + cell_lib.product(r * carry.h, w_n, u_t.dtype)
    return interpolate(carry, z, n)

  if reset == 'before':
    return cell_lib.Cell(init, carry, project, None, update_reset_before)
  return cell_lib.Cell(init, carry, project, mix, update)
