"""Which arrays of a file are the weights of which layer."""

import collections
import itertools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from seqjax import errors
from seqjax.exchange import grids, layouts, ours
from seqjax.exchange import system as system_lib

# What names a direction, in torch at the end and elsewhere as a folder.
_BACKWARD = re.compile(r'_l\d+_reverse$|(^|/)backward(_|/|$)')


class Part(NamedTuple):
  """One direction of one layer.

  Attributes:
    stem: what its arrays' names have in common.
    names: the end of a name in the module's layout -> the name.
    layout: of the arrays that are there; a missing bias is not.
  """

  stem: str
  names: dict[str, str]
  layout: grids.Layout

  @property
  def example(self) -> str:
    return next(iter(self.names.values()))


class Stack(NamedTuple):
  """The recurrent layers of a file: [layer][direction], and what is left."""

  cell: str
  module: system_lib.Module
  parts: list[list[Part]]
  rest: list[str]


def stack(
  system_name: str,
  arrays: Mapping[str, Any],
  *,
  cell: str | None,
  bidirectional: bool | None,
  missing_bias: str,
) -> Stack:
  """Finds the recurrent layers; the arguments are those of `load`."""
  system = layouts.SYSTEMS[system_name]
  modules = _modules_for(system_name, system, cell)
  fitting, reasons = [], {}
  for module, groups in _nearest(system, modules, arrays):
    try:
      parts = [
        _part(module, stem, names, arrays, missing_bias)
        for stem, names in groups.items()
      ]
    except errors.UserError as error:
      reasons[module.name] = str(error)
    else:
      fitting.append((module, parts))
  if not fitting:
    raise _nothing(system_name, system, modules, arrays, reasons)
  if len({module.cells for module, _ in fitting}) > 1:
    known = ', '.join(m.cells[0] for m, _ in fitting)
    raise errors.UserError(
      f'These weights could be of any of these: {known}. Name one with cell.'
    )
  module, parts = fitting[0]
  activations = [c for c in module.cells if c in ours.ELMAN and c != 'irnn']
  if cell is None and len(activations) > 1:
    raise errors.UserError(
      'Weights do not say the activation of a network without gates. Name the '
      f'cell: {", ".join(activations)} (elman is tanh).'
    )
  used = {name for part in parts for name in part.names.values()}
  return Stack(
    cell or module.cells[0],
    module,
    _in_layers(parts, bidirectional),
    [name for name in arrays if name not in used],
  )


def numbered(stem: str) -> list[tuple[str, int]]:
  """The words of a stem, each with its number, or -1: lstm, lstm_1, lstm_10.

  >>> numbered('encoder.lstm_10')
  [('encoder', -1), ('lstm', 10)]
  >>> numbered('_l2_reverse'), numbered('layers/1/forward')
  ([('_l', 2)], [('layers', -1), ('', 1), ('', -1)])
  """
  words = []
  for word in re.split(r'[./]', stem):
    word = re.sub(r'(?<=_l)(\d+)_reverse$|forward|backward', r'\1', word)
    name, number = re.fullmatch(r'(.*?)_?(\d*)', word).groups()
    words.append((name, int(number or -1)))
  return words


def _layer_of_torch(stem):
  """What torch numbers from 0, as in weight_ih_l0; else None."""
  match = re.search(r'(?:^|\.)_l(\d+)(_reverse)?$', stem)
  return int(match[1]) if match else None


def _modules_for(system_name, system, cell):
  if cell is None:
    return system.modules
  if cell not in ours.FAMILIES:
    raise errors.unknown('cell with a counterpart', cell, ours.FAMILIES)
  modules = [module for module in system.modules if cell in module.cells]
  if not modules:
    raise without(system_name, cell)
  return modules


def without(system_name: str, cell: str) -> errors.UserError:
  """The error for a cell that a framework does not have."""
  there = {c for m in layouts.SYSTEMS[system_name].modules for c in m.cells}
  others = {'gru': 'gru_reset_before', 'gru_reset_before': 'gru'}
  if others.get(cell) in there:
    order = ['before', 'after'][cell == 'gru']
    other = ['after', 'before'][cell == 'gru']
    return errors.UserError(
      f'{system_name} resets the state of a GRU {other} the product, and '
      f'{cell} resets it {order} the product: no weights of the one compute '
      'the other.'
    )
  return errors.UserError(
    f'{system_name} has no {cell}; it has {", ".join(sorted(there))}.'
  )


def _nearest(system, modules, arrays):
  """The modules that leave the fewest names open, each with its groups."""
  found = []
  for module in modules:
    if groups := _groups(system, module, arrays):
      absent = sum(len(module.arrays) - len(names) for names in groups.values())
      strangers = sum(
        len(_strangers(stem, names, arrays)) for stem, names in groups.items()
      )
      found.append((absent + strangers, module, groups))
  least = min((open for open, *_ in found), default=0)
  return [(module, groups) for open, module, groups in found if open == least]


def _groups(system, module, arrays):
  """stem -> {end of a name -> name}, of all that holds recurrent weights."""
  groups = collections.defaultdict(dict)
  for name in arrays:
    if found := system_lib.split(system, module, name):
      stem, end = found
      groups[stem][end] = name
  # These a dense layer or an embedding has as well.
  shared = {system.kernel, system.bias, system.embedding}
  return {s: names for s, names in groups.items() if names.keys() - shared}


def _part(module, stem, names, arrays, missing_bias):
  """Checks that the arrays of one group are those of the module."""
  missing = [end for end in module.arrays if end not in names]
  biases = [
    end
    for end in missing
    if all(p.source in ('b', 'b_h') for p in module.arrays[end].pieces)
  ]
  example = next(iter(names.values()))
  if missing != biases:
    end = next(end for end in missing if end not in biases)
    raise errors.UserError(
      f'There is {example}, and no {end} that belongs to it.'
    )
  if biases and missing_bias != 'zero':
    raise errors.UserError(
      f'There is {example}, and no {biases[0]} that belongs to it: this '
      'network has no bias, and ours would learn one. To begin it at 0 ask '
      "for missing_bias='zero'."
    )
  if strangers := _strangers(stem, names, arrays):
    raise errors.UserError(f'{strangers[0]} is no array of a {module.name}.')
  layout = {end: module.arrays[end] for end in module.arrays if end in names}
  own = {end: arrays[names[end]] for end in layout}
  grids.sizes_of(layout, own, names.__getitem__)
  return Part(stem, {end: names[end] for end in layout}, layout)


def _strangers(stem, names, arrays):
  """What is named as if it belonged to a layer, and does not."""
  return [
    name
    for name in arrays
    if name not in names.values()
    and _has_stem(name, stem)
    and '/' not in name.removeprefix(f'{stem}/')
  ]


def _has_stem(name, stem):
  # torch names a layer at the end: weight_ih_l0.
  if _layer_of_torch(stem) is not None:
    prefix, _, number = stem.rpartition('_l')
    return name.startswith(prefix) and name.endswith(f'_l{number}')
  return bool(stem) and name.startswith(f'{stem}/')


def _in_layers(parts, bidirectional):
  """[layer][direction], in the order of the names."""
  parts = sorted(parts, key=lambda part: numbered(part.stem))
  _require_one_network(parts)
  backward = [part for part in parts if _BACKWARD.search(part.stem)]
  if not backward and not bidirectional:
    return [[part] for part in parts]
  if not backward:  # They take turns.
    forward, backward = parts[::2], parts[1::2]
  else:
    forward = [part for part in parts if not _BACKWARD.search(part.stem)]
  if len(forward) != len(backward) or bidirectional is False:
    raise errors.UserError(
      f'{len(forward)} directions read forward and {len(backward)} backward: '
      'every layer needs both, or all one.'
    )
  return [list(pair) for pair in zip(forward, backward, strict=True)]


def _require_one_network(parts):
  """Names that differ in numbers alone, and no number left out."""
  stems = [numbered(part.stem) for part in parts]
  first = _layer_of_torch(parts[0].stem)
  for (a, b), (before, after) in zip(
    itertools.pairwise(stems), itertools.pairwise(parts), strict=True
  ):
    if [name for name, _ in a] != [name for name, _ in b]:
      raise errors.UserError(
        f'{before.example} and {after.example} may be of two networks, or of '
        'one in this order: leave one out, or name the layers alike with a '
        'number each, as in lstm_0 and lstm_1.'
      )
    # Behind a name without a number comes 1; where a person gave it, maybe 2.
    is_torch = _layer_of_torch(after.stem) is not None
    steps = [
      y - (x + (1 + is_torch) * (x < 0 < y))
      for (_, x), (_, y) in zip(a, b, strict=True)
    ]
    # torch begins each of its modules at 0.
    begins = _layer_of_torch(after.stem) not in (None, 0) and any(steps[:-1])
    if max(steps) > 1 or begins:
      raise errors.UserError(
        f'There is {before.example}, then {after.example}: a layer between '
        'them is missing. Layers are numbered one by one.'
      )
  if first:
    raise errors.UserError(
      f'There is {parts[0].example}, and layer 0 is missing.'
    )


def _nothing(system_name, system, modules, arrays, reasons):
  distinct = list(dict.fromkeys(reasons.values()))
  if len(distinct) == 1:
    return errors.UserError(distinct[0])
  if distinct:
    said = '; '.join(f'as {name}: {text}' for name, text in reasons.items())
    return errors.UserError(
      f'These weights fit no layer of {system_name}: {said}'
    )
  module = modules[0]
  stem = system.stem(module.name, 0, 0, 1, 1)
  expected = [
    system_lib.joined(system, '', stem, end) for end in list(module.arrays)[:2]
  ]
  there = ', '.join(list(arrays)[:3]) or 'none'
  return errors.UserError(
    f'No recurrent layer of {system_name} among {len(arrays)} arrays ({there}'
    f'{", ..." if len(arrays) > 3 else ""}); expected names that end as in '
    f'{" and ".join(expected)}.'
  )
