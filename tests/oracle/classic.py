"""sLSTM, MUT, IndRNN, Jordan networks, echo states."""

import functools

import numpy as np

from oracle.gated import full, relu, sigmoid


def _slstm(log_forget):
  def step(p, carry, x_t):
    z_t = x_t @ p.w_x + carry.h @ full(p.w_h) + p.b
    i, f, z, o = np.split(z_t, 4)
    kept = log_forget(f) + carry.m
    m_t = np.where(kept.real > i.real, kept, i)
    i, f = np.exp(i - m_t), np.exp(kept - m_t)
    c_t = f * carry.c + i * np.tanh(z)
    n_t = f * carry.n + i
    h_t = sigmoid(o) * c_t / n_t
    return {'h': h_t, 'c': c_t, 'n': n_t, 'm': m_t}, h_t

  return step


def _mut(p, carry, x_t, form):
  h, size = carry.h, len(carry.h)
  at = lambda k: slice(k * size, (k + 1) * size)
  x_r, x_z, x_n = np.split(x_t @ p.w_x, 3)
  b_r, b_z, b_n = np.split(p.b, 3)
  r = sigmoid(x_r + h @ p.w_h[:, at(0)] + b_r)
  if form == 1:
    z = sigmoid(x_z + b_z)
    n = np.tanh((r * h) @ p.w_h[:, at(1)] + np.tanh(x_n) + b_n)
  else:
    state = h if form == 2 else np.tanh(h)
    z = sigmoid(x_z + state @ p.w_h[:, at(1)] + b_z)
    n = np.tanh((r * h) @ p.w_h[:, at(2)] + x_n + b_n)
  h_t = n * z + h * (1 - z)
  return {'h': h_t}, h_t


def _ind_rnn(p, carry, x_t):
  h_t = relu(x_t @ p.w_x + p.u * carry.h + p.b)
  return {'h': h_t}, h_t


def _jordan_hidden(p, carry, x_t):
  h_t = np.tanh(x_t @ p.w_x + carry.y @ p.w_y + p.b_h)
  y_t = np.tanh(h_t @ p.w_o + p.b_o)
  return {'y': y_t}, y_t


def _jordan_output(p, carry, x_t):
  h_t = np.tanh(x_t @ p.w_x + p.b_h)
  y_t = np.tanh(h_t @ p.w_o + carry.y @ p.w_y + p.b_o)
  return {'y': y_t}, y_t


def _echo_state(p, carry, x_t):
  p = p.value
  # Real parts: no gradient enters the weights.
  new = np.tanh(x_t @ p.w_x.real + carry.h @ p.w_h.real + p.b.real)
  h_t = (1 - p.leak.real) * carry.h + p.leak.real * new
  return {'h': h_t}, h_t


STEPS = {
  'echo_state': _echo_state,
  'ind_rnn': _ind_rnn,
  'jordan_hidden': _jordan_hidden,
  'jordan_hidden_narrow': _jordan_hidden,
  'jordan_output': _jordan_output,
  'jordan_output_narrow': _jordan_output,
  'mut1': functools.partial(_mut, form=1),
  'mut2': functools.partial(_mut, form=2),
  'mut3': functools.partial(_mut, form=3),
  'slstm': _slstm(lambda f: -np.log(1 + np.exp(-f))),
  'slstm_exp_heads': _slstm(lambda f: f),
}
