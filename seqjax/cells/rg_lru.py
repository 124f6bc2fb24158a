"""The real-gated linear recurrent unit of Griffin."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers, linear


class RGLRUParams(NamedTuple):
  w_x: jax.Array  # [D, H], brings the input to the width of the state
  w_g: jax.Array  # [H, 2H], gates in the order r, i; or [heads, H/heads, ...]
  b: jax.Array  # [2H]
  decay: jax.Array  # [H], Lambda


@functools.cache
def rg_lru(*, heads=1) -> cell_lib.Cell:
  """Real-gated linear recurrent unit: a decay that the input can suspend.

    x'_t = w_x x_t
    r_t, i_t = sigmoid(w_g x'_t + b)                           recurrence, input
    log a_t = -8 softplus(decay) * r_t
    h_t = a_t * h_tm1 + sqrt(1 - a_t^2) * (i_t * x'_t)

  Params: `RGLRUParams`; `w_x` [D, H], `w_g` [H, 2H], `b` [2H], in the order
    r, i; `decay` [H], the paper's Lambda.
  Carry: `HiddenCarry`; `h` [H].
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    heads: blocks on the diagonal of each gate's matrix. With several, `w_g` is
      [heads, H / heads, 2H / heads]. Griffin has as many as its attention.

  Initialisation: `init(key, x_t, H, scheme=, r_min=, r_max=)`. With r_t = 1,
    a_t begins uniform in [r_min, r_max], by default [0.9, 0.999]. The blocks of
    `w_g` begin as recurrent matrices of the scheme do.

  Raises:
    UserError: in `init`, unless 0 < r_min <= r_max < 1; heads that do not
      divide H.

  Source: De et al. (2024), arXiv:2402.19427. The paper's x_t is as wide as
    h_t, after a product of its block, which here is `w_x`. recurrentgemma
    multiplies the first input of a document by 1 in place of sqrt(1 - a_t^2);
    we do not, because a carry may be given or learned. It also clips the
    gradient of the root; here that is exact.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = rg_lru(heads=2).init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_g.shape
    (2, 2, 4)
  """

  def init(
    key, x_t, hidden_size, *, scheme='orthogonal', r_min=0.9, r_max=0.999
  ) -> RGLRUParams:
    if not 0 < r_min <= r_max < 1:
      raise errors.UserError(
        f'r_min is {r_min} and r_max {r_max}; they bound how much a step keeps '
        'and need 0 < r_min <= r_max < 1.'
      )
    key_x, key_g, key_a = jax.random.split(key, 3)
    w_x, b = initializers.input_weights(key_x, x_t, hidden_size, 1, scheme)
    x_t = jax.ShapeDtypeStruct(b.shape, b.dtype)
    _, w_g, b = initializers.weights(
      key_g, x_t, hidden_size, 2, scheme, 1.0, heads=heads
    )
    a = jax.random.uniform(key_a, (hidden_size,), b.dtype, r_min, r_max)
    return RGLRUParams(w_x, w_g, b, jnp.log(jnp.expm1(-jnp.log(a) / 8)))

  def carry(params, x_t):
    del x_t
    return cell_lib.HiddenCarry(jnp.zeros_like(params.decay))

  def project(params, x_t):
    dtype = params.b.dtype
    x_t = cell_lib.product(x_t, params.w_x, dtype)
    gates = cell_lib.product(x_t, params.w_g, dtype) + params.b
    r, i = jnp.split(jax.nn.sigmoid(gates), 2)
    r = cell_lib.named(r, 'recurrence_gate')
    i = cell_lib.named(i, 'input_gate')
    log_a = -8 * jax.nn.softplus(params.decay) * r
    # At a_t = 1 the root has no derivative, and 0 times infinity is no number.
    scale_squared = jnp.maximum(-jnp.expm1(2 * log_a), jnp.finfo(dtype).tiny)
    x_t = cell_lib.named(i * x_t, 'candidate')
    b_t = jnp.sqrt(scale_squared) * x_t
    return cell_lib.HiddenCarry(jnp.exp(log_a)), cell_lib.HiddenCarry(b_t)

  return linear.cell(init, carry, project)
