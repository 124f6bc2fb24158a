"""What is computed from weights exchanged with other frameworks, in one table.

  ./launch.sh bench parity [--systems=torch,keras] [--cells=lstm] \
    [--dtype=float32] [--out=FILE]

'in' takes random weights of theirs over by `exchange.load`, 'out' hands random
weights of ours over by `exchange.dump`. Both frameworks then compute outputs
for one batch, its rows of unequal lengths where theirs knows lengths, and the
gradients of sum(w * outputs) with respect to the inputs and to every array of
theirs, ours by way of `load`. 'round' is what the weights are after there and
back, from either side. Where the framework has two biases, 'in' adds them up
and 'out' has two.

An error is the largest in an array over its largest entry, and the table shows
the largest of all arrays. What exceeds 1e-5 in float32 or 1e-12 in float64 is
marked '!', and the exit code is 70. A framework that is not installed is left
out. onnxruntime has no gradients, and is of float32.
"""

import functools
import sys
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import _jax_peers, _peers, _timing
from seqjax import cells, exchange, layers
from seqjax.exchange import ours

# Without irnn, an elman_relu that begins in its own way.
CELLS = [cell for cell in ours.FAMILIES if cell != 'irnn']
LIMITS = {'float32': 1e-5, 'float64': 1e-12}
# Unsorted; whole, a single step, and two alike.
LENGTHS = np.array([4, 7, 1, 4, 6])
T, B, D = 7, 5, 3
# Where one module is the whole stack, its layers are alike.
WIDTHS, EQUAL_WIDTHS, PROJECTION = (5, 4), (4, 4), 2
STACKS = {
  # number of layers, bidirectional
  'one layer': (1, False),
  'stacked': (2, False),
  'bidirectional': (2, True),
}


class Case(NamedTuple):
  """A row of the table.

  Attributes:
    system: a name in `exchange.SYSTEMS`.
    number: of the layer among those of the system.
    cell: a name in `cells.CELLS`.
    stack: a name in `STACKS`.
    dtype: a name in `LIMITS`.
  """

  system: str
  number: int
  cell: str
  stack: str
  dtype: str

  @property
  def module(self):
    return exchange.SYSTEMS[self.system].modules[self.number]

  @property
  def pieces(self) -> set[str]:
    """What the layer consists of, as in `grids`."""
    grids = self.module.arrays.values()
    return {piece.name for grid in grids for piece in grid.pieces}

  @property
  def has_two_biases(self) -> bool:
    """Whether one of two biases can be left out."""
    second = {name for name in self.pieces if name.startswith('b_h.')}
    return bool(second - {'b_h.n'} if self.cell == 'gru' else second)

  @property
  def wanted(self) -> _jax_peers.Wanted:
    depth, bidirectional = STACKS[self.stack]
    widths = EQUAL_WIDTHS if self.system == 'torch' else WIDTHS
    return _jax_peers.Wanted(
      self.module.name,
      self.cell,
      D,
      widths[:depth],
      bidirectional,
      PROJECTION if 'w_p' in self.pieces else None,
      self.dtype,
    )

  def load(self, arrays, double_bias=False) -> exchange.Network:
    return exchange.load(
      self.system,
      arrays,
      cell=self.cell,
      bidirectional=self.wanted.bidirectional,
      double_bias=double_bias,
    )

  def dump(self, network, names):
    """name -> array, under their own names."""
    arrays = exchange.dump(self.system, network, module=self.module.name)
    if self.system == 'keras':
      # A person may name a layer of Keras: it takes weights by their order.
      return dict(zip(names, arrays.values(), strict=True))
    if arrays.keys() != set(names):
      raise ValueError(f'{self} has {set(names)}, and dump gave {set(arrays)}.')
    return arrays


def cases(systems, names, dtypes):
  """Everything that `exchange.SYSTEMS` says, in its order."""
  return [
    Case(system, number, cell, stack, dtype)
    for system in systems
    for number, module in enumerate(exchange.SYSTEMS[system].modules)
    for cell in module.cells
    if cell in names
    for stack in STACKS
    for dtype in dtypes
    if (system, dtype) != ('onnx', 'float64')
  ]


def compare(case: Case) -> dict:
  """Errors of 'in' and 'out', each of outputs and gradients, and of 'round'."""
  with jax.enable_x64(case.dtype == 'float64'):
    return _compare(case)


def _compare(case):
  rng = np.random.default_rng(0)
  draw = lambda *shape: rng.normal(size=shape).astype(case.dtype)
  wanted = case.wanted
  shapes, run = _peers.peer(case.system, wanted)
  theirs = {name: draw(*shape) / 2 for name, shape in shapes.items()}
  mine = our_network(case, draw)
  there = case.dump(mine, shapes)
  knows_lengths = case.system not in _peers.WITHOUT_LENGTHS
  lengths = LENGTHS if knows_lengths else np.full(B, T)
  mask = np.arange(T)[:, None] < lengths
  xs, weigh = draw(T, B, D), mask[..., None] * draw(T, B, wanted.output_size)

  row = {
    'system': case.system,
    'layer': case.module.name,
    'cell': case.cell + ' projection' * bool(wanted.projection),
    'stack': case.stack,
    'dtype': case.dtype,
  }
  for way, network, arrays in (
    ('in', case.load(theirs), theirs),
    ('out', mine, there),
  ):
    outputs, gradients = run(arrays, xs, lengths, weigh)
    (_, ys), (d_recurrent, d_xs) = _ours(
      network.module(), network.recurrent, xs, mask, weigh
    )
    row[way] = {
      'outputs': error(ys, np.where(mask[..., None], outputs, 0)),
      'gradients': None,
    }
    if gradients is not None:
      twice = bool(network.options.get('double_bias'))
      d_arrays = _pulled(case, twice, arrays, d_recurrent)
      row[way]['gradients'] = error(d_arrays | {'inputs': d_xs}, gradients)
  back = case.load(there, case.has_two_biases).recurrent
  again = case.dump(case.load(theirs, case.has_two_biases), shapes)
  row['round'] = error((back, again), (mine.recurrent, theirs))
  return row


@functools.partial(jax.jit, static_argnums=0)
def _ours(module, recurrent, xs, mask, weigh):
  """Our loss and outputs, and the gradients of both weights and inputs."""

  def loss(recurrent, xs):
    ys = module.apply({'params': recurrent}, xs, mask=mask).outputs
    return jnp.sum(weigh * ys), ys

  return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(recurrent, xs)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _pulled(case, double_bias, arrays, d_recurrent):
  """From gradients of our weights to those of the arrays that `load` took."""
  load = lambda arrays: case.load(arrays, double_bias).recurrent
  _, back = jax.vjp(load, arrays)
  return back(d_recurrent)[0]


def our_network(case: Case, draw) -> exchange.Network:
  """One of ours, of random numbers, that the framework has a place for."""
  wanted = case.wanted
  options = {'projection': wanted.projection} if wanted.projection else {}
  if case.has_two_biases:
    options['double_bias'] = True
  module = layers.Recurrent(
    cells.CELLS[case.cell](**options),
    wanted.hidden_sizes,
    bidirectional=wanted.bidirectional,
  )
  xs = jax.ShapeDtypeStruct((T, B, D), case.dtype)
  shapes = jax.eval_shape(module.init, jax.random.key(0), xs)['params']
  params = jax.tree.map(lambda p: draw(*p.shape) / 2, shapes)
  if case.cell == 'gru' and 'b_h.n' not in case.pieces:
    params = {
      name: p._replace(b_n=np.zeros_like(p.b_n)) for name, p in params.items()
    }
  return exchange.Network(case.cell, options, params)


def error(ours, theirs) -> float:
  """Largest difference in an array over its largest entry, of all arrays."""

  def of_one(a, b):
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    if a.shape != b.shape:
      raise ValueError(f'Shapes {a.shape} and {b.shape} should be the same.')
    return np.abs(a - b).max() / (np.abs(b).max() or 1)

  # By name; and a NaN stays.
  return float(np.max(jax.tree.leaves(jax.tree.map(of_one, ours, theirs))))


def numbers(row) -> dict:
  """The five numbers of a row, by their columns."""
  return {
    f'{way} {what}': row[way][what]
    for way in ('in', 'out')
    for what in ('outputs', 'gradients')
  } | {'round': row['round']}


def is_beyond(value, dtype) -> bool:
  # NaN is.
  return value is not None and not value <= LIMITS[dtype]


def show(row):
  def shown(value):
    text = '-' if value is None else f'{value:.1e}' if value else '0'
    return text + '!' * is_beyond(value, row['dtype'])

  print(
    f'{row["system"]:8} {row["layer"]:18} {row["cell"]:16} {row["stack"]:14} '
    f'{row["dtype"]:8}',
    *(f'{shown(value):9}' for value in numbers(row).values()),
    flush=True,
  )


def main():
  parser = _timing.parser(__doc__, 'parity')
  parser.add_argument('--systems', help='by default all that are installed')
  parser.add_argument('--cells', help='by default all')
  parser.add_argument('--dtype', choices=LIMITS, help='by default both')
  parser.add_argument('--out', help='a file for the result, as JSON')
  options = parser.parse_args()
  systems = _timing.pick(parser, options.systems, exchange.SYSTEMS, 'framework')
  names = _timing.pick(parser, options.cells, CELLS)
  dtypes = [options.dtype] if options.dtype else list(LIMITS)
  missing = [s for s in systems if not _peers.is_installed(s)]
  if missing:
    print(f'Not installed, and left out: {", ".join(missing)}.')

  there = [system for system in systems if system not in missing]
  chosen = cases(there, names, dtypes)
  if not chosen:
    parser.error('none of these frameworks has such a cell in this dtype.')

  columns = ('outputs', 'grads', 'outputs', 'grads', 'round')
  print(f'{"":69}{"in":19} out')
  print(
    f'{"system":8} {"layer":18} {"cell":16} {"stack":14} {"dtype":8}',
    *(f'{column:9}' for column in columns),
  )
  rows = []
  for case in chosen:
    rows.append(compare(case))
    show(rows[-1])
  _timing.save(options.out, limits=LIMITS, missing=missing, rows=rows)
  beyond = sum(
    any(is_beyond(value, row['dtype']) for value in numbers(row).values())
    for row in rows
  )
  print(f'\n{len(rows)} rows, {beyond} beyond their limit.')
  if beyond:
    sys.exit(70)


if __name__ == '__main__':
  main()
