"""The minimal GRU and LSTM: gates that do not look at the state."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers, linear


class MinimalParams(NamedTuple):
  w_x: jax.Array  # [D, 2H] in the order z, n; or [D, 3H] in the order i, f, g
  b: jax.Array  # [2H] or [3H]


def _positive(x):
  """g of the paper: above zero, continuous, and linear where x is positive."""
  return jnp.where(x >= 0, x + 0.5, jax.nn.sigmoid(x))


CANDIDATES = {'linear': lambda x: x, 'positive': _positive}


def _carry(gates):
  def carry(params, x_t):
    del x_t
    hidden_size = params.b.shape[0] // gates
    return cell_lib.HiddenCarry(jnp.zeros(hidden_size, params.b.dtype))

  return carry


def _hidden(a_t, b_t):
  return cell_lib.HiddenCarry(a_t), cell_lib.HiddenCarry(b_t)


@functools.cache
def min_gru(*, candidate='linear') -> cell_lib.Cell:
  """Minimal gated recurrent unit: a GRU without w_h, linear in its state.

    z_t = sigmoid(w_x x_t + b)                                 update
    n_t = g(w_x x_t + b)                                       candidate
    h_t = (1 - z_t) * h_tm1 + z_t * n_t

  Params: `MinimalParams`; `w_x` [D, 2H], `b` [2H], in the order z, n.
  Carry: `HiddenCarry`; `h` [H], between the least and the greatest candidate
    and initial carry.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    candidate: 'linear', g(x) = x; or 'positive', the g of the paper's log-space
      form: x + 0.5 where x >= 0, sigmoid(x) elsewhere.

  Initialisation: `init(key, x_t, H, scheme=)`.

  Raises:
    UserError: another value of `candidate`.

  Source: Feng et al. (2024), arXiv:2410.01201. As there, and unlike in
    `cells.gru`, z lets in the new. The paper computes 'positive' in logarithms,
    which an initial carry below zero has none of; here both are computed as
    written, and any carry may be given.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = min_gru().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_x.shape
    (3, 8)
  """
  if candidate not in CANDIDATES:
    raise errors.unknown('candidate', candidate, CANDIDATES)
  g = CANDIDATES[candidate]

  def init(key, x_t, hidden_size, *, scheme='orthogonal') -> MinimalParams:
    w_x, b = initializers.input_weights(key, x_t, hidden_size, 2, scheme)
    return MinimalParams(w_x, b)

  def project(params, x_t):
    u_t = cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b
    z, n = jnp.split(u_t, 2)
    z = cell_lib.named(jax.nn.sigmoid(z), 'update_gate')
    n = cell_lib.named(g(n), 'candidate')
    return _hidden(1 - z, z * n)

  return linear.cell(init, _carry(2), project)


@functools.cache
def min_lstm() -> cell_lib.Cell:
  """Minimal long short-term memory: no w_h, no output gate, f + i = 1.

    i_t, f_t = sigmoid(w_x x_t + b)                            input, forget
    g_t = w_x x_t + b                                          candidate
    h_t = f_t / (f_t + i_t) * h_tm1 + i_t / (f_t + i_t) * g_t

  Params: `MinimalParams`; `w_x` [D, 3H], `b` [3H], in the order i, f, g.
  Carry: `HiddenCarry`; `h` [H], between the least and the greatest candidate
    and initial carry.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Initialisation: `init(key, x_t, H, scheme=, forget_bias=)`; `forget_bias`
    (default 0) is added to the stored bias of f.

  Source: Feng et al. (2024), arXiv:2410.01201, with the gates normalised and
    the candidate linear.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = min_lstm().init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_x.shape
    (3, 12)
  """

  def init(
    key, x_t, hidden_size, *, scheme='orthogonal', forget_bias=0.0
  ) -> MinimalParams:
    w_x, b = initializers.input_weights(key, x_t, hidden_size, 3, scheme)
    b_i, b_f, b_g = jnp.split(b, 3)
    b_f += jnp.asarray(forget_bias, b.dtype)
    return MinimalParams(w_x, jnp.concatenate([b_i, b_f, b_g]))

  def project(params, x_t):
    u_t = cell_lib.product(x_t, params.w_x, params.b.dtype) + params.b
    i, f, g = jnp.split(u_t, 3)
    # f / (f + i), which would be 0 / 0 where both gates are shut.
    f = jax.nn.sigmoid(jax.nn.log_sigmoid(f) - jax.nn.log_sigmoid(i))
    f = cell_lib.named(f, 'forget_gate')
    i = cell_lib.named(1 - f, 'input_gate')
    g = cell_lib.named(g, 'candidate')
    return _hidden(f, i * g)

  return linear.cell(init, _carry(3), project)
