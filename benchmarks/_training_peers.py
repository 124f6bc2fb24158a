"""What Keras and torch train on, and how, for the parity of training.

The underscore keeps it off the list of benchmarks.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

LENGTH, BATCH_SIZE, HIDDEN_SIZE = 20, 32, 64
THERMOMETERS = 3
SYMBOLS, CLASSES, EMBEDDING_SIZE = 11, 4, 16


class Batch(NamedTuple):
  inputs: np.ndarray  # [T, B, D], or [T, B] int
  targets: np.ndarray  # [B] int
  lengths: np.ndarray  # [B]


class Peer(NamedTuple):
  """A network of theirs and its optimizer."""

  arrays: Callable[[], dict[str, np.ndarray]]
  assign: Callable[[Mapping[str, Any]], None]
  step: Callable[[Batch], float]  # the loss before the update
  answers: Callable[[Batch], np.ndarray]  # what its loss reads


def temperatures(rng) -> Batch:
  """Days as three thermometers see them: will the next one be warmer?"""
  speed = rng.uniform(0.2, 0.8, BATCH_SIZE)
  start = rng.uniform(0, 2 * np.pi, BATCH_SIZE)
  days = np.sin(start + speed * np.arange(LENGTH + 1)[:, None])
  noise = 0.1 * rng.normal(size=(LENGTH, BATCH_SIZE, THERMOMETERS))
  return Batch(
    (days[:-1, :, None] + noise).astype(np.float32),
    (days[-1] > days[-2]).astype(np.int32),
    np.full(BATCH_SIZE, LENGTH),
  )


def sentences(rng) -> Batch:
  """Unsorted lengths from 1 to T: what is the last symbol, modulo K?"""
  lengths = rng.integers(1, LENGTH + 1, BATCH_SIZE)
  lengths[:2] = 1, LENGTH
  tokens = rng.integers(0, SYMBOLS, (LENGTH, BATCH_SIZE))
  last = tokens[lengths - 1, np.arange(BATCH_SIZE)]
  return Batch(tokens, (last % CLASSES).astype(np.int32), lengths)


def keras_peer(seed) -> Peer:
  os.environ.setdefault('KERAS_BACKEND', 'jax')
  import keras

  keras.utils.set_random_seed(seed)
  # By these names `exchange.dump` knows the layers.
  model = keras.Sequential(
    [
      keras.layers.SimpleRNN(HIDDEN_SIZE, name='simple_rnn'),
      keras.layers.Dense(1, activation='sigmoid', name='linear'),
    ]
  )
  model.build((BATCH_SIZE, LENGTH, THERMOMETERS))
  model.compile(optimizer='adam', loss='binary_crossentropy')
  weights = {w.path.partition('/')[2]: w for w in model.weights}
  xs = lambda batch: batch.inputs.swapaxes(0, 1)

  def assign(arrays):
    for name, weight in weights.items():
      weight.assign(np.asarray(arrays[name]))

  as_numpy = keras.ops.convert_to_numpy
  return Peer(
    lambda: {name: as_numpy(w.value) for name, w in weights.items()},
    assign,
    lambda batch: model.train_on_batch(xs(batch), batch.targets[:, None]),
    lambda batch: model.predict_on_batch(xs(batch)),
  )


def torch_peer(seed, name, **numbers) -> Peer:
  """With an optimizer of torch.optim, and its numbers."""
  import torch

  torch.manual_seed(seed)
  model = torch.nn.ModuleDict(
    {
      'embedding': torch.nn.Embedding(SYMBOLS, EMBEDDING_SIZE),
      'lstm': torch.nn.LSTM(EMBEDDING_SIZE, HIDDEN_SIZE),
      'linear': torch.nn.Linear(HIDDEN_SIZE, CLASSES),
    }
  )
  optimizer = getattr(torch.optim, name)(model.parameters(), **numbers)

  def logits(batch):
    packed = torch.nn.utils.rnn.pack_padded_sequence(
      model['embedding'](torch.tensor(batch.inputs)),
      torch.tensor(batch.lengths),
      enforce_sorted=False,
    )
    _, (h, _) = model['lstm'](packed)
    return model['linear'](h[-1])

  def step(batch):
    targets = torch.tensor(batch.targets, dtype=torch.int64)
    loss = torch.nn.functional.cross_entropy(logits(batch), targets)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()

  def assign(arrays):
    arrays = {k: torch.tensor(np.asarray(a)) for k, a in arrays.items()}
    model.load_state_dict(arrays)

  return Peer(
    # Copied, or they would follow the training.
    lambda: {k: w.numpy().copy() for k, w in model.state_dict().items()},
    assign,
    step,
    lambda batch: logits(batch).detach().numpy(),
  )
