"""Elman, LSTM, GRU and their relatives."""

import functools

import numpy as np


def sigmoid(z):
  return 1 / (1 + np.exp(-z))


def hard_sigmoid(z):
  ramp = (z + 3) / 6
  return np.where(ramp.real < 0, 0, np.where(ramp.real > 1, 1, ramp))


def relu(z):
  return np.where(z.real > 0, z, 0)


def layer_norm(z, gain):
  centred = z - z.sum() / len(z)
  variance = (centred * centred).sum() / len(z)
  return gain * centred / np.sqrt(variance + 1e-5)


def full(w_h):
  """A block-diagonal matrix [heads, N, gates * N] written out."""
  if w_h.ndim == 2:
    return w_h
  heads, size, columns = w_h.shape
  gates = columns // size
  out = np.zeros((heads, size, gates, heads, size), w_h.dtype)
  for k in range(heads):
    out[k, :, :, k] = w_h[k].reshape(size, gates, size)
  return out.reshape(heads * size, gates * heads * size)


def _elman(activation):
  def step(p, carry, x_t):
    u, a = x_t @ p.w_x + p.b, carry.h @ full(p.w_h)
    h_t = activation(u + a + getattr(p, 'b_h', 0))
    return {'h': h_t}, h_t

  return step


def _lstm(p, carry, x_t, sigmoid=sigmoid, blocks='ifgo', norm=False):
  u, a = x_t @ p.w_x, carry.h @ full(p.w_h)
  if norm:
    u, a = layer_norm(u, p.gain_x), layer_norm(a, p.gain_h)
  u, a = u + p.b, a + getattr(p, 'b_h', 0)
  z = dict(zip(blocks, np.split(u + a, len(blocks)), strict=True))
  for gate in 'if':
    if gate in z and hasattr(p, f'p_{gate}'):
      z[gate] = z[gate] + getattr(p, f'p_{gate}') * carry.c
  f = sigmoid(z['f'])
  i = sigmoid(z['i']) if 'i' in z else 1 - f
  c_t = f * carry.c + i * np.tanh(z['g'])
  o = sigmoid(z['o'] + p.p_o * c_t if hasattr(p, 'p_o') else z['o'])
  h_t = o * np.tanh(layer_norm(c_t, p.gain_c) + p.b_c if norm else c_t)
  if hasattr(p, 'w_p'):
    h_t = h_t @ p.w_p
  return {'h': h_t, 'c': c_t}, h_t


def _gru(reset, sigmoid=sigmoid, norm=False):
  def step(p, carry, x_t):
    h, size, w_h = carry.h, len(carry.h), full(p.w_h)
    r_of, z_of, n_of = (slice(k * size, (k + 1) * size) for k in range(3))
    u, a = x_t @ p.w_x, h @ w_h
    if norm:
      u, a = layer_norm(u, p.gain_x), layer_norm(a, p.gain_h)
    u, b_h = u + p.b, getattr(p, 'b_h', np.zeros(3 * size))
    r = sigmoid(u[r_of] + a[r_of] + b_h[r_of])
    z = sigmoid(u[z_of] + a[z_of] + b_h[z_of])
    if reset == 'after':
      n = np.tanh(u[n_of] + r * (a[n_of] + p.b_n))
    else:
      n = np.tanh(u[n_of] + (r * h) @ w_h[:, n_of] + b_h[n_of])
    h_t = (1 - z) * n + z * h
    return {'h': h_t}, h_t

  return step


def _mgu(p, carry, x_t):
  h, size = carry.h, len(carry.h)
  u = x_t @ p.w_x + p.b
  f = sigmoid(u[:size] + h @ p.w_h[:, :size])
  n = np.tanh(u[size:] + (f * h) @ p.w_h[:, size:])
  h_t = (1 - f) * h + f * n
  return {'h': h_t}, h_t


def _mgu_reset_after(p, carry, x_t):
  h, size = carry.h, len(carry.h)
  u = x_t @ p.w_x + p.b
  f = sigmoid(u[:size] + h @ p.w_h[:, :size])
  n = np.tanh(u[size:] + f * (h @ p.w_h[:, size:] + p.b_n))
  h_t = (1 - f) * n + f * h
  return {'h': h_t}, h_t


def _ugrnn(p, carry, x_t):
  g, c = np.split(x_t @ p.w_x + carry.h @ p.w_h + p.b, 2)
  g, c = sigmoid(g), np.tanh(c)
  h_t = g * carry.h + (1 - g) * c
  return {'h': h_t}, h_t


STEPS = {
  'elman': _elman(np.tanh),
  'elman_double': _elman(np.tanh),
  'elman_heads': _elman(np.tanh),
  'elman_relu': _elman(relu),
  'elman_sigmoid': _elman(sigmoid),
  'gru': _gru('after'),
  'gru_double': _gru('after'),
  'gru_hard_heads': _gru('after', hard_sigmoid),
  'gru_layer_norm': _gru('after', norm=True),
  'gru_reset_before': _gru('before'),
  'gru_reset_before_double': _gru('before'),
  'gru_reset_before_heads': _gru('before'),
  'irnn': _elman(relu),
  'lstm': _lstm,
  'lstm_all': functools.partial(_lstm, blocks='fgo', norm=True),
  'lstm_coupled': functools.partial(_lstm, blocks='fgo'),
  'lstm_double': _lstm,
  'lstm_hard': functools.partial(_lstm, sigmoid=hard_sigmoid),
  'lstm_heads': _lstm,
  'lstm_layer_norm': functools.partial(_lstm, norm=True),
  'lstm_peephole': _lstm,
  'lstm_projection': _lstm,
  'mgu': _mgu,
  'mgu_reset_after': _mgu_reset_after,
  'ugrnn': _ugrnn,
}
