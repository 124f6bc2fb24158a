"""From another framework's arrays to our params, and back."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from seqjax import errors
from seqjax.exchange import checks, grids, layouts, ours, search, surroundings
from seqjax.exchange import moves as moves_lib
from seqjax.exchange import pieces as pieces_lib
from seqjax.exchange import system as system_lib
from seqjax.exchange.network import SIDES, Network


def load(
  system: str,
  arrays: Mapping[str, Any],
  *,
  cell: str | None = None,
  bidirectional: bool | None = None,
  double_bias: bool = False,
  missing_bias: str = 'refuse',
  embedding: str | None = None,
  dense: str | None = None,
) -> Network:
  """Another framework's weights in our form; nothing is guessed.

  Layers are in the order of their names, as in lstm, lstm_1. The arrays may be
  JAX's, and the result differentiated with respect to them.

  Args:
    system: a name in `SYSTEMS`.
    arrays: name -> array, as the framework names them.
    cell: a name in `cells.CELLS`, where the weights do not say which it is:
      networks without gates by their activation.
    bidirectional: two directions take turns. None looks for 'backward' or
      'reverse' in the names.
    double_bias: keep two biases apart where the framework has two, so that
      training goes on as it does there; otherwise they are added up.
    missing_bias: 'zero' takes a bias that is not there for 0, which computes
      the same now, but is trained here; 'refuse'.
    embedding, dense: the names of these layers, such as 'head', where shapes do
      not tell one from the other, or whether a dense layer stands behind.

  Raises:
    UserError: an array too many, one missing or of another shape, a number that
      is not finite, another dtype than float32 or float64.

  Example:
    >>> gru = {
    ...   'weight_ih_l0': np.ones((6, 3), np.float32),
    ...   'weight_hh_l0': np.ones((6, 2), np.float32),
    ...   'bias_ih_l0': np.ones(6, np.float32),
    ...   'bias_hh_l0': np.ones(6, np.float32),
    ... }
    >>> network = load('torch', gru)
    >>> network.cell, network.recurrent['layer_0'].b.tolist()
    ('gru', [2.0, 2.0, 2.0, 2.0, 1.0, 1.0])
  """
  network, _ = loaded(
    system,
    arrays,
    cell=cell,
    bidirectional=bidirectional,
    double_bias=double_bias,
    missing_bias=missing_bias,
    embedding=embedding,
    dense=dense,
  )
  return network


def loaded(
  system,
  arrays,
  *,
  cell=None,
  bidirectional=None,
  double_bias=False,
  missing_bias='refuse',
  embedding=None,
  dense=None,
) -> tuple[Network, list[moves_lib.Move]]:
  """As `load`, and what went where."""
  known = _require_system(system)
  if missing_bias not in ('refuse', 'zero'):
    raise errors.unknown('missing_bias', missing_bias, ('refuse', 'zero'))
  checks.arrays(arrays)
  stack = search.stack(
    system,
    arrays,
    cell=cell,
    bidirectional=bidirectional,
    missing_bias=missing_bias,
  )
  options = _options(system, stack, arrays, double_bias)
  target = ours.layout(stack.cell, options)
  recurrent, moves, widths = {}, [], []
  for layer, parts in enumerate(stack.parts):
    read = [_pieces(stack.module, part, arrays) for part in parts]
    sizes = read[0][1]
    if any(other != sizes for _, other in read):
      raise errors.UserError(
        f'{parts[0].example} and {parts[1].example} are of different sizes: '
        'they are no two directions of one layer.'
      )
    if widths and widths[-1][1] != sizes['D']:
      raise errors.UserError(
        f'{parts[0].example} reads {sizes["D"]} features, and the layer before '
        f'it gives {widths[-1][1]}: a layer is missing, or the order of the '
        'names is not that of the layers.'
      )
    widths.append((sizes['D'], sizes['P'] * len(parts)))
    for part, key, (pieces, _) in zip(
      parts, _keys(layer, len(parts)), read, strict=True
    ):
      pieces = pieces_lib.fitted(
        stack.cell, pieces, grids.names(target), 'seqjax'
      )
      recurrent[key] = pieces_lib.to_params(stack.cell, options, pieces)
      for end, name in part.names.items():
        shape, grid = np.shape(arrays[name]), part.layout[end]
        moves.append(
          moves_lib.read(name, shape, grid, f'recurrent/{key}', target)
        )
  network = Network(stack.cell, options, recurrent)
  rest = {name: arrays[name] for name in stack.rest}
  network, more = surroundings.loaded(
    known,
    network,
    rest,
    widths=widths,
    embedding=embedding,
    dense=dense,
    missing_bias=missing_bias,
  )
  weights = jax.tree.map(
    _own, (network.recurrent, network.embedding, network.dense)
  )
  # Once more: two finite biases may add up to infinity.
  checks.finite(
    {jax.tree_util.keystr(k): x for k, x in jax.tree.leaves_with_path(weights)}
  )
  names = ('recurrent', 'embedding', 'dense')
  weights = dict(zip(names, weights, strict=True))
  return network._replace(**weights), [*moves, *more]


def dump(
  system: str, network: Network, *, module: str | None = None
) -> dict[str, Any]:
  """Our weights as another framework has them: the inverse of `load`.

  Args:
    system: a name in `SYSTEMS`.
    network: what `load` gave, or one of your own.
    module: the name of one of the framework's layers, where it has two for the
      same cell, as nnx has OptimizedLSTMCell and LSTMCell.

  Returns:
    name -> array, in the order of the layers. Stems that a person chooses are
    ours; 'embedding' and 'linear' stand for what is around the layers.

  Raises:
    UserError: the framework has no such cell, or no place for one of its
      weights.

  Example:
    >>> lstm = {
    ...   'lstm/linear/w': np.ones((5, 8), np.float32),
    ...   'lstm/linear/b': np.zeros(8, np.float32),
    ... }
    >>> network = load('haiku', lstm)
    >>> dump('keras', network)['lstm/lstm_cell/bias'].tolist()
    [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
  """
  return dumped(system, network, module=module)[0]


def dumped(
  system, network, *, module=None
) -> tuple[dict[str, Any], list[moves_lib.Move]]:
  """As `dump`, and what went where."""
  known = _require_system(system)
  cell, options = ours.canonical(network.cell, network.options)
  network = network._replace(cell=cell, options=options)
  target = ours.layout(cell, options)
  chosen = _module_for(system, network, target, module)
  if system == 'torch' and len(set(network.hidden_sizes)) > 1:
    raise errors.UserError(
      f"torch's {chosen.name} has one width for all its layers, and this "
      f'network has {", ".join(map(str, network.hidden_sizes))}.'
    )
  before, after, moves = surroundings.dumped(known, network)
  prefix = f'{chosen.name}.' if known.separator == '.' and moves else ''
  arrays, by_layer = {}, network.by_layer
  for layer, sides in enumerate(by_layer):
    for side, (key, params) in enumerate(
      zip(_keys(layer, len(sides)), sides, strict=True)
    ):
      pieces = pieces_lib.fitted(
        network.cell,
        pieces_lib.of_params(network.cell, network.options, params),
        grids.names(chosen.arrays),
        f"{system}'s {chosen.name}",
      )
      stem = known.stem(chosen.name, layer, side, len(by_layer), len(sides))
      for end, grid in chosen.arrays.items():
        name = system_lib.joined(known, prefix, stem, end)
        arrays[name] = grids.packed(grid, pieces)
        moves.append(
          moves_lib.written(
            name,
            np.shape(arrays[name]),
            grid,
            f'recurrent/{key}',
            target,
            chosen.arrays,
          )
        )
  arrays = before | arrays | after
  return {name: _own(array) for name, array in arrays.items()}, moves


def _own(array):
  """A copy in the order of rows, as safetensors.numpy writes the memory."""
  is_numpy = isinstance(array, np.ndarray)
  return np.array(array, order='C') if is_numpy else array


def _require_system(system):
  if system not in layouts.SYSTEMS:
    raise errors.unknown('framework', system, layouts.SYSTEMS)
  return layouts.SYSTEMS[system]


def _options(system, stack, arrays, double_bias):
  """What the weights say of the cell."""
  there = grids.names(stack.module.arrays)
  options = {}
  if 'w_p' in there:
    _, sizes = _pieces(stack.module, stack.parts[0][0], arrays)
    options['projection'] = sizes['P']
  if double_bias:
    second = {name for name in there if name.startswith('b_h.')}
    if ours.FAMILIES[stack.cell] == 'gru':
      second.discard('b_h.n')  # It is no double.
    if not second:
      raise errors.UserError(
        f'{system} keeps one bias for a {stack.cell}: leave out double_bias.'
      )
    options['double_bias'] = True
  return options


def _keys(layer, directions):
  """What `layers.Recurrent` calls the params of a layer."""
  sides = SIDES if directions > 1 else ('',)
  return [f'layer_{layer}{side}' for side in sides]


def _pieces(module, part, arrays):
  """Of one direction, with zeros for biases that were to be taken for 0."""
  own = {end: arrays[name] for end, name in part.names.items()}
  sizes = grids.sizes_of(part.layout, own, part.names.__getitem__)
  dtype = own[next(iter(own))].dtype
  pieces = {
    name: np.zeros(sizes['H'], dtype)
    for name in grids.names(module.arrays)
    if name not in grids.names(part.layout)
  }
  for end, grid in part.layout.items():
    pieces |= grids.unpacked(grid, own[end], sizes)
  return pieces, sizes


def _module_for(system, network, target, name):
  modules = layouts.SYSTEMS[system].modules
  if name is not None and name not in {m.name for m in modules}:
    raise errors.unknown(f'layer of {system}', name, {m.name for m in modules})
  fitting = [m for m in modules if network.cell in m.cells]
  if not fitting:
    raise search.without(system, network.cell)
  fitting = [
    m for m in fitting if ('w_p' in target) == ('w_p' in grids.names(m.arrays))
  ]
  if not fitting:
    raise errors.UserError(
      f'This {network.cell} has a projection, and {system} has none.'
    )
  fitting = [m for m in fitting if name in (None, m.name)]
  if not fitting:
    raise errors.UserError(f"{system}'s {name} is no {network.cell}.")
  return fitting[0]
