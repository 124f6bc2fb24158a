"""Recurrent networks in plain NumPy loops, float64: what all else is held to.

Every step is written for one example as a textbook writes it. Gradients come by
the complex step, f(x + ih).imag / h, which is exact to rounding because nothing
is subtracted; so every function here must also take complex numbers.
"""

import types

import numpy as np

_H = 1e-30


def _sigmoid(z):
  return 1 / (1 + np.exp(-z))


def _relu(z):
  return np.where(z.real > 0, z, 0)


def _elman(activation):
  def step(p, carry, x_t):
    h_t = activation(x_t @ p.w_x + carry.h @ p.w_h + p.b)
    return {'h': h_t}, h_t

  return step


def _lstm(p, carry, x_t):
  size = len(carry.h)
  z = x_t @ p.w_x + carry.h @ p.w_h + p.b
  i, f, o = (_sigmoid(z[k * size : (k + 1) * size]) for k in (0, 1, 3))
  g = np.tanh(z[2 * size : 3 * size])
  c_t = f * carry.c + i * g
  h_t = o * np.tanh(c_t)
  return {'h': h_t, 'c': c_t}, h_t


def _gru(reset):
  def step(p, carry, x_t):
    h, size = carry.h, len(carry.h)
    r_of, z_of, n_of = (slice(k * size, (k + 1) * size) for k in range(3))
    u = x_t @ p.w_x + p.b
    r = _sigmoid(u[r_of] + h @ p.w_h[:, r_of])
    z = _sigmoid(u[z_of] + h @ p.w_h[:, z_of])
    if reset == 'after':
      n = np.tanh(u[n_of] + r * (h @ p.w_h[:, n_of] + p.b_n))
    else:
      n = np.tanh(u[n_of] + (r * h) @ p.w_h[:, n_of])
    h_t = (1 - z) * n + z * h
    return {'h': h_t}, h_t

  return step


# As in cells.CELLS.
STEPS = {
  'elman': _elman(np.tanh),
  'elman_relu': _elman(_relu),
  'elman_sigmoid': _elman(_sigmoid),
  'gru': _gru('after'),
  'gru_reset_before': _gru('before'),
  'lstm': _lstm,
}


def step(name, params, carry, x_t):
  """One step of one example; params and carry are NamedTuples or dicts."""
  return STEPS[name](_fields(params), _fields(carry), x_t)


def unroll(name, params, xs, carry, initial, mask, resets, reverse):
  """The contract of `recurrence.unroll`, one number after another.

  Args:
    name: of the cell.
    params: dict of arrays.
    xs: [T, B, D].
    carry, initial: dicts of [B, H].
    mask, resets: [T, B] bool.
    reverse: whether to read from right to left.

  Returns:
    outputs [T, B, H]; dict of the last carries [B, H]; dict of all carries
    [T, B, H].
  """
  num_steps, batch_size = mask.shape
  outputs = np.zeros((*mask.shape, carry['h'].shape[1]), complex)
  last = {k: np.array(v, complex) for k, v in carry.items()}
  carries = {
    k: np.zeros((*mask.shape, v.shape[1]), complex) for k, v in carry.items()
  }
  for b in range(batch_size):
    state = {k: v[b] for k, v in carry.items()}
    fresh = {k: v[b] for k, v in initial.items()}
    for t in reversed(range(num_steps)) if reverse else range(num_steps):
      if not reverse and resets[t, b]:
        state = fresh
      if mask[t, b]:
        state, outputs[t, b] = step(name, params, state, xs[t, b])
      for k in carries:
        carries[k][t, b] = state[k]
      if reverse and resets[t, b]:
        state = fresh
    for k in last:
      last[k][b] = state[k]
  return outputs, last, carries


def gradient(function, tree):
  """d function / d leaf for every entry of a dict (of dicts) of arrays."""

  def visit(node):
    if isinstance(node, dict):
      return {k: visit(v) for k, v in node.items()}
    out = np.zeros(node.shape)
    for index in np.ndindex(node.shape):
      kept = node[index]
      node[index] = kept + 1j * _H
      out[index] = function(tree).imag / _H
      node[index] = kept
    return out

  tree = _complex(tree)
  return visit(tree)


def _complex(tree):
  if isinstance(tree, dict):
    return {k: _complex(v) for k, v in tree.items()}
  return np.array(tree, complex)


def _fields(record):
  fields = record if isinstance(record, dict) else record._asdict()
  return types.SimpleNamespace(**fields)
