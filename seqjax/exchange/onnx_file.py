"""Networks as ONNX files: a graph that other runtimes run, and back."""

import os
import pathlib
from typing import NamedTuple

import numpy as np

from seqjax import errors, files
from seqjax.exchange import onnx_graph, onnx_model, onnx_operators, onnx_paths
from seqjax.exchange.network import Network

# protobuf neither writes nor reads more.
_MAX_BYTES = 2**31 - 1


class Content(NamedTuple):
  """What a file holds: the arguments of `load('onnx', ...)`.

  Attributes:
    arrays: by name: 'layers/0/W', or 'layers/0/forward/W' and
      'layers/0/backward/W'; 'embedding/embedding', 'linear/kernel'.
    cell: a name in `cells.CELLS`.
    bidirectional: whether the layers read both ways.
    left_out: what the model does beside, as "Softmax 'probabilities'".
  """

  arrays: dict[str, np.ndarray]
  cell: str
  bidirectional: bool
  left_out: list[str]


def read(path: str | os.PathLike) -> Content:
  """Reads the recurrent layers of a model, and what stands around them.

  Understood are LSTM, GRU or RNN, one behind the other; an embedding (Gather)
  before them, a dense layer (Gemm, or MatMul and Add) behind. Between them may
  stand what puts axes in another order and ends in ours, and before the dense
  layer what picks steps. Functions of one value without weights at the end, as
  Softmax, are left out, and said to be. Lengths and states that a caller passes
  in are left out too.

  Raises:
    UserError: the file is missing, empty, no ONNX model, or computes what no
      cell of ours does; onnx is not installed.
  """
  path = pathlib.Path(os.path.expanduser(path))
  graph = onnx_graph.read(path)
  nodes = [n for n in graph.nodes if n.op_type in onnx_operators.NAMES]
  if not nodes:
    there = ', '.join(sorted({node.op_type for node in graph.nodes})) or 'none'
    raise errors.UserError(
      f'{path} has no LSTM, GRU or RNN; its operators are: {there}.'
    )
  start = onnx_paths.beginning(graph, nodes[0])
  onnx_paths.require_lengths(graph, start, nodes)
  arrays, kinds = {}, set()
  if start.table:
    arrays[onnx_model.EMBEDDING] = graph.take(start.table)
  for layer, node in enumerate(nodes):
    if layer:
      onnx_paths.require_between(graph, start, nodes[layer - 1], node)
    cell, directions = onnx_operators.cell_of(node)
    kinds.add((cell, directions))
    arrays |= _weights(graph, start.data, node, layer, directions)
  if len(kinds) > 1:
    said = ', '.join(
      f'{cell} in {("one direction", "both directions")[directions - 1]}'
      for cell, directions in sorted(kinds)
    )
    raise errors.UserError(
      f'{path} has layers of several kinds: {said}. A network here has one.'
    )
  dense, result, left_out = _dense(graph, start, nodes[-1])
  arrays |= dense
  if left := graph.left():
    raise errors.UserError(
      f'{path} computes something with {", ".join(left[:3])} that is not '
      'understood: beside recurrent layers there may be one embedding right '
      'before and one dense layer right behind them.'
    )
  left_out += onnx_paths.left_out(graph, start, nodes, result)
  [(cell, directions)] = kinds
  peepholes = {name: x for name, x in arrays.items() if name.endswith('/P')}
  if not any(x.any() for x in peepholes.values()):
    arrays = {name: x for name, x in arrays.items() if name not in peepholes}
  elif cell == 'lstm':
    cell = 'lstm_peephole'
  else:
    raise errors.UserError(f'{path} has peepholes, and no {cell} of ours has.')
  return Content(arrays, cell, directions == 2, left_out)


def write(path: str | os.PathLike, network: Network) -> None:
  """Writes a model that onnxruntime runs; an older file is replaced whole.

  Inputs: `x` [T, B, D] in the dtype of the weights, or `tokens` [T, B] int64
  where there is an embedding; `lengths` [B] int32, in [0, T]: how many steps
  are valid, from the first on. T and B may be of any size.

  Outputs: `outputs` [T, B, H], twice as wide for two directions and 0 on
  padding; or `logits` [T, B, K] where there is a dense layer. The states behind
  the last valid step: `h` and for an LSTM `c`, [L * directions, B, H], layer by
  layer, forward before backward. Where layers differ in H, each has its own:
  `layers/0/h` [directions, B, H].

  onnxruntime has recurrent layers in float32 alone.

  Raises:
    UserError: the path does not end in .onnx; ONNX has no such cell or no place
      for one of its weights; a weight is not finite; the file cannot be written
      there, or would be larger than 2 GiB; onnx is not installed.
  """
  path = pathlib.Path(os.path.expanduser(path))
  if path.suffix.lower() != '.onnx':
    raise errors.unknown('ending', path.suffix, ['.onnx'])
  model = onnx_model.described(network)
  n_bytes = model.ByteSize()
  if n_bytes > _MAX_BYTES:
    raise errors.UserError(
      f'cannot write {path}: it would have {n_bytes} bytes, and an ONNX file '
      f'holds {_MAX_BYTES}. Write .safetensors.'
    )
  try:
    files.atomic_write(path, model.SerializeToString(deterministic=True))
  except OSError as error:
    raise errors.UserError(
      f'cannot write {path}: {error.strerror or error}.'
    ) from error


def _weights(graph, data, node, layer, directions):
  """{name: array} of one node, its peepholes included."""
  called = onnx_operators.called(node)
  for name in node.input[onnx_operators.STATES]:
    if name and not graph.is_zero_or_given(name, data):
      raise errors.UserError(
        f'{called} begins with the state {name!r}, which is neither zero nor '
        'an input of the model. A network here begins with zeros.'
      )
  arrays = {}
  for end, index in onnx_operators.INPUTS.items():
    name = node.input[index] if len(node.input) > index else ''
    if not name:
      continue
    array = graph.take(name)
    if array is None:
      raise errors.UserError(
        f'{called} has no weights for {end}, but a value that is computed or '
        f'passed in, {name!r}. Export the model with its constants folded and '
        'its weights not quantized.'
      )
    n_axes = 3 if end in 'WR' else 2
    if np.ndim(array) != n_axes or len(array) != directions:
      raise errors.UserError(
        f'{end} of {called} has the shape {list(array.shape)}; expected '
        f'{n_axes} axes, of which the first has {directions}.'
      )
    for side in range(directions):
      arrays[onnx_model.name(layer, side, directions, end)] = array[side]
  size = graph.constants[node.input[onnx_operators.INPUTS['R']]].shape[-1]
  said = onnx_graph.attributes(node).get('hidden_size', size)
  if said != size:
    raise errors.UserError(
      f'{called} says hidden_size={said}, and its R is of {size}.'
    )
  if node.op_type == 'LSTM':
    # Another layer may have peepholes.
    for side in range(directions):
      r, p = (onnx_model.name(layer, side, directions, end) for end in 'RP')
      none = np.zeros(3 * arrays[r].shape[-1], arrays[r].dtype)
      arrays.setdefault(p, none)
  return arrays


def _dense(graph, start, node):
  """{name: array} of the dense layer behind the last, or {}.

  Then the name of what it gives, and what picks steps before it.
  """
  for reader in graph.nodes:
    if reader.op_type not in ('Gemm', 'MatMul'):
      continue
    source = graph.origin(reader.input[0], onnx_graph.SOME)
    kernel = graph.constants.get(reader.input[1])
    given = onnx_graph.attributes(reader)
    plain = {'alpha': 1.0, 'beta': 1.0, 'transA': 0}
    if (
      source not in node.output[:2]
      or np.ndim(kernel) != 2
      or any(given.get(name, value) != value for name, value in plain.items())
    ):
      continue
    called, result = onnx_operators.called(reader), reader.output[0]
    steps = onnx_paths.steps(graph, start, node, source, reader.input[0])
    if not steps:
      raise errors.UserError(
        f'{called} does not read the outputs of {onnx_operators.called(node)} '
        'as they are, but some of the features, or in another order, or not '
        'the same steps of each sequence.'
      )
    is_whole = source == node.output[0] and len(steps) == start.sizes[0]
    graph.take(reader.input[1])
    kernel = kernel.T if given.get('transB') else kernel
    arrays = {onnx_model.KERNEL: kernel}
    biases = [(name, result) for name in reader.input[2:] if name]
    biases += _added(graph, result)
    for name, result_then in biases[:1]:
      if np.shape(graph.constants.get(name)) == kernel.shape[1:]:
        arrays[onnx_model.BIAS] = graph.take(name)
        result = result_then
    return (
      arrays,
      result,
      [] if is_whole else [f'the steps not read by {called}'],
    )
  return {}, '', []


def _added(graph, name):
  """Names of what is added to a value, and of the sums."""
  return [
    (other, node.output[0])
    for node in graph.nodes
    if node.op_type == 'Add' and name in node.input
    for other in node.input
    if other != name
  ]
