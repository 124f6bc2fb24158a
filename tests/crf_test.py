"""The chain against a sum over every path, in float64 NumPy."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import crf, losses

T, B, K = 5, 6, 3
# Lengths 0, 1, T and 3; then holes, one of them at the beginning.
MASK = np.array(
  [
    [0, 0, 0, 0, 0],
    [1, 0, 0, 0, 0],
    [1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0],
    [1, 0, 1, 1, 0],
    [0, 0, 1, 0, 1],
  ],
  bool,
).T
TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}


def example(dtype=np.float32, seed=0):
  """Transitions, logits [T, B, K] and tags [T, B]."""
  rng = np.random.default_rng(seed)
  draw = lambda *shape: (2 * rng.normal(size=shape)).astype(dtype)
  params = crf.Transitions(draw(K), draw(K, K), draw(K))
  return params, draw(T, B, K), rng.integers(0, K, (T, B), np.int32)


def paths(params, logits, mask):
  """Every path through the valid steps of one row, and its score."""
  params = [np.float64(p) for p in params]
  logits = np.float64(logits)[mask]
  for path in itertools.product(range(K), repeat=len(logits)):
    yield path, path_score(params, logits, path)


def path_score(params, logits, path):
  """The score of a path through steps that are all valid."""
  if not path:
    return 0.0
  start, between, end = params
  total = start[path[0]] + end[path[-1]]
  total += sum(between[a, b] for a, b in itertools.pairwise(path))
  return total + sum(logits[t, tag] for t, tag in enumerate(path))


def counts(path, mask):
  """How often a path uses each transition and each logit of its row."""
  start, between, end = np.zeros(K), np.zeros((K, K)), np.zeros(K)
  used = np.zeros((T, K))
  if path:
    start[path[0]] = end[path[-1]] = 1
  for a, b in itertools.pairwise(path):
    between[a, b] += 1
  used[np.flatnonzero(mask), list(path)] = 1
  return crf.Transitions(start, between, end), used


def exact(params, logits):
  """log Z [B], and its gradient: what a path uses, in expectation."""
  totals, transitions, used = [], crf.Transitions(0, 0, 0), []
  for logits_b, mask_b in zip(logits.swapaxes(0, 1), MASK.T, strict=True):
    scored = list(paths(params, logits_b, mask_b))
    totals.append(np.logaddexp.reduce([score for _, score in scored]))
    used.append(0)
    for path, score in scored:
      p = np.exp(score - totals[-1])
      counted, used_b = counts(path, mask_b)
      transitions = jax.tree.map(
        lambda total, c, p=p: total + p * c, transitions, counted
      )
      used[-1] += p * used_b
  return np.array(totals), transitions, np.stack(used, axis=1)


def observed(tags):
  """The same of the given path: the gradient of its score."""
  each = [
    counts(tuple(tags[MASK[:, b], b]), MASK[:, b]) for b in range(tags.shape[1])
  ]
  transitions = jax.tree.map(lambda *xs: sum(xs), *(c for c, _ in each))
  return transitions, np.stack([used for _, used in each], axis=1)


def assert_close(found, expected, rtol=1e-5):
  for a, b in zip(
    jax.tree.leaves(found), jax.tree.leaves(expected), strict=True
  ):
    np.testing.assert_allclose(a, b, rtol, rtol * np.abs(b).max())


class ForwardTest(parameterized.TestCase):
  @parameterized.parameters(np.float32, np.float64)
  def test_it_is_the_sum_over_every_path_in_value_and_gradient(self, dtype):
    params, logits, _ = example(dtype)
    with jax.enable_x64(dtype == np.float64):
      found = crf.log_partition(params, logits, MASK)
      grads = jax.grad(
        lambda p, x: crf.log_partition(p, x, MASK).sum(), argnums=(0, 1)
      )(params, logits)
    expected, *expected_grads = exact(params, logits)
    assert_close(found, expected, TOLERANCE[dtype])
    assert_close(grads, tuple(expected_grads), TOLERANCE[dtype])

  def test_an_empty_row_is_zero_and_has_no_gradient(self):
    params, logits, tags = example()
    nowhere = np.zeros((T, B), bool)
    for function in (
      lambda p: crf.log_partition(p, logits, nowhere),
      lambda p: crf.score(p, logits, tags, nowhere),
      lambda p: crf.viterbi(p, logits, nowhere)[1],
    ):
      np.testing.assert_array_equal(function(params), np.zeros(B))
      for grad in jax.grad(lambda p, f=function: f(p).sum())(params):
        np.testing.assert_array_equal(grad, 0)

  def test_a_hole_is_no_part_of_the_chain(self):
    params, logits, tags = example()
    whole = np.ones((T, B), bool)
    hole = whole.copy()
    hole[2] = False
    for function in (
      lambda x, y, mask: crf.log_partition(params, x, mask),
      lambda x, y, mask: crf.score(params, x, y, mask),
      lambda x, y, mask: crf.viterbi(params, x, mask)[1],
    ):
      short = [np.delete(x, 2, axis=0) for x in (logits, tags, whole)]
      assert_close(function(logits, tags, hole), function(*short))

  @parameterized.parameters(1e4, -1e4)
  def test_large_logits_neither_overflow_nor_vanish(self, offset):
    params, logits, _ = example()
    lengths = MASK.sum(axis=0)
    found = crf.log_partition(params, logits + np.float32(offset), MASK)
    expected = exact(params, logits)[0] + offset * lengths
    # float32 near 5e4 has a spacing of 4e-3.
    np.testing.assert_allclose(found, expected, rtol=1e-6)

  def test_half_precision_is_added_up_in_float32(self):
    params, logits, _ = example()
    half = jnp.asarray(logits, jnp.bfloat16)
    found = crf.log_partition(params, half, MASK)
    assert_close(found, exact(params, np.float32(half))[0])


class ScoreTest(parameterized.TestCase):
  @parameterized.parameters(np.float32, np.float64)
  def test_it_is_that_of_the_path_in_value_and_gradient(self, dtype):
    params, logits, tags = example(dtype)
    with jax.enable_x64(dtype == np.float64):
      found = crf.score(params, logits, tags, MASK)
      grads = jax.grad(
        lambda p, x: crf.score(p, x, tags, MASK).sum(), argnums=(0, 1)
      )(params, logits)
    expected = [
      path_score(params, logits[valid, b], tuple(tags[valid, b]))
      for b, valid in enumerate(MASK.T)
    ]
    assert_close(found, np.array(expected), TOLERANCE[dtype])
    assert_close(grads, observed(tags), TOLERANCE[dtype])


class ViterbiTest(parameterized.TestCase):
  @parameterized.parameters(range(5))
  def test_it_is_the_best_of_every_path(self, seed):
    params, logits, _ = example(seed=seed)
    tags, scores = crf.viterbi(params, logits, MASK)
    self.assertEqual(tags.dtype, jnp.int32)
    for b, valid in enumerate(MASK.T):
      path, score = max(
        paths(params, logits[:, b], valid), key=lambda scored: scored[1]
      )
      np.testing.assert_array_equal(tags[valid, b], path)
      np.testing.assert_array_equal(tags[~valid, b], 0)
      np.testing.assert_allclose(scores[b], score, rtol=1e-5)

  def test_its_score_is_that_of_its_tags(self):
    params, logits, _ = example()
    tags, scores = crf.viterbi(params, logits, MASK)
    assert_close(crf.score(params, logits, tags, MASK), scores)


class MarginalsTest(absltest.TestCase):
  def test_they_are_the_probabilities_of_the_paths_through_a_tag(self):
    params, logits, _ = example()
    found = crf.marginals(params, logits, MASK)
    assert_close(found, exact(params, logits)[2])
    assert_close(found.sum(axis=-1), MASK.astype(np.float32))


class NatsTest(parameterized.TestCase):
  def test_they_are_log_z_less_the_score_weighed_by_row(self):
    params, logits, tags = example()
    factors = np.float32([1, 1, 2, 0.5, 1, 0])
    found, weight = crf.nats(params, logits, tags, MASK * factors[None])
    each = exact(params, logits)[0] - crf.score(params, logits, tags, MASK)
    np.testing.assert_allclose(found, (factors * each).sum(), rtol=1e-5)
    np.testing.assert_allclose(weight, (MASK * factors[None]).sum())

  def test_a_row_counts_by_the_mean_of_its_weights(self):
    params, logits, tags = example()
    even, uneven = np.ones((T, B), np.float32), np.ones((T, B), np.float32)
    uneven[0], uneven[1] = 0.25, 1.75
    for a, b in zip(
      *(crf.nats(params, logits, tags, w) for w in (even, uneven)), strict=True
    ):
      np.testing.assert_allclose(a, b, rtol=1e-6)

  def test_their_gradient_is_expected_less_observed(self):
    params, logits, tags = example()
    grads = jax.grad(
      lambda p, x: crf.nats(p, x, tags, np.float32(MASK))[0], argnums=(0, 1)
    )(params, logits)
    expected = jax.tree.map(
      np.subtract, tuple(exact(params, logits)[1:]), observed(tags)
    )
    assert_close(grads, expected)

  def test_without_preferences_they_are_the_cross_entropy(self):
    _, logits, tags = example()
    weights = np.float32(MASK)
    for a, b in zip(
      crf.nats(crf.zeros(K), logits, tags, weights),
      losses.cross_entropy(logits, tags, weights),
      strict=True,
    ):
      np.testing.assert_allclose(a, b, rtol=1e-5)

  @parameterized.parameters(np.nan, np.inf, -np.inf, 1e30)
  def test_garbage_without_weight_reaches_nothing(self, garbage):
    params, logits, tags = example()
    dirty = np.where(MASK[..., None], logits, np.float32(garbage))
    wrong = np.where(MASK, tags, [[-7, 99, K, -1, 2**31 - 1, -(2**31)]])
    weights = np.float32(MASK)

    @jax.jit
    def everything(params, logits, tags):
      found = jax.value_and_grad(crf.nats, argnums=(0, 1), has_aux=True)(
        params, logits, tags, weights
      )
      return (
        found,
        crf.viterbi(params, logits, MASK),
        crf.marginals(params, logits, MASK),
      )

    clean = everything(params, logits, tags)
    found = everything(params, dirty, wrong.astype(np.int32))
    for a, b in zip(
      jax.tree.leaves(found), jax.tree.leaves(clean), strict=True
    ):
      self.assertTrue(np.isfinite(b).all())
      np.testing.assert_array_equal(a, b)

  def test_a_counted_nan_is_not_hidden(self):
    params, logits, tags = example()
    logits[0, 1] = np.nan
    found, _ = crf.nats(params, logits, tags, np.float32(MASK))
    self.assertTrue(np.isnan(found))


if __name__ == '__main__':
  absltest.main()
