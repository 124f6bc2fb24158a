"""Networks as ONNX models: a graph that other runtimes run."""

import numpy as np

from seqjax.exchange import (
  checks,
  convert,
  layouts,
  onnx_graph,
  onnx_operators,
  ours,
)

# From 14 to 21 the recurrent operators stay as they are. 17, with version 8 of
# the format, is what runtimes read since 2022.
_OPSET, _IR_VERSION = 17, 8
# As `convert` names what stands around the layers.
EMBEDDING = 'embedding/embedding'
KERNEL, BIAS = 'linear/kernel', 'linear/bias'


def name(layer: int, side: int, directions: int, end: str) -> str:
  """The name of an array in `layouts.SYSTEMS['onnx']`.

  >>> name(0, 0, 1, 'W'), name(1, 1, 2, 'R')
  ('layers/0/W', 'layers/1/backward/R')
  """
  stem = layouts.SYSTEMS['onnx'].stem
  return f'{stem("", layer, side, layer + 1, directions)}/{end}'


def described(network):
  """The ModelProto of a `Network`; what it computes, `onnx_file.write` says."""
  onnx = onnx_graph.library()
  cell, options = ours.canonical(network.cell, network.options)
  network = network._replace(cell=cell, options=options)
  arrays = _arrays(network)
  nodes, shapes, outputs = _nodes(onnx.helper.make_node, network, arrays)
  info = onnx.helper.make_tensor_value_info
  weights = arrays['layers/0/W']
  dtype = onnx.helper.np_dtype_to_tensor_dtype(weights.dtype)
  first = info('x', dtype, ['T', 'B', weights.shape[-1]])
  if network.embedding is not None:
    first = info('tokens', onnx.TensorProto.INT64, ['T', 'B'])
  constants = arrays | shapes
  graph = onnx.helper.make_graph(
    nodes,
    network.cell,
    [first, info('lengths', onnx.TensorProto.INT32, ['B'])],
    [info(name, dtype, shape) for name, shape in outputs.items()],
    [onnx.numpy_helper.from_array(x, name) for name, x in constants.items()],
  )
  return onnx.helper.make_model(
    graph,
    opset_imports=[onnx.helper.make_opsetid('', _OPSET)],
    ir_version=_IR_VERSION,
    producer_name='seqjax',
  )


def _arrays(network):
  """The weights by the names that they have in a file of ours."""
  apart = convert.dump('onnx', network)
  checks.arrays(apart)
  arrays = {n: apart[n] for n in (EMBEDDING, KERNEL, BIAS) if n in apart}
  for layer in range(len(network.by_layer)):
    for end in onnx_operators.INPUTS:
      sides = range(network.directions)
      names = [name(layer, side, len(sides), end) for side in sides]
      if names[0] in apart:
        arrays[f'layers/{layer}/{end}'] = np.stack([apart[n] for n in names])
  return {name: np.asarray(array) for name, array in arrays.items()}


def _nodes(make, network, arrays):
  """The nodes, constants beside the weights, and the shapes of the outputs."""
  directions, n_layers = network.directions, len(network.by_layer)
  operator = onnx_operators.OPERATORS[network.cell].name
  letters = ('h', 'c') if operator == 'LSTM' else ('h',)
  nodes, shapes, widths, xs = [], {}, [], 'x'
  if network.embedding is not None:
    nodes.append(make('Gather', [EMBEDDING, 'tokens'], [xs]))
  for layer in range(n_layers):
    stem = f'layers/{layer}'
    inputs = [xs, *(f'{stem}/{end}' for end in 'WRB'), 'lengths']
    if f'{stem}/P' in arrays:
      inputs += ['', '', f'{stem}/P']
    width = arrays[f'{stem}/R'].shape[-1]
    states = [f'{stem}/{letter}' for letter in letters]
    given = onnx_operators.attributes(network.cell, directions, width)
    nodes.append(make(operator, inputs, [f'{stem}/Y', *states], stem, **given))
    # [T, directions, B, H] to [T, B, directions * H], where 0 keeps a size.
    is_last = layer == n_layers - 1 and network.dense is None
    xs = 'outputs' if is_last else f'{stem}/outputs'
    shapes[f'{stem}/shape'] = np.array([0, 0, directions * width])
    nodes += [
      make('Transpose', [f'{stem}/Y'], [f'{stem}/Y_t'], perm=[0, 2, 1, 3]),
      make('Reshape', [f'{stem}/Y_t', f'{stem}/shape'], [xs]),
    ]
    widths.append(width)
  outputs = {xs: ['T', 'B', directions * width]}
  if network.dense is not None:
    nodes += [
      make('MatMul', [xs, KERNEL], ['linear/product']),
      make('Add', ['linear/product', BIAS], ['logits']),
    ]
    outputs = {'logits': ['T', 'B', len(arrays[BIAS])]}
  for letter in letters:
    states = [f'layers/{layer}/{letter}' for layer in range(n_layers)]
    if len(set(widths)) == 1:
      nodes.append(make('Concat', states, [letter], axis=0))
      outputs[letter] = [n_layers * directions, 'B', width]
    else:
      for state, width in zip(states, widths, strict=True):
        outputs[state] = [directions, 'B', width]
  return nodes, shapes, outputs
