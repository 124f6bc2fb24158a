"""Trains the trials of a sweep with torch, one after another in one process.

  python -m benchmarks._sweep_torch BATCHES

takes the settings of each trial as a line of JSON, and answers with its bits
per held-out character. It imports nothing of ours, which would cost it time.
"""

import json
import math
import sys

import numpy as np
import torch
from torch import nn


def train(settings, arrays) -> float:
  """Bits per held-out character after one pass over the batches.

  Args:
    settings: learning_rate, clip_norm, seed and the two sizes.
    arrays: tensors by name: inputs and targets [N, T, B] and resets [N] of
      `train_` and `valid_`, and how many symbols there are.
  """
  torch.manual_seed(int(settings['seed']))
  width, hidden = int(settings['embedding_size']), int(settings['hidden_size'])
  symbols = int(arrays['symbols'])
  model = nn.ModuleDict(
    {
      'embedding': nn.Embedding(symbols, width),
      'lstm': nn.LSTM(width, hidden),
      'linear': nn.Linear(hidden, symbols),
    }
  )
  _begin_as_ours(model)
  clip_norm = float(settings.get('clip_norm', 1))
  rate = float(settings['learning_rate'])
  optimizer = torch.optim.Adam(model.parameters(), lr=rate)
  for loss, _ in _losses(model, arrays, 'train'):
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip_norm)
    optimizer.step()
  with torch.no_grad():
    pairs = [(float(x) * n, n) for x, n in _losses(model, arrays, 'valid')]
  nats, count = map(sum, zip(*pairs, strict=True))
  return nats / count / math.log(2)


def _losses(model, arrays, part):
  """Gives the mean loss of each batch and how many targets it is of."""
  carry = None
  names = (f'{part}_{x}' for x in ('inputs', 'targets', 'resets'))
  for inputs, targets, reset in zip(*map(arrays.get, names), strict=True):
    if reset:
      carry = None
    hs, carry = model['lstm'](model['embedding'](inputs), carry)
    carry = tuple(x.detach() for x in carry)
    logits = model['linear'](hs).flatten(0, 1)
    loss = nn.functional.cross_entropy(logits, targets.flatten())
    yield loss, int((targets >= 0).sum()) if part == 'valid' else 0


def _begin_as_ours(model):
  """The variances of our weights, with which both learn equally fast."""
  lstm, linear = model['lstm'], model['linear']
  width, hidden = lstm.input_size, lstm.hidden_size
  with torch.no_grad():
    model['embedding'].weight.normal_(std=width**-0.5)
    lstm.weight_ih_l0.normal_(std=width**-0.5)
    nn.init.orthogonal_(lstm.weight_hh_l0)
    lstm.bias_ih_l0.zero_()
    lstm.bias_hh_l0.zero_()
    lstm.bias_hh_l0[hidden : 2 * hidden] = 1  # of the forget gate
    linear.weight.normal_(std=hidden**-0.5)
    linear.bias.zero_()


def main():
  with np.load(sys.argv[1], allow_pickle=False) as file:
    arrays = {name: torch.from_numpy(file[name]) for name in file.files}
  print('ready', flush=True)
  for line in sys.stdin:
    print(train(json.loads(line), arrays), flush=True)


if __name__ == '__main__':
  main()
