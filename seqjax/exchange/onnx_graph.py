"""The graph of an ONNX file: nodes, constants, and what comes from where."""

import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from seqjax import errors

# Pass their first input on, in another shape or order; some of it; copies.
SAME = {'Dropout', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Unsqueeze'}
SOME = {'Gather', 'Slice', *SAME}
_COPIES = {'Expand', 'Tile', *SOME}


class Graph(NamedTuple):
  """What is asked of a graph.

  Attributes:
    nodes: in an order in which they can be computed.
    producers: name of a value -> the node that computes it.
    constants: name -> array.
    taken: the ids of the arrays that have been taken.
  """

  nodes: list[Any]
  producers: dict[str, Any]
  constants: dict[str, np.ndarray]
  taken: set[int]

  def take(self, name: str) -> np.ndarray | None:
    """A constant, which is then no longer among those that are left."""
    array = self.constants.get(name)
    self.taken.add(id(array))
    return array

  def left(self) -> list[str]:
    """Names of the weights that nobody has taken."""
    return [
      name
      for name, array in self.constants.items()
      # The kind of bfloat16 is that of raw bytes. One number is no weight.
      if array.dtype.kind in 'fV' and array.size > 1
      if id(array) not in self.taken
    ]

  def origin(self, name: str, through: set[str]) -> str:
    """The value that another is made from by operators of some kinds."""
    while name in self.producers and self.producers[name].op_type in through:
      name = self.producers[name].input[0]
    return name

  def is_zero_or_given(self, name: str) -> bool:
    """Whether a value is zeros, or what the caller passes in."""
    if name in self.constants:
      return not self.take(name).any()
    if name not in self.producers:
      return True
    node = self.producers[name]
    if node.op_type == 'ConstantOfShape':
      return not np.any(attributes(node).get('value', 0))
    if node.op_type == 'Concat':
      return all(map(self.is_zero_or_given, node.input))
    return node.op_type in _COPIES and self.is_zero_or_given(node.input[0])


def library():
  """The package `onnx`, which not everybody needs."""
  try:
    import onnx
  except ImportError as error:
    raise errors.UserError(
      f'ONNX files need the package onnx ({error}): pip install onnx, or begin '
      'with SEQJAX_EXTRAS=exchange ./launch.sh.'
    ) from error
  return onnx


def read(path: pathlib.Path) -> Graph:
  """The graph of a file.

  Raises:
    UserError: the file is missing, empty, no ONNX model, or keeps its weights
      in other files; onnx is not installed.
  """
  onnx = library()
  from google.protobuf import message

  try:
    content = path.read_bytes()
  except OSError as error:
    raise errors.UserError(
      f'cannot read {path}: {error.strerror or error}.'
    ) from error
  if not content:
    raise errors.UserError(f'expected an ONNX model, but {path} is empty.')
  try:
    model = onnx.ModelProto.FromString(content)
    _require_inside(onnx, path, model)
    onnx.checker.check_model(model)
    return _graph(onnx, model.graph)
  except errors.UserError:
    raise
  except (
    message.DecodeError,
    onnx.checker.ValidationError,
    KeyError,
    TypeError,
    ValueError,
  ) as error:
    reason = str(error).strip().partition('\n')[0]
    raise errors.UserError(
      f'{path} is no ONNX model, or damaged or cut short ({reason}): fetch it '
      'or export it again.'
    ) from error


def _graph(onnx, graph):
  array = onnx.numpy_helper.to_array
  constants = {tensor.name: array(tensor) for tensor in graph.initializer}
  for node in graph.node:
    if node.op_type == 'Constant' and 'value' in attributes(node):
      constants[node.output[0]] = attributes(node)['value']
    if node.op_type == 'Identity' and node.input[0] in constants:
      constants[node.output[0]] = constants[node.input[0]]
  nodes = list(graph.node)
  producers = {name: node for node in nodes for name in node.output if name}
  return Graph(nodes, producers, constants, set())


def attributes(node) -> dict[str, Any]:
  """name -> value: numbers, strings, lists of them, or an array."""
  onnx = library()
  return {a.name: _value(onnx, a) for a in node.attribute}


def _value(onnx, attribute):
  value = onnx.helper.get_attribute_value(attribute)
  if isinstance(value, onnx.TensorProto):
    return onnx.numpy_helper.to_array(value)
  if isinstance(value, list):
    return [
      v.decode(errors='replace') if isinstance(v, bytes) else v for v in value
    ]
  return value.decode(errors='replace') if isinstance(value, bytes) else value


def _require_inside(onnx, path, model):
  tensors = [*model.graph.initializer]
  tensors += [a.t for node in model.graph.node for a in node.attribute]
  if any(map(onnx.external_data_helper.uses_external_data, tensors)):
    raise errors.UserError(
      f'{path} keeps weights in other files. Put them all into one where they '
      f"are: onnx.save(onnx.load({os.fspath(path)!r}), 'one.onnx')."
    )
