"""Named values inside a function, seen and replaced from outside.

A cell gives its gates and its candidate names (`cells.named`). Whoever wants to
record or change one of them needs no copy of the equations: the function is
traced to its list of operations, and those are carried out again with another
value where the name stands.
"""

from collections.abc import Callable, Mapping

import jax
from jax.extend.core import Literal

from seqjax import errors


def visited(function: Callable, visit: Callable) -> Callable:
  """`function`, with `visit(name, value)` in the place of each named value.

  The result is an ordinary function: it can be differentiated, mapped and
  compiled. Names inside the body of a loop or a branch are not visited.

  Args:
    function: of pytrees of arrays, e.g. `cell.update`.
    visit: returns a value of the same shape and dtype. It is called while
      tracing, once for each place that bears a name.
  """

  def run(*args):
    jaxpr, shapes = jax.make_jaxpr(function, return_shape=True)(*args)
    leaves = _evaluate(jaxpr, visit, jax.tree.leaves(args))
    return jax.tree.unflatten(jax.tree.structure(shapes), leaves)

  return run


def edited(function: Callable, edits: Mapping[str, Callable]) -> Callable:
  """`function`, with the values of some names replaced.

  Args:
    function: as in `visited`.
    edits: name -> (value -> what stands in its place).

  Raises:
    UserError: when called, if the function has no value of such a name.

  Example:
    >>> import jax.numpy as jnp
    >>> from seqjax import cells
    >>> half = lambda x: cells.named(x / 2, 'half') + 1
    >>> edited(half, {'half': jnp.negative})(jnp.float32(6)).item()
    -2.0
  """

  def run(*args):
    seen = set()

    def visit(name, value):
      seen.add(name)
      return edits[name](value) if name in edits else value

    results = visited(function, visit)(*args)
    for name in edits.keys() - seen:
      raise errors.unknown('name inside this function', name, seen)
    return results

  return run


def shapes(function: Callable, *args) -> dict[str, jax.ShapeDtypeStruct]:
  """What is named inside a function, by name; nothing is computed.

  Args:
    function: as in `visited`.
    *args: examples of its arguments, or their shapes.
  """
  found = {}

  def visit(name, value):
    found[name] = jax.ShapeDtypeStruct(value.shape, value.dtype)
    return value

  jax.eval_shape(visited(function, visit), *args)
  return found


def _evaluate(closed, visit, args):
  """The results of a traced function, operation by operation."""
  jaxpr = closed.jaxpr
  names = [*jaxpr.constvars, *jaxpr.invars]
  values = dict(zip(names, [*closed.consts, *args], strict=True))
  read = lambda x: x.val if isinstance(x, Literal) else values[x]
  for operation in jaxpr.eqns:
    kind, params = operation.primitive, operation.params
    inputs = list(map(read, operation.invars))
    if kind.name == 'name':
      results = [visit(params['name'], *inputs)]
    elif kind.name in ('jit', 'pjit'):
      results = _evaluate(params['jaxpr'], visit, inputs)
    else:
      results = kind.bind(*inputs, **kind.get_bind_params(params))
      results = results if kind.multiple_results else [results]
    values.update(zip(operation.outvars, results, strict=True))
  return list(map(read, jaxpr.outvars))
