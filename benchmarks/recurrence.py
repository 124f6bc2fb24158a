"""Training step and forward pass of one layer, beside the peers, in one run.

  ./launch.sh bench recurrence [--rounds=15] [--shapes=16,64,64,128]

Every system gets the same inputs, float32, and as many threads as it takes by
itself. A training step is the gradient of sum(w * outputs) with respect to
parameters and inputs. The systems take turns, in another order each round, so
that a change in the machine's speed meets all of them; the table shows the
median over the rounds and, in brackets, their time over ours: above 1 we are
faster. A peer that is not installed is left out.
"""

import functools
import importlib.util
import math
import statistics

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _jax_peers, _peers, _timing
from seqjax import cells, recurrence

CELLS = ('elman', 'lstm', 'gru')
# (B, T, D, H)
SHAPES = (
  (16, 64, 64, 128),
  (32, 100, 128, 128),
  (64, 100, 256, 256),
  (64, 40, 256, 512),
  (1, 256, 128, 256),
)
US = 'seqjax'


def compiled(outputs, params, xs, weights):
  """The two jitted programs of a JAX system: outputs is (params, xs) -> ys."""

  def loss(params, xs):
    return jnp.sum(weights * outputs(params, xs))

  train = jax.jit(jax.grad(loss, argnums=(0, 1)))
  forward = jax.jit(outputs)
  return {
    'train': lambda: jax.block_until_ready(train(params, xs)),
    'forward': lambda: jax.block_until_ready(forward(params, xs)),
  }


def seqjax_system(name, hidden_size, xs, weights):
  cell = cells.CELLS[name]()
  params = cell.init(jax.random.key(0), xs[0, 0], hidden_size)
  return compiled(
    lambda params, xs: recurrence.unroll(cell, params, xs).outputs,
    params,
    xs,
    weights,
  )


def flax_system(of, name, hidden_size, xs, weights):
  module = {
    'elman': 'SimpleCell',
    'lstm': 'OptimizedLSTMCell',
    'gru': 'GRUCell',
  }[name]
  shapes, outputs = of(
    _jax_peers.Wanted(module, name, xs.shape[-1], (hidden_size,))
  )
  rng = np.random.default_rng(0)
  params = {
    name: jnp.asarray(rng.normal(0, 0.1, shape), xs.dtype)
    for name, shape in shapes.items()
  }
  return compiled(outputs, params, xs, weights)


def torch_system(name, hidden_size, xs, weights):
  import torch

  kind = {'elman': 'rnn', 'lstm': 'lstm', 'gru': 'gru'}[name]
  module = _peers.torch_module(
    _jax_peers.Wanted(kind, name, xs.shape[-1], (hidden_size,))
  )
  inputs = torch.tensor(np.array(xs), requires_grad=True)
  weights = torch.tensor(np.array(weights))

  def train():
    module.zero_grad()
    inputs.grad = None
    (weights * module(inputs)[0]).sum().backward()

  def forward():
    with torch.no_grad():
      module(inputs)

  return {'train': train, 'forward': forward}


SYSTEMS = {
  US: seqjax_system,
  'flax nnx': functools.partial(flax_system, _jax_peers.of_nnx),
  'flax linen': functools.partial(flax_system, _jax_peers.of_linen),
  'torch': torch_system,
}


def measure(name, shape, systems, rounds):
  """Rows of one cell at one shape: seconds by system, and compile time."""
  batch_size, steps, input_size, hidden_size = shape
  rng = np.random.default_rng(0)
  draw = lambda size: jnp.asarray(
    rng.normal(size=(steps, batch_size, size)), jnp.float32
  )
  xs, weights = draw(input_size), draw(hidden_size)
  made = {s: SYSTEMS[s](name, hidden_size, xs, weights) for s in systems}
  rows = []
  for work in ('train', 'forward'):
    programs = {s: made[s][work] for s in systems}
    first, seconds = _timing.take_turns(programs, rounds, rng)
    rows.append(
      {
        'cell': name,
        'shape': shape,
        'work': work,
        'median_ms': {s: 1e3 * statistics.median(seconds[s]) for s in systems},
        'first_call_s': first,
      }
    )
  return rows


def ratios(row):
  ours = row['median_ms'][US]
  return {s: ms / ours for s, ms in row['median_ms'].items() if s != US}


def show(row):
  shape = '({})'.format(','.join(map(str, row['shape'])))
  theirs = ratios(row)
  columns = [f'{row["median_ms"][s]:9.2f} ({theirs[s]:5.2f})' for s in theirs]
  print(
    f'{row["cell"]:6} {row["work"]:8} {shape:18} {row["median_ms"][US]:9.2f}',
    *columns,
    f'{row["first_call_s"][US]:8.2f}',
    flush=True,
  )


def geometric_means(rows):
  """(cell, work) -> system -> geometric mean of the ratios over the shapes."""
  found = {}
  for row in rows:
    for system, ratio in ratios(row).items():
      key = f'{row["cell"]} {row["work"]}'
      found.setdefault(key, {}).setdefault(system, []).append(ratio)
  return {
    key: {
      s: math.exp(statistics.fmean(map(math.log, r))) for s, r in by.items()
    }
    for key, by in found.items()
  }


def main():
  parser = _timing.parser(__doc__, 'recurrence')
  parser.add_argument('--rounds', type=int, default=15)
  parser.add_argument('--cells', help='by default elman, lstm and gru')
  parser.add_argument('--shapes', help='B,T,D,H; several separated by ;')
  parser.add_argument('--out', help='a file for the result, as JSON')
  options = parser.parse_args()
  shapes = SHAPES
  if options.shapes:
    shapes = [tuple(map(int, s.split(','))) for s in options.shapes.split(';')]
  needs = {'torch': 'torch', 'flax nnx': 'flax', 'flax linen': 'flax'}
  systems = [
    s for s in SYSTEMS if s == US or importlib.util.find_spec(needs[s])
  ]

  print(f'{_timing.machine()}; milliseconds')
  print(
    f'{"cell":6} {"work":8} {"(B,T,D,H)":18} {US:>9}',
    *(f'{s:>17}' for s in systems if s != US),
    f'{"compile":>8}',
  )
  rows = []
  for name in _timing.pick(parser, options.cells, CELLS):
    for shape in shapes:
      for row in measure(name, shape, systems, options.rounds):
        rows.append(row)
        show(row)
  means = geometric_means(rows)
  print('\nTheir time over ours, geometric mean over the shapes:')
  for key, by in means.items():
    print(f'{key:15}', *(f'{s} {r:.2f}  ' for s, r in by.items()))

  _timing.save(
    options.out, rounds=options.rounds, geometric_means=means, rows=rows
  )


if __name__ == '__main__':
  main()
