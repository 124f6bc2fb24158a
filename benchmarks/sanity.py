"""Does every cell learn? 200 steps on a small recall task, in one table.

  ./launch.sh bench sanity [--cells=gru,mgu] [--seed=0]

The first of twelve symbols is one of four; eleven others, drawn from another
four, follow; at the end the first is to be named. A cell of 32 units and a
linear readout of its last output learn it with Adam from fresh batches of 64,
and answer 2048 fresh sequences. If a cell stays below its score, the exit code
is 1.
"""

import sys
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from benchmarks import _timing
from seqjax import cells, recurrence
from seqjax.report import parameters

SYMBOLS, LENGTH, HIDDEN_SIZE = 4, 12, 32
STEPS, BATCH_SIZE, TEST_SIZE, LEARNING_RATE = 200, 64, 2048, 0.01
# One-hot; the symbols to recall before those that are not.
FEATURES = 2 * SYMBOLS


class Terms(NamedTuple):
  numbers: Mapping[str, Any] = {}  # of the cell's `init`
  score: float = 0.95  # the share of right answers that it must reach
  because: str = ''


# Cells that the usual terms do not suit.
TERMS = {
  'echo_state': Terms(
    {'spectral_radius': 1.4, 'input_scale': 0.1},
    score=0.8,
    because='32 units that do not learn hardly hold twelve symbols',
  ),
  'elman_relu': Terms(
    {'recurrent_scale': 2**0.5},
    because='relu lets half of the variance through',
  ),
  'elman_sigmoid': Terms(
    {'recurrent_scale': 6.0}, because='the slope of sigmoid is at most 1/4'
  ),
}


def batch(key, size):
  """Inputs [T, B, FEATURES], and the first symbol of each row [B]."""
  key_first, key_rest = jax.random.split(key)
  first = jax.random.randint(key_first, (size,), 0, SYMBOLS)
  tokens = jax.random.randint(key_rest, (LENGTH, size), SYMBOLS, FEATURES)
  return jax.nn.one_hot(tokens.at[0].set(first), FEATURES), first


def model(cell, numbers):
  """init(key) -> params and logits(params, xs) of a cell with a readout."""
  # A convolutional cell sees one symbol at all its positions.
  *positions, _ = cells.input_shape(cell)
  spread = tuple(range(2, 2 + len(positions)))

  def last_output(params, xs):
    xs = jnp.expand_dims(xs, spread)
    xs = jnp.broadcast_to(xs, (*xs.shape[:2], *positions, FEATURES))
    ys = recurrence.unroll(cell, params, xs).outputs
    return ys[-1].reshape(xs.shape[1], -1)

  def init(key):
    x_t = jnp.zeros((*positions, FEATURES))
    params = cell.init(key, x_t, HIDDEN_SIZE, **numbers)
    xs = jnp.zeros((LENGTH, 1, FEATURES))
    width = jax.eval_shape(last_output, params, xs).shape[1]
    return params, jnp.zeros((width, SYMBOLS)), jnp.zeros(SYMBOLS)

  def logits(params, xs):
    cell_params, w, b = params
    return last_output(cell_params, xs) @ w + b[None]

  return init, logits


def learn(cell, numbers, seed, steps=STEPS):
  """Accuracy on fresh data after training, and training steps per second."""
  init, logits = model(cell, numbers)
  optimizer = optax.adam(LEARNING_RATE)
  key_params, key_train, key_test = jax.random.split(jax.random.key(seed), 3)

  def loss(params, xs, first):
    return optax.softmax_cross_entropy_with_integer_labels(
      logits(params, xs), first
    ).mean()

  @jax.jit
  def train(i, params, opt_state):
    xs, first = batch(jax.random.fold_in(key_train, i), BATCH_SIZE)
    updates, opt_state = optimizer.update(
      jax.grad(loss)(params, xs, first), opt_state
    )
    return optax.apply_updates(params, updates), opt_state

  params = init(key_params)
  state = train(0, params, optimizer.init(params))
  start = time.perf_counter()
  for i in range(1, steps):
    state = train(i, *state)
  params, _ = jax.block_until_ready(state)
  rate = (steps - 1) / (time.perf_counter() - start)
  xs, first = batch(key_test, TEST_SIZE)
  right = jax.jit(logits)(params, xs).argmax(axis=-1) == first
  return float(right.mean()), rate


def main():
  parser = _timing.parser(__doc__, 'sanity')
  parser.add_argument('--cells', help='by default all')
  parser.add_argument('--seed', type=int, default=0)
  options = parser.parse_args()
  names = _timing.pick(parser, options.cells, cells.CELLS)

  print(f'{_timing.machine()}; seed {options.seed}')
  print(f'Whoever knows nothing scores {1 / SYMBOLS:.0%}.\n')
  print(
    f'{"cell":16} {"parameters":>10} {"steps/s":>8} {"accuracy":>8} '
    f'{"score":>6}'
  )
  below = []
  for name in names:
    cell, terms = cells.CELLS[name](), TERMS.get(name, Terms())
    accuracy, rate = learn(cell, terms.numbers, options.seed)
    if accuracy < terms.score:
      below.append(name)
    *positions, _ = cells.input_shape(cell)
    shape = (*positions, FEATURES)
    remarks = [
      *(['BELOW'] if name in below else []),
      *(f'{k}={v:.3g}' for k, v in terms.numbers.items()),
      *([terms.because] if terms.because else []),
    ]
    print(
      f'{name:16} {parameters.count(cell, shape, HIDDEN_SIZE):10} {rate:8.0f} '
      f'{accuracy:8.1%} {terms.score:6.0%}  {", ".join(remarks)}',
      flush=True,
    )
  if below:
    sys.exit(f'\nBelow the score: {", ".join(below)}.')


if __name__ == '__main__':
  main()
