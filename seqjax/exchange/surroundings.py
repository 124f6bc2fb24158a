"""The embedding before the recurrent layers, and the dense layer behind."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seqjax import errors
from seqjax.exchange import system as system_lib
from seqjax.exchange.moves import Move
from seqjax.exchange.network import Dense, Network

# What we call them in the files that we write.
_EMBEDDING, _DENSE = 'embedding', 'linear'


def loaded(
  system: system_lib.System,
  network: Network,
  rest: Mapping[str, Any],
  width: int,
) -> tuple[Network, list[Move]]:
  """The network with what is left of a file.

  Args:
    system: whose arrays these are.
    network: the recurrent layers.
    rest: the arrays that are not theirs.
    width: of what they put out.

  Raises:
    UserError: something else is left, or one of them does not fit.
  """
  groups, found, moves = {}, {}, []
  for name in rest:
    stem, _, end = name.rpartition(system.separator)
    groups.setdefault(stem, {})[end] = name
  for names in groups.values():
    ends = names.keys()
    if ends == {system.kernel, system.bias}:
      kind, value = 'dense', _dense(system, names, rest, width)
    elif ends == {system.embedding}:
      kind, value = 'embedding', _embedding(*names.values(), rest, network)
    else:
      raise errors.UserError(
        f'Nobody has a place for {", ".join(names.values())}: beside recurrent '
        'layers, one embedding and one dense layer with a bias are understood. '
        'Leave out what else there is.'
      )
    if kind in found:
      raise errors.UserError(
        f'{found[kind]} and {next(iter(names.values()))} could each be the '
        f'{kind} layer: leave one out.'
      )
    found[kind] = next(iter(names.values()))
    network = network._replace(**{kind: value})
    for end, name in names.items():
      moves.append(_move(system, kind, end, name, rest[name]))
  return network, moves


def dumped(
  system: system_lib.System, network: Network
) -> tuple[dict[str, Any], dict[str, Any], list[Move]]:
  """Arrays before the recurrent layers, arrays behind, and a line for each."""
  name = lambda stem, end: f'{stem}{system.separator}{end}'
  before, after, moves = {}, {}, []
  if network.embedding is not None:
    before[name(_EMBEDDING, system.embedding)] = network.embedding
  if network.dense is not None:
    kernel, bias = network.dense
    after[name(_DENSE, system.kernel)] = (
      kernel.T if system.transposed else kernel
    )
    after[name(_DENSE, system.bias)] = bias
  for kind, arrays in (('embedding', before), ('dense', after)):
    for full, array in arrays.items():
      end = full.rpartition(system.separator)[2]
      moves.append(_move(system, kind, end, full, array))
  return before, after, moves


def _dense(system, names, rest, width):
  kernel, bias = rest[names[system.kernel]], rest[names[system.bias]]
  shape = np.shape(kernel)[::-1] if system.transposed else np.shape(kernel)
  if len(shape) != 2 or np.shape(bias) != shape[1:]:
    raise errors.UserError(
      f'{names[system.kernel]} {list(np.shape(kernel))} and '
      f'{names[system.bias]} {list(np.shape(bias))} are no dense layer.'
    )
  if shape[0] != width:
    raise errors.UserError(
      f'{names[system.kernel]} reads {shape[0]} features, and the recurrent '
      f'layers give {width}.'
    )
  return Dense(kernel.T if system.transposed else kernel, bias)


def _embedding(name, rest, network):
  shape, width = np.shape(rest[name]), network.input_size
  if len(shape) != 2 or shape[1] != width:
    raise errors.UserError(
      f'{name} has the shape {list(shape)}; the first recurrent layer reads '
      f'{width} features: expected [V, {width}].'
    )
  return rest[name]


def _move(system, kind, end, name, array):
  if kind == 'embedding':
    return Move(name, np.shape(array), 'embedding', '')
  is_kernel = end == system.kernel
  how = 'transposed' if is_kernel and system.transposed else ''
  ours = f'dense/{"kernel" if is_kernel else "bias"}'
  return Move(name, np.shape(array), ours, how)
