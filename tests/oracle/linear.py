"""LRU, minimal GRU and LSTM, RG-LRU."""

import numpy as np

from oracle.gated import sigmoid


def _lru(p, carry, x_t):
  # Complex numbers as pairs: the imaginary unit is the gradient's.
  modulus, phase = np.exp(-np.exp(p.nu_log)), np.exp(p.theta_log)
  lam_re, lam_im = modulus * np.cos(phase), modulus * np.sin(phase)
  gamma = np.exp(p.gamma_log)
  re = lam_re * carry.re - lam_im * carry.im + gamma * (x_t @ p.w_b_re)
  im = lam_re * carry.im + lam_im * carry.re + gamma * (x_t @ p.w_b_im)
  y_t = re @ p.w_c_re - im @ p.w_c_im + x_t @ p.w_d
  return {'re': re, 'im': im}, y_t


def _min_gru(g):
  def step(p, carry, x_t):
    z, n = np.split(x_t @ p.w_x + p.b, 2)
    z = sigmoid(z)
    h_t = (1 - z) * carry.h + z * g(n)
    return {'h': h_t}, h_t

  return step


def _positive(x):
  return np.where(x.real >= 0, x + 0.5, sigmoid(x))


def _min_lstm(p, carry, x_t):
  i, f, g = np.split(x_t @ p.w_x + p.b, 3)
  i, f = sigmoid(i), sigmoid(f)
  h_t = f / (f + i) * carry.h + i / (f + i) * g
  return {'h': h_t}, h_t


def _rg_lru(p, carry, x_t):
  x_t = x_t @ p.w_x
  if p.w_g.ndim == 3:
    # Every head reads its own slice and writes its own slice of both gates.
    parts = np.split(x_t, len(p.w_g))
    gates = [np.split(x @ w, 2) for x, w in zip(parts, p.w_g, strict=True)]
    r, i = (np.concatenate(gate) for gate in zip(*gates, strict=True))
  else:
    r, i = np.split(x_t @ p.w_g, 2)
  b_r, b_i = np.split(p.b, 2)
  r, i = sigmoid(r + b_r), sigmoid(i + b_i)
  a = np.exp(-8 * r * np.log1p(np.exp(p.decay)))
  h_t = a * carry.h + np.sqrt(1 - a**2) * i * x_t
  return {'h': h_t}, h_t


STEPS = {
  'lru': _lru,
  'min_gru': _min_gru(lambda x: x),
  'min_gru_positive': _min_gru(_positive),
  'min_lstm': _min_lstm,
  'rg_lru': _rg_lru,
  'rg_lru_heads': _rg_lru,
}
