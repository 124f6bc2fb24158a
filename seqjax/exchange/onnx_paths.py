"""What stands before, between and behind the layers of an ONNX graph."""

from typing import NamedTuple

import numpy as np

from seqjax import errors
from seqjax.exchange import onnx_graph, onnx_moves
from seqjax.exchange.onnx_operators import called

# The inputs of recurrent operators: what they read, R, and the lengths.
_R, _LENGTHS = 2, 4
# Functions of one argument without weights, which may stand at the end.
_LEFT_OUT = {'ArgMax', 'Exp', 'Flatten', 'Log', 'LogSoftmax', 'Relu', 'Sigmoid'}
_LEFT_OUT |= {'Softmax', 'Softplus', 'Tanh', *onnx_graph.SOME}
# Sizes for axes that are open: no layer has one of them by chance.
_OPEN = (31, 37, 41, 43)


class Beginning(NamedTuple):
  """What the first layer reads.

  Attributes:
    data: the name of an input of the model.
    table: the name of the embedding, or None.
    feeds: data to run nodes with.
    sizes: T and B of these.
  """

  data: str
  table: str | None
  feeds: dict[str, np.ndarray]
  sizes: tuple[int, int]


def beginning(graph, node) -> Beginning:
  """Follows what the first layer reads back to an input of the model.

  Raises:
    UserError: more stands between than an embedding and an order of axes.
  """
  name = data = graph.origin(node.input[0], onnx_graph.TURNED)
  gather = graph.producers.get(name)
  table = _table(graph, gather)
  if table:
    data = graph.origin(gather.input[1], onnx_graph.TURNED)
  reader = gather if table else node
  if data not in graph.inputs:
    expected = 'an input of the model' + ' or an embedding' * (not table)
    raise _unexpected(graph, reader, data, expected)
  dtype, sizes = graph.inputs[data]
  sizes = sizes or [0] * (2 if table else 3)
  shape = [n or _OPEN[i % len(_OPEN)] for i, n in enumerate(sizes)]
  n_rows, width = graph.constants[table].shape if table else (None, 0)
  xs = onnx_moves.numbers(shape, dtype, n_rows)
  feeds = {data: xs}
  goal = gather.input[1] if table else node.input[0]
  moved = onnx_moves.run(graph, feeds, goal)
  flat = [np.sort(array.astype(np.float32), None) for array in (xs, moved)]
  _require_kept(reader, np.array_equal(*flat))
  if table:
    xs = onnx_moves.numbers((*moved.shape, width))
    moved = onnx_moves.run(graph, {name: xs}, node.input[0])
    there = [onnx_moves.rows(array, width) for array in (xs, moved)]
    _require_kept(
      node, None not in there and sorted(there[0]) == sorted(there[1])
    )
  if moved.ndim != 3:
    raise errors.UserError(
      f'{called(node)} reads {moved.ndim} axes; expected three: time, batch '
      'and features.'
    )
  return Beginning(data, table, feeds, moved.shape[:2])


def require_between(graph, start: Beginning, before, node) -> None:
  """Refuses a layer that does not read the outputs of the one before."""
  name = graph.origin(node.input[0], onnx_graph.SHAPED)
  if name != before.output[0]:
    expected = f'the outputs of {called(before)}: layers stand right behind '
    raise _unexpected(graph, node, name, expected + 'each other here')
  fed, outputs = _outputs(graph, start, before)
  moved = onnx_moves.run(graph, start.feeds | {name: fed}, node.input[0])
  if not np.array_equal(moved, outputs):
    raise errors.UserError(
      f'{called(node)} reads the outputs of {called(before)} in another order; '
      'expected time, batch, and the features of all directions.'
    )


def require_lengths(graph, start: Beginning, nodes) -> None:
  """Refuses lengths that are not those of the caller, or not of all layers."""
  names = [[*node.input[_LENGTHS:], ''][0] for node in nodes]
  origins = [graph.origin(name, onnx_graph.SHAPED) for name in names]
  for node, name in zip(nodes, origins, strict=True):
    given = name in graph.inputs and name not in graph.constants
    if name and (not given or name == start.data):
      raise errors.UserError(
        f'{called(node)} has the lengths {name!r}, which are constant or '
        'computed; expected an input of the model, or none.'
      )
  if len(set(origins)) > 1:
    raise errors.UserError(
      'some layers have lengths and others have none, or others; expected the '
      f'same for {", ".join(map(called, nodes))}.'
    )


def steps(graph, start: Beginning, node, name: str, goal: str):
  """Which steps of a layer's outputs a value holds, in any order of positions.

  Args:
    node: the layer.
    name: which of its outputs: all, or the last state.
    goal: the value.

  Returns:
    Numbers of steps; None if the value is not features as they are, or not of
    the same steps of each sequence.
  """
  fed, outputs = _outputs(graph, start, node)
  if name != node.output[0]:
    # The last states of two directions belong to two steps.
    fed = fed[0]
    outputs = fed if len(fed) == 1 else fed[:0]
  moved = onnx_moves.run(graph, start.feeds | {name: fed}, goal)
  return onnx_moves.steps(outputs, moved)


def left_out(graph, start: Beginning, nodes, result: str) -> list[str]:
  """What stands behind the last layer.

  Args:
    nodes: the recurrent layers.
    result: what the dense layer gives, or ''.

  Raises:
    UserError: it is more than functions of one value without weights; no output
      comes from the last layer.
  """
  last = nodes[-1]
  states = {name for node in nodes for name in node.output[1:] if name}
  ends = {*states, last.output[0], result} - {''}
  found, reached = [], set()
  for output in graph.outputs:
    path, name = [], output
    while name not in ends:
      node = graph.producers.get(name)
      if _stacks(node, states):
        reached |= set(node.input)
        break
      if not _may_be_left_out(graph, node, name):
        raise errors.UserError(
          f'the output {output!r} of the model comes from '
          f'{called(node) if node else repr(name)}, which is not understood: '
          'behind the last layer there may be functions of one value without '
          'weights, as Softmax.'
        )
      path.append(node)
      name = node.input[0]
    reached.add(name)
    if name == last.output[0]:
      path = _without_order(graph, start, last, path)
    found += path
  if not reached & ({result} if result else set(last.output)):
    what = called(graph.producers[result]) if result else called(last)
    raise errors.UserError(
      f'no output of the model comes from {what}, the last layer.'
    )
  there = {id(node) for node in found}
  return [called(node) for node in graph.nodes if id(node) in there]


def _without_order(graph, start, layer, path):
  """Without the nodes that only put all outputs of a layer in another order."""
  moves = []
  for node in reversed(path):
    if node.op_type not in onnx_graph.SOME:
      break
    moves.append(node)
  if not moves:
    return path
  there = steps(graph, start, layer, layer.output[0], moves[-1].output[0])
  n_steps, _ = start.sizes
  return path[: -len(moves)] if len(there or []) == n_steps else path


def _stacks(node, states):
  """Whether a node puts the states of the layers together."""
  return (
    node is not None
    and node.op_type == 'Concat'
    and states.issuperset(node.input)
    and onnx_graph.attributes(node)['axis'] == 0
  )


def _may_be_left_out(graph, node, name):
  if node is None or node.op_type not in _LEFT_OUT or name != node.output[0]:
    return False
  more = [graph.constants.get(other) for other in node.input[1:] if other]
  if node.op_type == 'Dropout':
    # One that is at work draws numbers.
    return len(more) < 2 or (more[1] is not None and not more[1].any())
  return node.op_type != 'Gather' or more[0] is not None


def _table(graph, node):
  """The name of the embedding that a node looks up, or None."""
  if node is None or node.op_type != 'Gather':
    return None
  array = graph.constants.get(node.input[0])
  axis = onnx_graph.attributes(node).get('axis', 0)
  return node.input[0] if np.ndim(array) == 2 and axis == 0 else None


def _outputs(graph, start, node):
  """Random outputs: [T, directions, B, H], and as [T, B, directions * H]."""
  directions, _, size = graph.constants[node.input[_R]].shape
  steps, n_rows = start.sizes
  y = onnx_moves.numbers((steps, directions, n_rows, size))
  return y, y.swapaxes(1, 2).reshape(steps, n_rows, -1)


def _require_kept(node, is_kept):
  if not is_kept:
    raise errors.UserError(
      f'{called(node)} reads what is not the data in another order, or the '
      'features are not its last axis.'
    )


def _unexpected(graph, node, name, expected):
  producer = graph.producers.get(name)
  what = f'what {called(producer)} gives' if producer else f'{name!r}'
  return errors.UserError(f'{called(node)} reads {what}; expected {expected}.')
