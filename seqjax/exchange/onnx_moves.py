"""Nodes of ONNX graphs that move numbers, and what they make of an array.

Exporters have many ways to the same order of axes, and some compute shapes as
they go. So such nodes are not understood one by one but run, on random numbers
that tell every element from every other.
"""

import math

import numpy as np

from seqjax import errors
from seqjax.exchange import onnx_graph
from seqjax.exchange.onnx_operators import called

# They move numbers, or compute shapes.
_RUN = {'Add', 'Concat', 'Div', 'Mul', 'Shape', 'Size', 'Sub', *onnx_graph.SOME}
_MOST = 2**28


def run(graph, feeds: dict[str, np.ndarray], goal: str) -> np.ndarray:
  """What nodes that move numbers make of the values that are fed.

  Raises:
    UserError: other nodes stand between, or these fail.
  """
  if goal in feeds:
    return feeds[goal]
  onnx = onnx_graph.library()
  from onnx import reference

  wanted, constants, asked = set(), {}, [goal]
  while asked:
    name = asked.pop()
    node = graph.producers.get(name)
    if name in graph.constants:
      constants[name] = graph.constants[name]
    elif node is None or node.op_type not in _RUN:
      what = called(node) if node is not None else f'the input {name!r}'
      raise errors.UserError(
        f'{what} decides how the numbers of {goal!r} are moved, which is not '
        'understood here.'
      )
    elif id(node) not in wanted:
      wanted.add(id(node))
      asked += [other for other in node.input if other and other not in feeds]
  info = lambda name: onnx.helper.make_tensor_value_info(name, 1, None)
  model = onnx.helper.make_model(
    onnx.helper.make_graph(
      [node for node in graph.nodes if id(node) in wanted],
      'moves',
      [info(name) for name in feeds],
      [info(goal)],
      [onnx.numpy_helper.from_array(x, name) for name, x in constants.items()],
    ),
    opset_imports=[onnx.helper.make_opsetid('', graph.opset)],
  )
  try:
    [moved] = reference.ReferenceEvaluator(model).run(None, feeds)
    return np.asarray(moved)
  # Which one, a damaged file decides.
  except Exception as error:
    reason = str(error).strip().partition('\n')[0]
    raise errors.UserError(
      f'cannot compute {goal!r} from {", ".join(map(repr, feeds))} ({reason}).'
    ) from error


def numbers(shape, dtype=np.float32, below: int | None = None) -> np.ndarray:
  """Random numbers; integers of [0, below) where they are indices.

  Raises:
    UserError: there are too many, as a damaged file may ask for.
  """
  if math.prod(shape) > _MOST:
    raise errors.UserError(
      f'the model has values of the shape {list(shape)}, which are too large '
      'to follow. Export it with open sizes.'
    )
  rng = np.random.default_rng(0)
  if below is not None or np.issubdtype(dtype, np.integer):
    return rng.integers(0, min(below or 100, 100), shape).astype(dtype)
  return rng.standard_normal(shape, np.float32).astype(dtype)


def rows(array: np.ndarray, width: int) -> list[bytes] | None:
  """The rows of the last axis; None if they have another width."""
  if array.ndim == 0 or array.shape[-1] != width:
    return None
  array = array.astype(np.float32).reshape(-1, width)
  return [row.tobytes() for row in array]


def steps(outputs: np.ndarray, moved: np.ndarray) -> list[int] | None:
  """Which of the steps of [T, B, F] are there, as whole rows of every sequence.

  None if some are not whole, or not there for every sequence: then more was
  done than to pick steps and to put positions into another order.
  """
  n_rows, width = outputs.shape[1:]
  place = {row: i for i, row in enumerate(rows(outputs, width))}
  found = [place.get(row) for row in rows(moved, width) or [None]]
  if None in found:
    return None
  picked = sorted(i // n_rows for i in found if i % n_rows == 0)
  everywhere = [t * n_rows + b for t in picked for b in range(n_rows)]
  return picked if sorted(found) == everywhere else None
