"""Recurrent networks in plain NumPy loops, float64: what all else is held to.

Every step is written for one example as its paper writes it, in the modules
beside this one. Gradients come by the complex step, f(x + ih).imag / h, which
is exact to rounding because nothing is subtracted; so every function here must
also take complex numbers, and compares their real parts.
"""

import types

import jax
import numpy as np

from oracle import classic, gated, linear, spatial

_H = 1e-30

# As in cells.CELLS: name -> step(params, carry, x_t) -> (carry as a dict, y_t).
STEPS = {
  **classic.STEPS,
  **gated.STEPS,
  **linear.STEPS,
  **spatial.STEPS,
}


def as_dicts(tree):
  """NamedTuples as dicts, None left out."""
  if hasattr(tree, '_asdict'):
    tree = tree._asdict()
  if isinstance(tree, dict):
    return {k: as_dicts(v) for k, v in tree.items() if v is not None}
  return tuple(map(as_dicts, tree)) if isinstance(tree, tuple) else tree


def step(name, params, carry, x_t):
  """One step of one example; params and carry are NamedTuples or dicts."""
  return STEPS[name](_fields(params), _fields(carry), x_t)


def unroll(name, params, xs, carry, initial, mask, resets, reverse):
  """The contract of `recurrence.unroll`, one number after another.

  Args:
    name: of the cell.
    params: dict of arrays.
    xs: [T, B, ...].
    carry, initial: dicts of [B, ...].
    mask, resets: [T, B] bool.
    reverse: whether to read from right to left.

  Returns:
    outputs [T, B, ...]; dict of the last carries [B, ...]; dict of all carries
    [T, B, ...].
  """
  num_steps, batch_size = mask.shape
  outputs = None
  last = _map(lambda v: np.array(v, complex), carry)
  carries = _map(lambda v: np.zeros((num_steps, *v.shape), complex), carry)
  for b in range(batch_size):
    row = lambda tree, b=b: _map(lambda v: v[b], tree)
    state, fresh = row(carry), row(initial)
    for t in reversed(range(num_steps)) if reverse else range(num_steps):
      if not reverse and resets[t, b]:
        state = fresh
      if mask[t, b]:
        state, y_t = step(name, params, state, xs[t, b])
        if outputs is None:
          outputs = np.zeros((*mask.shape, *y_t.shape), complex)
        outputs[t, b] = y_t
      _write(carries, state, (t, b))
      if reverse and resets[t, b]:
        state = fresh
    _write(last, state, b)
  return outputs, last, carries


def gradient(function, tree):
  """d function / d leaf for every entry of a dict (of dicts) of arrays."""

  def visit(node):
    if isinstance(node, dict):
      return {k: visit(v) for k, v in node.items()}
    out = np.zeros(node.shape)
    for index in np.ndindex(node.shape):
      kept = node[index]
      node[index] = kept + 1j * _H
      out[index] = function(tree).imag / _H
      node[index] = kept
    return out

  tree = _map(lambda v: np.array(v, complex), tree)
  return visit(tree)


_map = jax.tree.map


def _write(into, values, at):
  def write(array, value):
    array[at] = value

  _map(write, into, values)


def _fields(record):
  """Dicts and NamedTuples as attributes, all the way down."""
  record = as_dicts(record)
  if not isinstance(record, dict):
    return record
  return types.SimpleNamespace(**{k: _fields(v) for k, v in record.items()})
