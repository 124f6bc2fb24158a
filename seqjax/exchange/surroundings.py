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
  *,
  widths: list[tuple[int, int]],
  embedding: str | None,
  dense: str | None,
  missing_bias: str,
) -> tuple[Network, list[Move]]:
  """The network with what is left of a file.

  Args:
    system: whose arrays these are.
    network: the recurrent layers.
    rest: the arrays that are not theirs.
    widths: of each recurrent layer, what it reads and what it puts out.
    embedding, dense: their names, where shapes leave it open which is which or
      where it stands.
    missing_bias: as of `load`.

  Raises:
    UserError: something else is left, or one of them does not fit, or could
      stand elsewhere.
  """
  groups, found, moves = {}, {}, []
  for name in rest:
    stem, _, end = name.rpartition(system.separator)
    groups.setdefault(stem, {})[end] = name
  for kind, stem in (('embedding', embedding), ('dense', dense)):
    if stem is not None and stem not in groups:
      raise errors.unknown(f'{kind} layer', stem, groups)
  has_head = any(len(ends) == 2 for ends in groups.values())
  for stem, names in groups.items():
    kind = _kind(system, stem, names, rest, widths, embedding, dense, has_head)
    if kind in found:
      raise errors.UserError(
        f'{", ".join([*found[kind].values(), *names.values()])} could each be '
        f'of the {kind} layer, and a network here has one.'
      )
    found[kind] = names
    for end, name in names.items():
      moves.append(_move(system, kind, end, name, rest[name]))
  if names := found.get('embedding'):
    table = _embedding(*names.values(), rest, widths[0][0])
    network = network._replace(embedding=table)
  if names := found.get('dense'):
    head = _dense(system, names, rest, widths[-1][1], missing_bias)
    if dense is None:
      _require_behind(system, names[system.kernel], head, widths, network)
    network = network._replace(dense=head)
  return network, moves


def _kind(system, stem, names, rest, widths, embedding, dense, has_head):
  """Whether these arrays are the embedding or the dense layer."""
  if stem in (embedding, dense):
    return 'embedding' if stem == embedding else 'dense'
  ends = names.keys()
  if ends == {system.kernel, system.bias}:
    return 'dense'
  if ends == {system.embedding} and system.embedding != system.kernel:
    return 'embedding'
  if ends != {system.kernel}:
    raise errors.UserError(
      f'Nobody has a place for {", ".join(names.values())}: beside recurrent '
      'layers, one embedding before them and one dense layer behind are '
      'understood. Leave out what else there is.'
    )
  if system.embedding != system.kernel:
    return 'dense'
  # In torch an embedding and a dense layer without a bias look alike.
  [name] = names.values()
  columns = np.shape(rest[name])[-1:]
  could_be = [
    kind
    for kind, width in (('embedding', widths[0][0]), ('dense', widths[-1][1]))
    if columns == (width,) and not (kind == 'dense' and has_head)
  ]
  if could_be == ['embedding', 'dense'] and 'emb' not in stem.lower():
    raise errors.UserError(
      f'{name} may be an embedding or a dense layer without a bias: say '
      f'embedding={stem!r} or dense={stem!r}.'
    )
  return (could_be or ['embedding'])[0]


def _require_behind(system, name, dense, widths, network):
  """Refuses a dense layer that could stand before or between the others."""
  reads, gives = np.shape(dense.kernel)
  before = [None if network.embedding is None else network.input_size]
  before += [outputs for _, outputs in widths[:-1]]
  for outputs, (inputs, _) in zip(before, widths, strict=True):
    if outputs in (None, reads) and inputs == gives:
      raise errors.UserError(
        f'{name} could stand before a recurrent layer as well, for it gives '
        f'{gives} features and one reads as many. If it stands behind all, say '
        f'dense={name.rpartition(system.separator)[0]!r}.'
      )


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


def _dense(system, names, rest, width, missing_bias):
  kernel = rest[names[system.kernel]]
  shape = np.shape(kernel)[::-1] if system.transposed else np.shape(kernel)
  if system.bias in names:
    bias = rest[names[system.bias]]
  elif missing_bias == 'zero':
    bias = np.zeros(shape[1:], kernel.dtype)
  else:
    raise errors.UserError(
      f'{names[system.kernel]} has no bias, and ours would learn one. To begin '
      "it at 0 ask for missing_bias='zero'."
    )
  if len(shape) != 2 or np.shape(bias) != shape[1:]:
    raise errors.UserError(
      f'{" and ".join(names.values())} are no dense layer: their shapes are '
      f'{", ".join(str(list(np.shape(rest[n]))) for n in names.values())}.'
    )
  if shape[0] != width:
    raise errors.UserError(
      f'{names[system.kernel]} reads {shape[0]} features, and the recurrent '
      f'layers give {width}.'
    )
  return Dense(kernel.T if system.transposed else kernel, bias)


def _embedding(name, rest, width):
  shape = np.shape(rest[name])
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
