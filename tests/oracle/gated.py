"""Elman, LSTM, GRU."""

import numpy as np


def sigmoid(z):
  return 1 / (1 + np.exp(-z))


def relu(z):
  return np.where(z.real > 0, z, 0)


def _elman(activation):
  def step(p, carry, x_t):
    h_t = activation(x_t @ p.w_x + carry.h @ p.w_h + p.b)
    return {'h': h_t}, h_t

  return step


def _lstm(p, carry, x_t):
  size = len(carry.h)
  z = x_t @ p.w_x + carry.h @ p.w_h + p.b
  i, f, o = (sigmoid(z[k * size : (k + 1) * size]) for k in (0, 1, 3))
  g = np.tanh(z[2 * size : 3 * size])
  c_t = f * carry.c + i * g
  h_t = o * np.tanh(c_t)
  return {'h': h_t, 'c': c_t}, h_t


def _gru(reset):
  def step(p, carry, x_t):
    h, size = carry.h, len(carry.h)
    r_of, z_of, n_of = (slice(k * size, (k + 1) * size) for k in range(3))
    u = x_t @ p.w_x + p.b
    r = sigmoid(u[r_of] + h @ p.w_h[:, r_of])
    z = sigmoid(u[z_of] + h @ p.w_h[:, z_of])
    if reset == 'after':
      n = np.tanh(u[n_of] + r * (h @ p.w_h[:, n_of] + p.b_n))
    else:
      n = np.tanh(u[n_of] + (r * h) @ p.w_h[:, n_of])
    h_t = (1 - z) * n + z * h
    return {'h': h_t}, h_t

  return step


STEPS = {
  'elman': _elman(np.tanh),
  'elman_relu': _elman(relu),
  'elman_sigmoid': _elman(sigmoid),
  'gru': _gru('after'),
  'gru_reset_before': _gru('before'),
  'lstm': _lstm,
}
