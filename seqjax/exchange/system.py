"""What a framework is to the exchange: how it keeps and names its arrays."""

import re
from collections.abc import Callable
from typing import NamedTuple

from seqjax.exchange import grids


class Module(NamedTuple):
  """A recurrent layer of a framework.

  Attributes:
    name: there.
    cells: names in `cells.CELLS` of what it computes; with several, the weights
      do not say which.
    arrays: of one direction of one layer: the end of an array's name -> Grid.
    stem: a pattern in the rest of the name, where the end alone may be that of
      another kind of layer.
  """

  name: str
  cells: tuple[str, ...]
  arrays: grids.Layout
  stem: str = ''


class System(NamedTuple):
  """A framework.

  Attributes:
    modules: its recurrent layers; of two that fit, the first is written.
    stem: (module, layer, direction, layers, directions) -> what stands before
      the end of a name that we write; direction is 0 for forward, 1 for
      backward.
    embedding: the end of the name of the matrix [V, E] of an embedding.
    kernel, bias: those of a dense layer.
    transposed: a dense layer's kernel is [K, H], not [H, K].
    separator: between the stem and the end.
  """

  modules: tuple[Module, ...]
  stem: Callable[[str, int, int, int, int], str]
  embedding: str
  kernel: str
  bias: str
  transposed: bool = False
  separator: str = '/'


def split(system: System, module: Module, name: str) -> tuple[str, str] | None:
  """The stem and the end of the name of an array of a module, or None."""
  if system.separator == '.':
    match = re.fullmatch(r'(.*\.|)([a-z_]+)(_l\d+(?:_reverse)?)', name)
    if match and match[2] in module.arrays:
      return match[1] + match[3], match[2]
    return None
  for ending in module.arrays:
    if name == ending or name.endswith(f'/{ending}'):
      stem = name.removesuffix(ending).removesuffix('/')
      if re.search(module.stem, stem.rpartition('/')[2]):
        return stem, ending
  return None


def joined(system: System, prefix: str, stem: str, ending: str) -> str:
  """The name of an array that we write: the inverse of `split`."""
  if system.separator == '.':
    return f'{prefix}{ending}{stem}'
  return f'{prefix}{stem}/{ending}'
