"""The graph of an ONNX file: nodes, constants, and what comes from where."""

import os
import pathlib
from typing import Any, NamedTuple

import numpy as np

from seqjax import errors

# Pass their first input on; in another order of axes; in another shape; some
# of it; copies.
SAME = {'Cast', 'Dropout', 'Identity'}
TURNED = {'Squeeze', 'Transpose', 'Unsqueeze', *SAME}
SHAPED = {'Reshape', *TURNED}
SOME = {'Gather', 'Slice', *SHAPED}
_COPIES = {'Expand', 'Tile', *SOME}
# What a node can be a constant by, and the dtype that it then has.
_CONSTANTS = {
  'value': None,
  'value_float': np.float32,
  'value_floats': np.float32,
  'value_int': np.int64,
  'value_ints': np.int64,
}
# Operators of ONNX itself; before 7 some had other attributes.
_DOMAINS, _FIRST_OPSET = ('', 'ai.onnx'), 7


class Graph(NamedTuple):
  """What is asked of a graph.

  Attributes:
    nodes: in an order in which they can be computed.
    producers: name of a value -> the node that computes it.
    constants: name -> array.
    inputs: name -> dtype and sizes; 0 for an open size, [] for no sizes.
    outputs: names.
    opset: the version of the operators.
    taken: the ids of the arrays that have been taken.
  """

  nodes: list[Any]
  producers: dict[str, Any]
  constants: dict[str, np.ndarray]
  inputs: dict[str, tuple[np.dtype, list[int]]]
  outputs: list[str]
  opset: int
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
    while (node := self.producers.get(name)) and node.op_type in through:
      # Behind the first output of a Dropout is its mask.
      if name != node.output[0]:
        break
      name = node.input[0]
    return name

  def is_zero_or_given(self, name: str, data: str) -> bool:
    """Whether a value is zeros, or passed in beside the data."""
    if name in self.constants:
      return not self.take(name).any()
    if name not in self.producers:
      return name in self.inputs and name != data
    node = self.producers[name]
    if node.op_type == 'ConstantOfShape':
      return not np.any(attributes(node).get('value', 0))
    if node.op_type == 'Concat':
      return all(self.is_zero_or_given(part, data) for part in node.input)
    if node.op_type not in _COPIES:
      return False
    return self.is_zero_or_given(node.input[0], data)


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
    UserError: the file is missing, empty, no ONNX model, keeps its weights in
      other files, or has operators that are not ONNX's own; onnx is not
      installed.
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
    _give_types(onnx, model.graph)
    onnx.checker.check_model(model)
    _require_known(path, model)
    return _graph(onnx, model)
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


def _give_types(onnx, graph):
  """Fills in what the checker asks of inputs and outputs, and nobody needs."""
  for value in [*graph.input, *graph.output]:
    if value.type.WhichOneof('value') in (None, 'tensor_type'):
      tensor = value.type.tensor_type
      tensor.elem_type = tensor.elem_type or onnx.TensorProto.FLOAT
      tensor.shape.SetInParent()


def _require_known(path, model):
  """Refuses operators that others define, whatever they call them."""
  foreign = [
    (node.domain, node.op_type)
    for node in model.graph.node
    if node.domain not in _DOMAINS
  ]
  foreign += [
    (function.domain, function.name)
    for function in model.functions
    if function.domain in _DOMAINS
  ]
  if foreign:
    domain, name = foreign[0]
    owner = repr(domain) if domain else 'its own'
    raise errors.UserError(
      f'{path} has an operator {name} of {owner}. Understood are those of ONNX.'
    )
  opset = _opset(model)
  if opset < _FIRST_OPSET:
    raise errors.UserError(
      f'{path} has version {opset} of the operators; expected '
      f'{_FIRST_OPSET} or later: see onnx.version_converter.convert_version.'
    )


def _opset(model):
  versions = [o.version for o in model.opset_import if o.domain in _DOMAINS]
  return max(versions, default=1)


def _graph(onnx, model):
  graph, array = model.graph, onnx.numpy_helper.to_array
  constants = {tensor.name: array(tensor) for tensor in graph.initializer}
  for node in graph.node:
    if node.op_type == 'Constant':
      [(kind, value)] = attributes(node).items()
      if kind in _CONSTANTS:
        constants[node.output[0]] = np.asarray(value, _CONSTANTS[kind])
    if node.op_type == 'Identity' and node.input[0] in constants:
      constants[node.output[0]] = constants[node.input[0]]
  nodes = list(graph.node)
  producers = {name: node for node in nodes for name in node.output if name}
  inputs = {value.name: _described(onnx, value) for value in graph.input}
  outputs = [value.name for value in graph.output]
  return Graph(
    nodes, producers, constants, inputs, outputs, _opset(model), set()
  )


def _described(onnx, value):
  tensor = value.type.tensor_type
  dtype = onnx.helper.tensor_dtype_to_np_dtype(
    tensor.elem_type or onnx.TensorProto.FLOAT
  )
  return dtype, [max(d.dim_value, 0) for d in tensor.shape.dim]


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
