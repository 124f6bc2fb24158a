"""The scalar LSTM of xLSTM: exponential gates, kept in range."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers

# m before the first step. It stands for minus infinity, whose differences are
# no numbers: in float32 every exp(m - ..) is zero, and so is every gradient.
NOTHING_YET = -1e30


class SLSTMParams(NamedTuple):
  w_x: jax.Array  # [D, 4H], gates in the order i, f, z, o
  w_h: jax.Array  # [H, 4H]; heads: cell.product
  b: jax.Array  # [4H]


class SLSTMCarry(NamedTuple):
  h: jax.Array  # [H], in (-1, 1)
  c: jax.Array  # [H], in [-n, n]
  n: jax.Array  # [H], 0 before the first step, then at least 1
  m: jax.Array  # [H], c and n are exp(m) times as large as they stand here


FORGETS = {'sigmoid': jax.nn.log_sigmoid, 'exp': lambda f: f}


@functools.cache
def slstm(*, heads=1, forget='sigmoid') -> cell_lib.Cell:
  """Scalar LSTM: exponential gates, and a count of what has been let in.

    z_t = tanh(w_x x_t + w_h h_tm1 + b)                candidate
    i_t = exp(w_x x_t + w_h h_tm1 + b)                 input
    f_t = sigmoid(w_x x_t + w_h h_tm1 + b), or exp     forget
    o_t = sigmoid(w_x x_t + w_h h_tm1 + b)             output
    c_t = f_t * c_tm1 + i_t * z_t
    n_t = f_t * n_tm1 + i_t
    h_t = o_t * c_t / n_t

  What is computed is exp(-m_t) c_t and exp(-m_t) n_t, with

    m_t = max(log f_t + m_tm1, log i_t)

  so that no exponential is above 1. h_t is the same for any m.

  Params: `SLSTMParams`; `w_x` [D, 4H], `w_h` [H, 4H], `b` [4H], gates in the
    order i, f, z, o.
  Carry: `SLSTMCarry`; `h`, `c`, `n`, `m` [H]. It begins with c = n = 0 and an m
    that stands for minus infinity, beside which the rest of a given carry
    counts for nothing: of a learned beginning h alone moves.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    heads: blocks on the diagonal of each gate's recurrent matrix.
    forget: 'sigmoid' or 'exp'.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=,
    forget_power=)`. `forget_bias` (default 1) is added to the stored bias of f.
    `forget_power=p` > 0 replaces it, in every head, by one that falls from 5 at
    the first unit to -7 at the last, 5 - 12 s^p for s from 0 to 1; xlstm takes
    p from 0.3 in its first block to 1.6 in its last, and w_h = 0
    (`recurrent_scale=0`).

  Raises:
    UserError: another value of `forget`; in `init`, heads that do not divide H,
      or a negative forget_power.

  Source: Beck et al. (2024), arXiv:2405.04517, without the convolution and the
    norm around it. m begins at minus infinity; xlstm and FlashRNN begin at 0,
    and see a fresh row by n = 0 only where the whole batch is fresh.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = slstm(heads=2).init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_h.shape
    (2, 2, 8)
  """
  if forget not in FORGETS:
    raise errors.unknown('forget', forget, FORGETS)
  log_forget = FORGETS[forget]

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    forget_bias=1.0,
    forget_power=0.0,
  ) -> SLSTMParams:
    w_x, w_h, b = initializers.weights(
      key, x_t, hidden_size, 4, scheme, recurrent_scale, heads=heads
    )
    b_i, b_f, b_z, b_o = jnp.split(b, 4)
    if isinstance(forget_power, (int, float)) and forget_power < 0:
      raise errors.UserError(
        f'forget_power is {forget_power}; it must be above 0, or 0 for none.'
      )
    if forget_power:
      share = jnp.linspace(0, 1, hidden_size // heads, dtype=b.dtype)
      b_f = jnp.tile(5 - 12 * share**forget_power, heads)
    else:
      b_f += jnp.asarray(forget_bias, b.dtype)
    return SLSTMParams(w_x, w_h, jnp.concatenate([b_i, b_f, b_z, b_o]))

  def carry(params, x_t):
    del x_t
    zeros = jnp.zeros(params.b.shape[0] // 4, params.b.dtype)
    return SLSTMCarry(zeros, zeros, zeros, jnp.full_like(zeros, NOTHING_YET))

  def project(params, x_t):
    return cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b

  def mix(params, carry, u_t):
    return u_t + cell_lib.product(carry.h, params.w_h, u_t.dtype)

  def update(params, carry, z_t):
    del params
    log_i, f, z, o = jnp.split(z_t, 4)
    log_f = log_forget(f) + carry.m
    m_t = jnp.maximum(log_f, log_i)
    i = cell_lib.named(jnp.exp(log_i - m_t), 'input_gate')
    f = cell_lib.named(jnp.exp(log_f - m_t), 'forget_gate')
    z = cell_lib.named(jnp.tanh(z), 'candidate')
    o = cell_lib.named(jax.nn.sigmoid(o), 'output_gate')
    c_t = f * carry.c + i * z
    n_t = f * carry.n + i
    h_t = o * c_t / n_t
    return SLSTMCarry(h_t, c_t, n_t, m_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
