"""The three best mutations of the GRU that a search has found."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers


class MUTParams(NamedTuple):
  w_x: jax.Array  # [D, 3H], parts in the order r, z, n
  w_h: jax.Array  # [H, 3H]; of MUT1 [H, 2H], in the order r, n
  b: jax.Array  # [3H]


# What the update gate sees of the state.
SEEN = {1: None, 2: lambda h: h, 3: jnp.tanh}


@functools.cache
def mut(form=1) -> cell_lib.Cell:
  """MUT1, MUT2 and MUT3: gated units that evolved from the GRU.

    r_t = sigmoid(w_x x_t + w_h h_tm1 + b)                 reset

    z_t = sigmoid(w_x x_t + b)                             update, MUT1
    z_t = sigmoid(w_x x_t + w_h h_tm1 + b)                 update, MUT2
    z_t = sigmoid(w_x x_t + w_h tanh(h_tm1) + b)           update, MUT3

    n_t = tanh(tanh(w_x x_t) + w_h (r_t * h_tm1) + b)      candidate, MUT1
    n_t = tanh(w_x x_t + w_h (r_t * h_tm1) + b)            candidate, MUT2, MUT3

    h_t = z_t * n_t + (1 - z_t) * h_tm1

  Params: `MUTParams`; `w_x` [D, 3H], `w_h` [H, 3H], `b` [3H], in the order
    r, z, n; of MUT1 `w_h` [H, 2H], in the order r, n.
  Carry: `HiddenCarry`; `h` [H] in (-1, 1) once it began there.
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t` [H].

  Args:
    form: 1, 2 or 3.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=)`.

  Raises:
    UserError: another value of `form`.

  Source: Jozefowicz, Zaremba and Sutskever (2015), ICML, section 5. The paper
    has no matrix at the x_t of n_t in MUT1 and at that of r_t in MUT2, which
    are then as wide as h_t; set those blocks of w_x to the identity for that.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> params = mut(1).init(jax.random.key(0), jnp.ones(3), 4)
    >>> params.w_x.shape, params.w_h.shape
    ((3, 12), (4, 8))
  """
  if form not in SEEN:
    raise errors.UserError(f'form is {form}; MUT has the forms 1, 2 and 3.')
  seen = SEEN[form]

  def init(
    key, x_t, hidden_size, *, scheme='orthogonal', recurrent_scale=1.0
  ) -> MUTParams:
    w_x, w_h, b = initializers.weights(
      key, x_t, hidden_size, 3, scheme, recurrent_scale
    )
    if seen is None:
      w_h = w_h[:, hidden_size:]
    return MUTParams(w_x, w_h, b)

  def carry(params, x_t):
    del x_t
    hidden_size = params.w_h.shape[0]
    return cell_lib.HiddenCarry(jnp.zeros(hidden_size, params.b.dtype))

  def project(params, x_t):
    u_t = cell_lib.product(x_t, params.w_x, params.b.dtype)
    if form == 1:
      r, z, n = jnp.split(u_t, 3)
      u_t = jnp.concatenate([r, z, jnp.tanh(n)])
    return u_t + params.b

  def w_of(params):
    hidden_size = params.w_h.shape[0]
    return jnp.split(params.w_h, params.w_h.shape[1] // hidden_size, axis=1)

  def mix(params, carry, u_t):
    r, z, n = jnp.split(u_t, 3)
    w_r, *w_z, _ = w_of(params)
    r += cell_lib.product(carry.h, w_r, r.dtype)
    if seen is not None:
      z += cell_lib.product(seen(carry.h), *w_z, z.dtype)
    return r, z, n

  def update(params, carry, z_t):
    r, z, n = z_t
    *_, w_n = w_of(params)
    r = cell_lib.named(jax.nn.sigmoid(r), 'reset_gate')
    z = cell_lib.named(jax.nn.sigmoid(z), 'update_gate')
    n = jnp.tanh(n + cell_lib.product(r * carry.h, w_n, n.dtype))
    n = cell_lib.named(n, 'candidate')
    h_t = z * n + (1 - z) * carry.h
    return cell_lib.HiddenCarry(h_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
