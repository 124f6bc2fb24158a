"""Long short-term memory, and what has been added to it."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from seqjax import errors
from seqjax.cells import cell as cell_lib
from seqjax.cells import initializers, normalization


class LSTMParams(NamedTuple):
  w_x: jax.Array  # [D, 4H], gates in the order i, f, g, o; coupled [D, 3H]
  w_h: jax.Array  # [H, 4H]; with a projection [P, 4H]; heads: cell.product
  b: jax.Array  # [4H]
  p_i: jax.Array | None = None  # [H], peepholes
  p_f: jax.Array | None = None  # [H]
  p_o: jax.Array | None = None  # [H]
  gain_x: jax.Array | None = None  # [4H], of the layer norms
  gain_h: jax.Array | None = None  # [4H]
  gain_c: jax.Array | None = None  # [H]
  b_c: jax.Array | None = None  # [H]
  w_p: jax.Array | None = None  # [H, P], the projection
  b_h: jax.Array | None = None  # [4H], the second bias


class LSTMCarry(NamedTuple):
  h: jax.Array  # [H], in (-1, 1); with a projection [P], unbounded
  c: jax.Array  # [H], unbounded; moves by at most 1 a step


@functools.cache
def lstm(
  activation=jnp.tanh,
  *,
  gate_activation=jax.nn.sigmoid,
  peephole=False,
  coupled=False,
  layer_norm=False,
  double_bias=False,
  projection=None,
  heads=1,
) -> cell_lib.Cell:
  """Long short-term memory with a forget gate.

    i_t, f_t, o_t = sigmoid(w_x x_t + w_h h_tm1 + b)   input, forget, output
    g_t = tanh(w_x x_t + w_h h_tm1 + b)                candidate
    c_t = f_t * c_tm1 + i_t * g_t
    h_t = o_t * tanh(c_t)

  The options change a term each, and go together except for the last two:

    + p_i * c_tm1, + p_f * c_tm1, + p_o * c_t          peephole: in i, f, o
    i_t = 1 - f_t                                      coupled
    LN(w_x x_t) + LN(w_h h_tm1) + b, tanh(LN(c_t))     layer_norm
    b + b_h for b                                      double_bias
    h_t = w_p (o_t * tanh(c_t))                        projection
    w_h block-diagonal                                 heads

  Params: `LSTMParams`; `w_x` [D, 4H], `w_h` [H, 4H], `b` [4H], gates in the
    order i, f, g, o; coupled without i, [.., 3H]. The other fields are None
    without their option.
  Carry: `LSTMCarry`; `h` [H] in (-1, 1), `c` [H]; with a projection `h` [P].
  Input: `x_t` [D], floating. One example: `unroll` adds batch and time.
  Output: `y_t` = `h_t`.

  Args:
    activation: of the candidate and of the cell state.
    gate_activation: of i, f and o; `jax.nn.hard_sigmoid` is that of Keras 3.
    peephole: the gates see the cell state, each unit its own.
    coupled: one gate for what is forgotten and what is let in.
    layer_norm: `normalization.layer_norm` of each product, over all gates
      jointly and without a shift, as b is there, and of the cell state on its
      way out. What is carried is not normalised.
    double_bias: a second bias, from 0, as in torch and cuDNN: the sum acts as
      one, but moves twice as far per step of SGD or Adam.
    projection: P, the width of the output, at most H.
    heads: blocks on the diagonal of each gate's recurrent matrix.

  Initialisation: `init(key, x_t, H, scheme=, recurrent_scale=, forget_bias=,
    chrono_steps=)`. `forget_bias` (default 1, Jozefowicz et al., 2015) is added
    to the stored bias b once, here, never at call time. `chrono_steps=n` > 0
    replaces the biases of f and i by log u and -log u, u from U(1, n - 1), for
    dependencies of up to n steps (Tallec and Ollivier, 2018). Peepholes begin
    at 0, gains at 1, w_p as the transpose of a recurrent matrix.

  Raises:
    UserError: heads together with a projection; in `init`, P not in [1, H].

  Source: Hochreiter and Schmidhuber (1997), Neural Computation 9(8), with the
    forget gate of Gers et al. (2000). torch.nn.LSTM computes the same with its
    two biases added, and trains alike with double_bias. Peepholes: Gers and
    Schmidhuber (2000). Coupled: CIFG of Greff et al. (2015), arXiv:1503.04069.
    Norms: Ba et al. (2016), eq. 20 to 22. Projection: Sak et al. (2014),
    arXiv:1402.1128, without their second, non-recurrent one; torch's proj_size.

  Example:
    >>> import jax, jax.numpy as jnp
    >>> cell = lstm(peephole=True, projection=2)
    >>> params = cell.init(jax.random.key(0), jnp.ones(3), 4)
    >>> carry = cell.carry(params, jnp.ones(3))
    >>> carry.h.shape, carry.c.shape
    ((2,), (4,))
  """
  if projection is not None and heads != 1:
    raise errors.UserError(
      f'heads is {heads} and projection is {projection}: a projection mixes '
      'what heads keep apart. Leave out one of them.'
    )
  gates = 3 if coupled else 4
  norm = normalization.layer_norm if layer_norm else normalization.identity

  def init(
    key,
    x_t,
    hidden_size,
    *,
    scheme='orthogonal',
    recurrent_scale=1.0,
    forget_bias=1.0,
    chrono_steps=0,
  ) -> LSTMParams:
    key_weights, key_chrono, key_projection = jax.random.split(key, 3)
    if projection is not None and not 1 <= projection <= hidden_size:
      raise errors.UserError(
        f'projection is {projection}; it must be at least 1 and at most '
        f'hidden_size ({hidden_size}).'
      )
    w_x, w_h, b = initializers.weights(
      key_weights,
      x_t,
      hidden_size,
      gates,
      scheme,
      recurrent_scale,
      heads=heads,
      state_size=projection,
    )
    *b_i, b_f, b_g, b_o = jnp.split(b, gates)
    if chrono_steps:
      b_f = initializers.chrono_bias(
        key_chrono, hidden_size, chrono_steps, b.dtype
      )
      b_i = [-b_f for _ in b_i]
    else:
      b_f += jnp.asarray(forget_bias, b.dtype)
    params = LSTMParams(w_x, w_h, jnp.concatenate([*b_i, b_f, b_g, b_o]))
    zeros, ones = jnp.zeros_like(b_f), jnp.ones_like(b_f)
    if peephole:
      p_i = None if coupled else zeros
      params = params._replace(p_i=p_i, p_f=zeros, p_o=zeros)
    if layer_norm:
      gain = jnp.ones_like(b)
      params = params._replace(gain_x=gain, gain_h=gain, gain_c=ones, b_c=zeros)
    if double_bias:
      params = params._replace(b_h=jnp.zeros_like(b))
    if projection is not None:
      w_p = initializers.recurrent_weights(
        key_projection, hidden_size, 1, scheme, b.dtype, projection
      )
      params = params._replace(w_p=w_p.T)
    return params

  def carry(params, x_t):
    del x_t
    zeros = jnp.zeros(params.b.shape[0] // gates, params.b.dtype)
    return LSTMCarry(zeros[:projection], zeros)

  def project(params, x_t):
    u_t = cell_lib.product(x_t, params.w_x, params.b.dtype)
    b = params.b + params.b_h if double_bias else params.b
    return norm(u_t, params.gain_x) + b

  def mix(params, carry, u_t):
    a_t = cell_lib.product(carry.h, params.w_h, u_t.dtype)
    # A norm is not linear: it has to wait for `update`.
    return (u_t, a_t) if layer_norm else u_t + a_t

  def total(params, z_t):
    if not layer_norm:
      return z_t
    u_t, a_t = z_t
    return u_t + norm(a_t, params.gain_h)

  def gate(name, z, p, c):
    return cell_lib.named(gate_activation(z + p * c if peephole else z), name)

  def update(params, carry, z_t):
    *i, f, g, o = jnp.split(total(params, z_t), gates)
    f = gate('forget_gate', f, params.p_f, carry.c)
    i = 1 - f if coupled else gate('input_gate', *i, params.p_i, carry.c)
    g = cell_lib.named(activation(g), 'candidate')
    c_t = f * carry.c + i * g
    o = gate('output_gate', o, params.p_o, c_t)
    h_t = o * activation(norm(c_t, params.gain_c, params.b_c))
    if projection is not None:
      h_t = cell_lib.product(h_t, params.w_p, c_t.dtype)
    return LSTMCarry(h_t, c_t), h_t

  return cell_lib.Cell(init, carry, project, mix, update)
