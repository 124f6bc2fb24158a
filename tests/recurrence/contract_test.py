"""The contract of `unroll`, for every cell, engine, structure and dtype.

The quick suite takes every cell on the engine that it gets by itself, and a
sample of the rest; --slow takes the product.
"""

import jax
import numpy as np
import oracle
import pytest
import stacks
from closeness import assert_close_in_norm
from examples import BUILDERS, EVERYWHERE, MASK, NOWHERE, RESETS, B, T

from seqjax import cells, recurrence

# dtype -> how far a result may lie from the oracle's, relative to its norm.
# bfloat16 is the dtype of the products: 8 bits, and they add up over the steps.
TOLERANCE = {'float64': 1e-10, 'float32': 2e-5, 'bfloat16': 0.06}


def product():
  """One layer exactly, stacks in the dtypes that people train in."""
  for name, make in BUILDERS.items():
    for engine in ('scan', 'fused', 'associative'):
      if recurrence.refusal(make(), engine):
        continue
      for structure in stacks.STRUCTURES:
        single = len(stacks.STRUCTURES[structure]['hidden_sizes']) == 1
        for dtype in ('float64',) if single else ('float32', 'bfloat16'):
          yield stacks.Case(name, engine, structure, dtype)


# What the quick suite sees of other engines, structures and dtypes.
SAMPLE = (
  stacks.Case('lstm', 'scan', 'forward', 'float64'),
  stacks.Case('lru', 'associative', 'reverse', 'float64'),
  stacks.Case('gru', 'fused', 'stacked_reverse', 'float32'),
  stacks.Case('lstm', 'fused', 'bidirectional', 'bfloat16'),
)


def is_quick(case):
  """Every cell of the registry once, and the sample."""
  auto = recurrence.engine_for(BUILDERS[case.name]())
  alone = case.structure == 'forward' and case.engine == auto
  return case in SAMPLE or (alone and case.name in cells.CELLS)


cases = pytest.mark.parametrize(
  'case',
  [
    pytest.param(c, id=str(c), marks=[] if is_quick(c) else pytest.mark.slow)
    for c in product()
  ],
)


def check_values_and_gradients(case):
  """Those of the NumPy loop; of gradients, the part along random directions."""
  weights, rtol = stacks.weights_of(case), TOLERANCE[case.dtype]
  results, grads = stacks.run(case, weights, MASK, RESETS)
  assert_close_in_norm(
    results, stacks.exact_example(case, RESETS), rtol, 'value'
  )
  inputs = oracle.as_dicts(stacks.example(case))
  flat, structure = jax.tree.flatten(inputs)
  grads = jax.tree.leaves(oracle.as_dicts(grads))
  paths = [
    jax.tree_util.keystr(p) for p, _ in jax.tree.leaves_with_path(inputs)
  ]
  for i, (path, x, grad) in enumerate(zip(paths, flat, grads, strict=True)):
    direction = np.random.default_rng(i).normal(size=x.shape)
    moved = structure.unflatten(
      [*flat[:i], x + 1e-30j * direction, *flat[i + 1 :]]
    )
    slope = (
      stacks.score(stacks.exact(case, *moved, MASK, RESETS), weights).imag
      / 1e-30
    )
    grad = np.asarray(grad, np.float64)
    error = abs((grad * direction).sum() - slope)
    assert error <= 3 * rtol * np.linalg.norm(grad), f'gradient{path}: {error}'


def check_padding(case):
  """Garbage in it, NaN included, changes no bit, and outputs there are zero."""
  _, xs, carry = stacks.example(case)
  weights = stacks.weights_of(case)
  here = MASK.reshape(T, B, *[1] * (xs.ndim - 2))
  clean = stacks.run(case, weights, MASK, RESETS, np.where(here, xs, 0))
  for garbage in (np.nan, np.inf, 1e6):
    dirty = stacks.run(case, weights, MASK, RESETS, np.where(here, xs, garbage))
    jax.tree.map(np.testing.assert_array_equal, clean, dirty)
  assert all(np.isfinite(x).all() for x in jax.tree.leaves(clean))
  (outputs, last, _), _ = stacks.run(case, weights, MASK, NOWHERE)
  np.testing.assert_array_equal(np.asarray(outputs)[~MASK], 0)
  assert all(np.abs(y).max() > 0 for y in np.asarray(outputs)[MASK])
  # The last row has no valid step: its carry comes back as it was.
  jax.tree.map(
    lambda a, b: np.testing.assert_array_equal(a[-1], b[-1].astype(a.dtype)),
    last,
    carry,
  )


def check_holes(case):
  """A row with holes is the row without them."""
  _, xs, _ = stacks.example(case)
  rtol = TOLERANCE[case.dtype]
  steps = np.flatnonzero(MASK[:, 2])
  packed, mask = np.array(xs), np.array(MASK)
  packed[: len(steps), 2] = xs[steps, 2]
  mask[:, 2] = np.arange(T) < len(steps)
  (a, last_a, _), _ = stacks.run(case, stacks.weights_of(case), MASK, NOWHERE)
  (b, last_b, _), _ = stacks.run(
    case, stacks.weights_of(case), mask, NOWHERE, packed
  )
  assert_close_in_norm(a[steps, 2], b[: len(steps), 2], rtol, 'outputs')
  assert_close_in_norm(last_a, last_b, rtol, 'carry')


def check_rows(case):
  """They do not depend on each other, nor on their place in the batch."""
  _, xs, carry = stacks.example(case)
  order = np.array([3, 0, 4, 2, 1])
  rows = lambda tree: jax.tree.map(lambda c: c[order], tree)
  (a, last_a, _), _ = stacks.run(case, stacks.weights_of(case), MASK, RESETS)
  (b, last_b, _), _ = stacks.run(
    case,
    stacks.weights_of(case),
    MASK[:, order],
    RESETS[:, order],
    xs[:, order],
    rows(carry),
  )
  assert_close_in_norm((a[:, order], rows(last_a)), (b, last_b), 1e-5, '')


def check_chunks(case):
  """Halves with the carry passed on are the whole."""
  if case.structure in ('stacked_reverse', 'bidirectional'):
    return  # The upper layer of the first half waits for the second half.
  weights = stacks.weights_of(case)
  (whole, last, _), _ = stacks.run(case, weights, MASK, RESETS)
  first = np.arange(T)[:, None] < T // 2
  halves = [first, ~first]
  carry, outputs = None, 0
  for half in reversed(halves) if 'reverse' in case.structure else halves:
    (ys, carry, _), _ = stacks.run(
      case, weights, MASK & half, RESETS & half, carry=carry
    )
    outputs = outputs + np.asarray(ys, np.float64)
  assert_close_in_norm(
    (whole, last), (outputs, carry), TOLERANCE[case.dtype], ''
  )


def check_causality(case):
  """No gradient against time, or across a reset; some everywhere else."""
  resets = np.array(NOWHERE)
  resets[T // 2] = True
  nothing = jax.tree.map(np.zeros_like, stacks.weights_of(case))

  def reach(resets):  # [t of y, t of x, B]
    found = []
    for t in range(T):
      at_t = np.zeros_like(nothing[0])
      at_t[t] = stacks.weights_of(case)[0][0]
      _, (_, d_xs, _) = stacks.run(
        case, (at_t, *nothing[1:]), EVERYWHERE, resets
      )
      found.append(np.abs(d_xs).reshape(T, B, -1).max(axis=-1))
    return np.stack(found)

  past = np.tril(np.ones((T, T), bool))
  if 'reverse' in case.structure:
    past = past.T
  if case.structure == 'bidirectional':
    past |= past.T
  within = np.kron(np.eye(2), np.ones((T // 2, T // 2))).astype(bool)
  for found, seen in (
    (reach(NOWHERE), past),
    (reach(resets), past & within),
  ):
    assert (found[seen].max(axis=1) > 0).all()
    np.testing.assert_array_equal(found[~seen], 0)


CLAIMS = (
  check_values_and_gradients,
  check_padding,
  check_holes,
  check_rows,
  check_chunks,
  check_causality,
)


@cases
def test_contract(case):
  for claim in CLAIMS:
    claim(case)
