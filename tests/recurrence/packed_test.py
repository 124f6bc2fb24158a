"""torch's packed sequences, reproduced by a mask."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized
from closeness import assert_close

from seqjax import cells, exchange

T, B, D, H, LAYERS = 7, 5, 3, 4, 2
# Unsorted; whole, a single step, and two alike.
LENGTHS = np.array([4, 7, 1, 4, 6])
MASK = np.arange(T)[:, None] < LENGTHS
CARRIES = {
  'elman': cells.HiddenCarry,
  'gru': cells.HiddenCarry,
  'lstm': cells.LSTMCarry,
}


def draw(seed, *shape):
  return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def score(results, factors):
  """A number that every result enters, each entry with its own factor."""
  return sum((f * x).sum() for f, x in zip(factors, results, strict=True))


def theirs(torch, module, xs, state, factors):
  """[outputs, final state ...]; gradients of weights, inputs and state."""
  xs, *state = (torch.tensor(x, requires_grad=True) for x in (xs, *state))
  packed, final = module(
    torch.nn.utils.rnn.pack_padded_sequence(
      xs, torch.tensor(LENGTHS), enforce_sorted=False
    ),
    tuple(state) if len(state) > 1 else state[0],
  )
  outputs, _ = torch.nn.utils.rnn.pad_packed_sequence(packed)
  results = [outputs, *(final if len(state) > 1 else [final])]
  score(results, map(torch.tensor, factors)).backward()
  grads = {name: w.grad for name, w in module.named_parameters()}
  return [r.detach() for r in results], (
    grads,
    xs.grad,
    [s.grad for s in state],
  )


def ours(name, bidirectional, weights, xs, state, factors):
  """As `theirs`: differentiated through the exchange, for torch's layout."""

  def loss(weights, xs, state):
    network = exchange.load('torch', weights, cell=name)
    carry = [CARRIES[name](*c) for c in zip(*state, strict=True)]
    if bidirectional:
      carry = list(zip(carry[::2], carry[1::2], strict=True))
    outputs, last, _ = network.module().apply(
      {'params': network.recurrent}, xs, carry, mask=MASK
    )
    last = jax.tree.leaves(last, is_leaf=lambda c: hasattr(c, 'h'))
    results = [outputs, *map(jnp.stack, zip(*last, strict=True))]
    return score(results, factors), results

  grad = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)
  grads, results = jax.jit(grad)(weights, xs, state)
  return results, grads


class PackedTest(parameterized.TestCase):
  @parameterized.product(name=tuple(CARRIES), bidirectional=(False, True))
  def test_two_layers_with_a_given_state(self, name, bidirectional):
    torch = pytest.importorskip('torch')
    torch.manual_seed(0)
    kind = {'elman': torch.nn.RNN, 'gru': torch.nn.GRU, 'lstm': torch.nn.LSTM}
    module = kind[name](D, H, LAYERS, bidirectional=bidirectional)
    directions = 1 + bidirectional
    state = [
      draw(seed, LAYERS * directions, B, H)
      for seed, _ in enumerate(CARRIES[name]._fields)
    ]
    xs, outputs = draw(2, T, B, D), draw(3, T, B, H * directions)
    factors = [outputs, *(draw(4 + i, *s.shape) for i, s in enumerate(state))]
    weights = {
      k: jnp.asarray(w.detach().numpy()) for k, w in module.named_parameters()
    }
    jax.tree.map(
      assert_close,
      ours(name, bidirectional, weights, xs, state, factors),
      theirs(torch, module, xs, state, factors),
    )


if __name__ == '__main__':
  absltest.main()
