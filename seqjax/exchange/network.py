"""What is exchanged: recurrent layers, and what stands around them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from seqjax import cells, errors, layers

# Of a layer that reads both ways, as `layers.Recurrent` names its params.
SIDES = ('_forward', '_backward')


class Dense(NamedTuple):
  """y = x kernel + bias."""

  kernel: Any  # [H, K]
  bias: Any  # [K]


class Network(NamedTuple):
  """Weights in our form.

  Attributes:
    cell: a name in `cells.CELLS`.
    options: of its builder, such as {'projection': 64}.
    recurrent: the params of `layers.Recurrent`: {'layer_0': LSTMParams(...)},
      or 'layer_0_forward' and 'layer_0_backward'.
    embedding: [V, E], or None.
    dense: what reads the outputs, or None.
  """

  cell: str
  options: Mapping[str, Any]
  recurrent: Mapping[str, Any]
  embedding: Any = None
  dense: Dense | None = None

  @property
  def directions(self) -> int:
    return 2 if f'layer_0{SIDES[0]}' in self.recurrent else 1

  @property
  def by_layer(self) -> list[list[Any]]:
    """The params of every direction of every layer."""
    sides = ('',) if self.directions == 1 else SIDES
    names = [
      [f'layer_{layer}{side}' for side in sides]
      for layer in range(len(self.recurrent) // len(sides))
    ]
    strangers = set(self.recurrent) - {n for layer in names for n in layer}
    if not self.recurrent or strangers:
      missing = 'no layer' if not strangers else f'{min(strangers)}'
      raise errors.UserError(
        f'The recurrent stack has {missing}, which no other framework has a '
        'place for: learned initial states and shortcuts stay here.'
      )
    return [[self.recurrent[name] for name in layer] for layer in names]

  @property
  def hidden_sizes(self) -> tuple[int, ...]:
    """H of every layer."""
    return tuple(hidden_size(layer[0]) for layer in self.by_layer)

  @property
  def input_size(self) -> int:
    """D, the features that the first layer reads."""
    return self.by_layer[0][0].w_x.shape[0]

  def module(self, **attributes) -> layers.Recurrent:
    """The stack that `recurrent` belongs to: {'params': recurrent}.

    Args:
      **attributes: of `layers.Recurrent`, e.g. compute_dtype.
    """
    return layers.Recurrent(
      cells.CELLS[self.cell](**self.options),
      self.hidden_sizes,
      bidirectional=self.directions == 2,
      **attributes,
    )


def hidden_size(params) -> int:
  """H of the params of an Elman network, an LSTM or a GRU."""
  gates = {cells.ElmanParams: 1, cells.LSTMParams: 4, cells.GRUParams: 3}
  return params.b.shape[0] // gates[type(params)]
