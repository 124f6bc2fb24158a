"""Training step of every cell, beside that of the plain LSTM, in one run.

  ./launch.sh bench cells [--rounds=11] [--cells=gru,mgu] [--shape=B,T,D,H]
      [--out=benchmarks/results/cells.json]

As in the benchmark `recurrence`: gradient with respect to parameters and
inputs, float32, the cells take turns, medians. `time` is that of the cell over
that of the LSTM, and `arithmetic` the same ratio of the operations of one step
forward, as XLA counts them (exp and tanh count nothing). Where the first is no
more than the second, a cell costs what its arithmetic costs.

A convolutional cell gets an example of as many numbers, at 16 places, and a
state of as many. The time of a regularised LSTM includes drawing the masks.
"""

import math
import statistics

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _timing
from seqjax import cells, layers, recurrence

REFERENCE = 'lstm'
# (B, T, D, H)
SHAPE = (32, 100, 128, 256)
# By how many axes an example has before its features.
PLACES = {0: (), 1: (16,), 2: (4, 4)}
# The LSTM under regularisers.
REGULARIZED = {
  'lstm+zoneout': {'zoneout_h_rate': 0.1, 'zoneout_c_rate': 0.1},
  'lstm+state_dropout': {'state_dropout_rate': 0.1},
  'lstm+candidate_dropout': {'candidate_dropout_rate': 0.1},
  'lstm+weight_dropout': {'weight_dropout_rate': 0.1},
}


def build(name) -> cells.Cell:
  return cells.CELLS[REFERENCE if name in REGULARIZED else name]()


def sizes(cell, shape):
  """The shape of one example, and the hidden size."""
  _, _, input_size, hidden_size = shape
  places = PLACES[len(cells.input_shape(cell)) - 1]
  count = math.prod(places)
  return (*places, input_size // count), hidden_size // count


def training_step(name, shape, rng):
  """The gradient at random parameters and inputs, as a program."""
  cell = build(name)
  example, hidden_size = sizes(cell, shape)
  draw = lambda shape: jnp.asarray(rng.normal(size=shape), jnp.float32)
  xs = draw((shape[1], shape[0], *example))
  params = cell.init(jax.random.key(0), xs[0, 0], hidden_size)
  module = layers.Recurrent(cell, (hidden_size,))

  def outputs(params, xs, key):
    variables = {'params': {'layer_0': params}}
    rates = REGULARIZED.get(name)
    return module.apply(variables, xs, key=key, rates=rates).outputs

  # An argument, or the masks could be drawn when the program is compiled.
  key = jax.random.key(1)
  weights = draw(jax.eval_shape(outputs, params, xs, key).shape)
  loss = lambda *args: jnp.sum(weights * outputs(*args))
  gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))
  return lambda: jax.block_until_ready(gradient(params, xs, key))


def operations(cell, shape) -> float:
  """What one step forward of one example takes, as XLA counts it."""
  example, hidden_size = sizes(cell, shape)
  x_t = jax.ShapeDtypeStruct(example, jnp.float32)
  params = jax.eval_shape(
    lambda key: cell.init(key, x_t, hidden_size), jax.random.key(0)
  )
  carry = jax.eval_shape(cell.carry, params, x_t)
  step = lambda params, carry, x_t: cells.step(
    cell, params, carry, cell.project(params, x_t)
  )
  return jax.jit(step).lower(params, carry, x_t).cost_analysis()['flops']


def main():
  parser = _timing.parser(__doc__, 'cells')
  parser.add_argument('--rounds', type=int, default=11)
  parser.add_argument(
    '--cells', help='by default all, and the regularised LSTM'
  )
  parser.add_argument('--shape', default=','.join(map(str, SHAPE)))
  parser.add_argument('--out', help='a file for the result, as JSON')
  options = parser.parse_args()
  asked = _timing.pick(parser, options.cells, [*cells.CELLS, *REGULARIZED])
  shape = tuple(map(int, options.shape.split(',')))
  # The reference takes part once, whatever is asked for.
  names = list(dict.fromkeys([REFERENCE, *asked]))

  rng = np.random.default_rng(0)
  first, seconds = _timing.take_turns(
    {name: training_step(name, shape, rng) for name in names},
    options.rounds,
    rng,
  )
  median = {name: statistics.median(seconds[name]) for name in names}
  counted = {name: operations(build(name), shape) for name in names}
  print(f'{_timing.machine()}; (B, T, D, H) = {shape}')
  print(
    f'{"cell":22} {"engine":8} {"ms":>9} {"time":>6} {"arithmetic":>10} '
    f'{"compile":>8}'
  )
  rows = []
  for name in names:
    row = {
      'cell': name,
      'engine': recurrence.engine_for(build(name)),
      'median_ms': 1e3 * median[name],
      'time': median[name] / median[REFERENCE],
      'arithmetic': counted[name] / counted[REFERENCE],
      'first_call_s': first[name],
    }
    rows.append(row)
    print(
      '{cell:22} {engine:8} {median_ms:9.2f} {time:6.2f} {arithmetic:10.2f} '
      '{first_call_s:8.2f}'.format(**row)
    )
  _timing.save(options.out, rounds=options.rounds, shape=shape, rows=rows)


if __name__ == '__main__':
  main()
