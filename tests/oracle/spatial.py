"""Convolutional and Grid LSTM."""

import numpy as np

from oracle.gated import sigmoid


def _convolve(x, w):
  dimensions, reach = w.ndim - 2, w.shape[0] // 2
  x_padded = np.pad(x, [(reach, reach)] * dimensions + [(0, 0)])
  y = 0
  for tap in np.ndindex(w.shape[:-2]):
    sees = tuple(slice(k, k + n) for k, n in zip(tap, x.shape, strict=False))
    y = y + x_padded[sees] @ w[tap]
  return y


def _conv_lstm(p, carry, x_t):
  z = _convolve(x_t, p.w_x) + _convolve(carry.h, p.w_h) + p.b
  i, f, g, o = np.split(z, 4, axis=-1)
  c_t = sigmoid(f) * carry.c + sigmoid(i) * np.tanh(g)
  h_t = sigmoid(o) * np.tanh(c_t)
  return {'h': h_t, 'c': c_t}, h_t


def _grid_lstm(p, carry, x_t):
  depth, size = carry.h.shape
  h, c = np.split(x_t @ p.w_x + p.b_x, 2)
  hs, cs = [], []
  for k in range(depth):
    block = k % len(p.w_h)
    w = np.concatenate([p.w_h[block], p.w_d[block]])
    b = p.b[block * 8 * size : (block + 1) * 8 * size]
    gates = np.split(np.concatenate([carry.h[k], h]) @ w + b, 8)
    i, f, g, o = gates[:4]
    cs.append(sigmoid(f) * carry.c[k] + sigmoid(i) * np.tanh(g))
    hs.append(np.tanh(sigmoid(o) * cs[-1]))
    i, f, g, o = gates[4:]
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = np.tanh(sigmoid(o) * c)
  return {'h': np.stack(hs), 'c': np.stack(cs)}, h


STEPS = {
  'conv_lstm_1d': _conv_lstm,
  'conv_lstm_2d': _conv_lstm,
  'grid_lstm': _grid_lstm,
  'grid_lstm_tied': _grid_lstm,
}
