"""Ten training steps from the same weights, beside Keras and torch.

  ./launch.sh bench training_parity [--steps=10] [--seed=0]

A peer's network is drawn there and loaded here; both then see the same batches,
in the same order. Keras: SimpleRNN and Dense with a sigmoid, binary
cross-entropy, adam. torch: Embedding, packed LSTM and Linear, cross-entropy,
Adam or SGD. The table shows the loss of each batch before its step; `one bias`
is ours without double_bias, which parts from torch, where two biases move as
one that is twice as fast. At the end our trained network is written into a
newly drawn one of the peer, and what it gives the loss for a fresh batch is
compared with ours. Where a difference is above 1e-5, relative, the exit code is
70. A peer that is not installed is left out.
"""

import importlib.util
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import _timing, _training_peers
from benchmarks._training_peers import Batch, Peer
from seqjax import exchange, losses

US, ONE_BIAS, LIMIT = 'seqjax', 'one bias', 1e-5


class Case(NamedTuple):
  """What is trained, there and here.

  Attributes:
    system: a name in `exchange.SYSTEMS`.
    batch: rng -> Batch.
    peer: seed -> Peer.
    options: of `exchange.load`.
    optimizer: ours.
    loss: of logits [B, K] and targets.
    activation: of the logits, to what the peer answers.
  """

  system: str
  batch: Callable[[np.random.Generator], Batch]
  peer: Callable[[int], Peer]
  options: Mapping[str, Any]
  optimizer: optax.GradientTransformation
  loss: Callable
  activation: Callable = lambda logits: logits


class Comparison(NamedTuple):
  """Losses of all batches [steps], and how far the trained networks differ."""

  theirs: np.ndarray
  ours: dict[str, np.ndarray]  # with one bias too, where they have two
  answers: float  # relative to the largest

  @property
  def differences(self) -> dict[str, np.ndarray]:
    theirs = self.theirs
    return {k: np.abs(v - theirs) / theirs for k, v in self.ours.items()}


def adam_of_keras():
  """Keras adds epsilon to the root of v before its bias is corrected."""
  epsilon = lambda step: 1e-7 / jnp.sqrt(1 - 0.999 ** (step + 1))
  return optax.inject_hyperparams(optax.adam)(1e-3, eps=epsilon)


def binary_cross_entropy(logits, targets):
  # The sigmoid of z is the softmax of (0, z).
  return cross_entropy(jnp.pad(logits, ((0, 0), (1, 0))), targets)


def cross_entropy(logits, targets):
  nats, weight = losses.cross_entropy(
    logits, targets, jnp.ones(len(targets), logits.dtype)
  )
  return nats / weight


def _torch_case(optimizer, name, **numbers):
  return Case(
    'torch',
    _training_peers.sentences,
    lambda seed: _training_peers.torch_peer(seed, name, **numbers),
    {'double_bias': True},
    optimizer,
    cross_entropy,
  )


CASES = {
  'Keras SimpleRNN, adam': Case(
    'keras',
    _training_peers.temperatures,
    _training_peers.keras_peer,
    {'cell': 'elman'},
    adam_of_keras(),
    binary_cross_entropy,
    jax.nn.sigmoid,
  ),
  'torch LSTM, Adam': _torch_case(optax.adam(1e-3), 'Adam'),
  'torch LSTM, SGD': _torch_case(optax.sgd(1.0), 'SGD', lr=1.0),
}


def answers(network, batch):
  """What the dense layer reads off the last valid state, [B, K]."""
  xs = batch.inputs
  if network.embedding is not None:
    xs = network.embedding[xs]
  mask = jnp.arange(len(xs))[:, None] < batch.lengths[None]
  _, carry, _ = network.module().apply(
    {'params': network.recurrent}, xs, mask=mask
  )
  return carry[-1].h @ network.dense.kernel + network.dense.bias[None]


def train(network, batches, case):
  """The loss of each batch before its step, and the trained network."""

  def loss_of(params, batch):
    logits = answers(network._replace(**params), batch)
    return case.loss(logits, batch.targets)

  @jax.jit
  def step(params, opt_state, batch):
    value, grads = jax.value_and_grad(loss_of)(params, batch)
    updates, opt_state = case.optimizer.update(grads, opt_state)
    return value, optax.apply_updates(params, updates), opt_state

  parts = ('embedding', 'recurrent', 'dense')
  params = {part: getattr(network, part) for part in parts}
  opt_state = case.optimizer.init(params)
  values = []
  for batch in batches:
    value, params, opt_state = step(params, opt_state, batch)
    values.append(float(value))
  return np.array(values), network._replace(**params)


def compare(case, steps=10, seed=0) -> Comparison:
  """Trains a case there and here, and lets both answer a fresh batch."""
  rng = np.random.default_rng(seed)
  *batches, fresh = (case.batch(rng) for _ in range(steps + 1))
  peer = case.peer(seed)
  arrays = peer.arrays()
  theirs = np.array([float(peer.step(batch)) for batch in batches])

  options = {US: case.options}
  if 'double_bias' in case.options:
    options[ONE_BIAS] = case.options | {'double_bias': False}
  ours, trained = {}, {}
  for label, chosen in options.items():
    network = exchange.load(case.system, arrays, **chosen)
    ours[label], trained[label] = train(network, batches, case)

  # Into one that was not trained, whose own weights would show.
  other = case.peer(seed + 1)
  other.assign(exchange.dump(case.system, trained[US]))
  expected = other.answers(fresh)
  answer = jax.jit(lambda batch: case.activation(answers(trained[US], batch)))
  found = answer(fresh)
  error = np.abs(found - expected).max() / np.abs(expected).max()
  return Comparison(theirs, ours, float(error))


def show(name, system, comparison):
  apart = comparison.differences
  print(f'{name}\n{"step":>4} {system:>10}', end='')
  print(*(f'{label:>11} {"difference":>10}' for label in apart), sep='')
  for i, loss in enumerate(comparison.theirs):
    columns = (
      f'{comparison.ours[label][i]:11.7f} {apart[label][i]:10.1e}'
      for label in apart
    )
    print(f'{i + 1:4} {loss:10.7f}', *columns, sep='')
  largest = ', '.join(f'{k} {v.max():.1e}' for k, v in apart.items())
  print(f'Largest difference: {largest}; of answers {comparison.answers:.1e}\n')


def main():
  parser = _timing.parser(__doc__, 'training_parity')
  parser.add_argument('--steps', type=int, default=10)
  parser.add_argument('--seed', type=int, default=0)
  options = parser.parse_args()
  if options.steps < 1:
    parser.error(f'--steps must be at least 1, got {options.steps}.')

  print(f'{_timing.machine()}; seed {options.seed}\n')
  above = []
  for name, case in CASES.items():
    if not importlib.util.find_spec(case.system):
      print(f'{name}: {case.system} is not installed.\n')
      continue
    comparison = compare(case, options.steps, options.seed)
    show(name, case.system, comparison)
    largest = np.max([*comparison.differences[US], comparison.answers])
    if not largest <= LIMIT:  # NaN neither.
      above.append(name)
  if above:
    print(f'Above {LIMIT:g}: {"; ".join(above)}.')
    sys.exit(70)


if __name__ == '__main__':
  main()
