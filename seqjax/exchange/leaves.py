"""A network's parameters by name, as checkpoints and runs keep them."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from seqjax import errors
from seqjax.exchange import ours
from seqjax.exchange.network import Dense, Network

_RECURRENT = 'params/recurrent/'
_EMBEDDING = 'params/embedding/embedding'
_DENSE = 'params/scores/'


def of_network(network: Network) -> dict[str, np.ndarray]:
  """The parameters of a `models.LanguageModel` by their paths.

  >>> from seqjax import cells
  >>> params = cells.ElmanParams(np.ones((3, 2)), np.ones((2, 2)), np.ones(2))
  >>> list(of_network(Network('elman', {}, {'layer_0': params})))
  ... # doctest: +NORMALIZE_WHITESPACE
  ['params/recurrent/layer_0/w_x', 'params/recurrent/layer_0/w_h',
   'params/recurrent/layer_0/b']
  """
  leaves = {}
  if network.embedding is not None:
    leaves[_EMBEDDING] = network.embedding
  for layer, params in network.recurrent.items():
    for field, value in params._asdict().items():
      if value is not None:
        leaves[f'{_RECURRENT}{layer}/{field}'] = value
  if network.dense is not None:
    for name, value in network.dense._asdict().items():
      leaves[f'{_DENSE}{name}'] = value
  return {name: np.asarray(value) for name, value in leaves.items()}


def to_network(
  leaves: Mapping[str, Any], cell: str, options: Mapping[str, Any]
) -> Network:
  """The inverse of `of_network`.

  Args:
    leaves: path -> array.
    cell, options: as of `Network`; the paths do not say them.

  Raises:
    UserError: a cell that no other framework has, or a parameter that has no
      place there.
  """
  cell, options = ours.canonical(cell, options)
  ours.layout(cell, options)  # Refuses what no other framework has.
  layers, dense, embedding = {}, {}, None
  for name, value in leaves.items():
    if '_initial/' in name or '/shortcut_' in name:
      raise errors.UserError(
        f'{name} has no place in another framework: learned initial states and '
        'shortcuts stay here.'
      )
    if match := re.fullmatch(rf'{_RECURRENT}(layer_\w+)/(\w+)', name):
      layers.setdefault(match[1], {})[match[2]] = value
    elif name == _EMBEDDING:
      embedding = value
    elif name in (f'{_DENSE}kernel', f'{_DENSE}bias'):
      dense[name.removeprefix(_DENSE)] = value
    else:
      raise errors.UserError(
        f'{name} has no place in another framework: what is exchanged are '
        'recurrent layers, an embedding before them and a dense layer behind.'
      )
  family = ours.PARAMS[ours.FAMILIES[cell]]
  for layer, fields in layers.items():
    if strangers := set(fields) - set(family._fields):
      raise errors.UserError(
        f'{layer} has {min(strangers)}, which is no parameter of --cell={cell}.'
      )
    nothing = dict.fromkeys(family._fields)
    layers[layer] = family(**{**nothing, **fields})
  return Network(
    cell, options, layers, embedding, Dense(**dense) if dense else None
  )
