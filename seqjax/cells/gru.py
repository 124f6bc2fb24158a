"""The gated recurrent unit, in the two forms that are in use."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers, normalization


class GRUParams(NamedTuple):
  w_x: jax.Array  # [D, 3H], parts in the order r, z, n
  w_h: jax.Array  # [H, 3H]; heads: cell.product
  b: jax.Array  # [3H]
  b_n: jax.Array | None  # [H], inside the reset; None with reset before
  gain_x: jax.Array | None = None  # [3H], of the layer norms
  gain_h: jax.Array | None = None  # [3H]
  b_h: jax.Array | None = None  # [2H], the second bias; reset before [3H]


RESETS = ('after', 'before')


@functools.cache
def gru(
  reset='after',
  activation=jnp.tanh,
  *,
  gate_activation=jax.nn.sigmoid,
  layer_norm=False,
  double_bias=False,
  heads=1,
) -> cell_lib.Cell:
  """Gated recurrent unit.

    r_t, z_t = sigmoid(w_x x_t + w_h h_tm1 + b)                reset, update
    n_t = tanh(w_x x_t + b + r_t * (w_h h_tm1 + b_n))          reset='after'
    n_t = tanh(w_x x_t + b + w_h (r_t * h_tm1))                reset='before'
    h_t = (1 - z_t) * n_t + z_t * h_tm1

  With layer_norm, LN(w_x x_t) and LN(w_h h_tm1) stand for the products. With
  double_bias, b + b_h stands for b where no b_n is.

  Params: `GRUParams`; `w_x` [D, 3H], `w_h` [H, 3H], `b` [3H], in the order
    r, z, n; `b_n` [H] with reset after the product, None with reset before;
    `gain_x` and `gain_h` [3H] with layer_norm; `b_h` with double_bias, [2H] for
    r and z (and b_n behind it: torch's bias_hh), or [3H] with reset before.
  Carry: `HiddenCarry`; `h` [H] in (-1, 1) once it began there.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    reset: 'after' the product, the form of cuDNN and torch.nn.GRU; or 'before'
      it, as the paper writes it, which has to multiply twice a step, one after
      the other. Weights of one form cannot serve the other.
    activation: of the candidate.
    gate_activation: of r and z.
    layer_norm: `normalization.layer_norm` of each product, over r, z and n
      jointly and without a shift, as b and b_n are there.
    double_bias: a second bias, from 0, as in torch and cuDNN: the sum acts as
      one, but moves twice as far per step of SGD or Adam. With reset after the
      product n has its second already, b_n.
    heads: blocks on the diagonal of each part's recurrent matrix.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, chrono_steps=)`.
    `chrono_steps=n` > 0 sets the bias of z to log u, u from U(1, n - 1). Gains
    begin at 1.

  Raises:
    UserError: another value of `reset`; layer_norm with reset='before'.

  Source: Cho et al. (2014), arXiv:1406.1078, version 3 for reset='before',
    version 1 for 'after'. The papers let z multiply the old state or the new
    one; here, as in torch, z keeps the old. Norms: Ba et al. (2016),
    arXiv:1607.06450, who normalise the gates and the candidate apart, with a
    gain and a shift each, and also give the reset after the product.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = gru().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_h.shape
    (4, 12)
  """
  if reset not in RESETS:
    raise errors.unknown('reset', reset, RESETS)
  if layer_norm and reset == 'before':
    raise errors.UserError(
      "layer_norm normalises w_h h_tm1 as a whole, which reset='before' never "
      "computes. Use reset='after'."
    )
  norm = normalization.layer_norm if layer_norm else normalization.identity

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
      key_weights, x_t, hidden_size, 3, scheme, recurrent_scale, heads=heads
    )
    b_r, b_z, b_n = jnp.split(b, 3)
    if chrono_steps:
      b_z = initializers.chrono_bias(
        key_chrono, hidden_size, chrono_steps, b.dtype
      )
    b = jnp.concatenate([b_r, b_z, b_n])
    inner = jnp.zeros_like(b_n) if reset == 'after' else None
    gain = jnp.ones_like(b) if layer_norm else None
    params = GRUParams(w_x, w_h, b, inner, gain, gain)
    if double_bias:
      b_h = jnp.zeros_like(b if inner is None else _rz_and_n(b)[0])
      params = params._replace(b_h=b_h)
    return params

  def carry(params, x_t):
    del x_t
    hidden_size = params.b.shape[0] // 3
    return cell_lib.HiddenCarry(jnp.zeros(hidden_size, params.b.dtype))

  def project(params, x_t):
    u_t = cell_lib.product(x_t, params.w_x, params.b.dtype)
    b = params.b
    if double_bias:
      # Where b_n is the candidate's second, b_h ends before the candidate.
      b += jnp.pad(params.b_h, (0, b.size - params.b_h.size))
    return norm(u_t, params.gain_x) + b

  def gates(z_t):
    r, z = jnp.split(gate_activation(z_t), 2)
    r = cell_lib.named(r, 'reset_gate')
    z = cell_lib.named(z, 'update_gate')
    return r, z

  def interpolate(carry, z, n):
    n = cell_lib.named(activation(n), 'candidate')
    h_t = (1 - z) * n + z * carry.h
    return cell_lib.HiddenCarry(h_t), h_t

  def parts(params, u_t, a_t):
    # Four parts: r and z complete; of the candidate the input's share and the
    # state's apart, because the reset gate multiplies the second alone.
    u_rz, u_n = _rz_and_n(u_t)
    a_rz, a_n = _rz_and_n(a_t)
    return u_rz + a_rz, u_n, a_n + params.b_n

  def mix(params, carry, u_t):
    a_t = cell_lib.product(carry.h, params.w_h, u_t.dtype)
    # A norm is not linear: it has to wait for `update`.
    return (u_t, a_t) if layer_norm else parts(params, u_t, a_t)

  def update(params, carry, z_t):
    if layer_norm:
      u_t, a_t = z_t
      z_t = parts(params, u_t, norm(a_t, params.gain_h))
    rz, u_n, a_n = z_t
    r, z = gates(rz)
    return interpolate(carry, z, u_n + r * a_n)

  def mix_reset_before(params, carry, u_t):
    u_rz, u_n = _rz_and_n(u_t)
    w_rz, _ = _rz_and_n(params.w_h)
    return u_rz + cell_lib.product(carry.h, w_rz, u_t.dtype), u_n

  def update_reset_before(params, carry, z_t):
    rz, u_n = z_t
    _, w_n = _rz_and_n(params.w_h)
    r, z = gates(rz)
    n = u_n + cell_lib.product(r * carry.h, w_n, u_n.dtype)
    return interpolate(carry, z, n)

  if reset == 'before':
    mix, update = mix_reset_before, update_reset_before
  return cell_lib.Cell(init, carry, project, mix, update)


def _rz_and_n(x):
  """r and z in one, and n: of a vector or a matrix, by its last axis."""
  return jnp.split(x, [x.shape[-1] // 3 * 2], axis=-1)
