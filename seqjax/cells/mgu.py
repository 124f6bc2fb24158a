"""The minimal gated unit, in the two forms that are in use."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class MGUParams(NamedTuple):
  w_x: jax.Array  # [D, 2H], parts in the order f, n
  w_h: jax.Array  # [H, 2H]
  b: jax.Array  # [2H]
  b_n: jax.Array | None  # [H], inside the gate; None with reset before


RESETS = ('before', 'after')


@functools.cache
def mgu(reset='before', activation=jnp.tanh) -> cell_lib.Cell:
  """Minimal gated unit: a GRU whose one gate resets and updates.

    f_t = sigmoid(w_x x_t + w_h h_tm1 + b)                     forget

    n_t = tanh(w_x x_t + b + w_h (f_t * h_tm1))                reset='before'
    h_t = (1 - f_t) * h_tm1 + f_t * n_t

    n_t = tanh(w_x x_t + b + f_t * (w_h h_tm1 + b_n))          reset='after'
    h_t = f_t * h_tm1 + (1 - f_t) * n_t

  In the first form a gate near 1 takes the new, in the second it keeps the old.

  Params: `MGUParams`; `w_x` [D, 2H], `w_h` [H, 2H], `b` [2H], in the order
    f, n; `b_n` [H] with reset after the product, None with reset before.
  Carry: `HiddenCarry`; `h` [H] in (-1, 1) once it began there.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    reset: 'before' the product, as the paper writes it, or 'after' it, as
      flax.linen.MGUCell does. Weights of one form cannot serve the other.
    activation: of the candidate.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=)`.
    `forget_bias` (default 1, as in Flax) is added to the bias of f.

  Raises:
    UserError: another value of `reset`.

  Source: Zhou et al. (2016), arXiv:1603.09420.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = mgu().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_h.shape
    (4, 8)
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
    forget_bias=1.0,
  ) -> MGUParams:
    w_x, w_h, b = initializers.weights(
      key, x_t, hidden_size, 2, scheme, recurrent_scale
    )
    b_f, b_n = jnp.split(b, 2)
    b = jnp.concatenate([b_f + jnp.asarray(forget_bias, b.dtype), b_n])
    inner = jnp.zeros_like(b_n) if reset == 'after' else None
    return MGUParams(w_x, w_h, b, inner)

  def carry(params, x_t):
    del x_t
    hidden_size = params.b.shape[0] // 2
    return cell_lib.HiddenCarry(jnp.zeros(hidden_size, params.b.dtype))

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def gate(f):
    return cell_lib.named(jax.nn.sigmoid(f), 'forget_gate')

  def candidate(n):
    return cell_lib.named(activation(n), 'candidate')

  def mix(params, carry, u_t):
    w_f, _ = jnp.split(params.w_h, 2, axis=1)
    u_f, u_n = jnp.split(u_t, 2)
    return u_f + cell_lib.product(carry.h, w_f, u_t.dtype), u_n

  def update(params, carry, z_t):
    f, u_n = z_t
    _, w_n = jnp.split(params.w_h, 2, axis=1)
    f = gate(f)
    n = candidate(u_n + cell_lib.product(f * carry.h, w_n, u_n.dtype))
    h_t = (1 - f) * carry.h + f * n
    return cell_lib.HiddenCarry(h_t), h_t

  def mix_reset_after(params, carry, u_t):
    a_f, a_n = jnp.split(cell_lib.product(carry.h, params.w_h, u_t.dtype), 2)
    u_f, u_n = jnp.split(u_t, 2)
    return u_f + a_f, u_n, a_n + params.b_n

  def update_reset_after(params, carry, z_t):
    del params
    f, u_n, a_n = z_t
    f = gate(f)
    n = candidate(u_n + f * a_n)
    h_t = f * carry.h + (1 - f) * n
    return cell_lib.HiddenCarry(h_t), h_t

  if reset == 'after':
    mix, update = mix_reset_after, update_reset_after
  return cell_lib.Cell(init, carry, project, mix, update)
