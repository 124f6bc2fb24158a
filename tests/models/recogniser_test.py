"""What a recogniser promises: exact sums over paths, and quiet padding."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized

from seqjax import cells, data, layers, models
from seqjax.models import recogniser

T, B, D, V, U = 6, 4, 3, 4, 3
# The last row only fills up the batch.
LENGTHS = np.array([T, 3, 4, 0])
TARGETS = np.array([[1, 2, 2], [3, 0, 0], [1, 1, 0], [0, 0, 0]]).T


def example(seed=0, garbage=1, steps=T):
  """A batch; `garbage` draws what stands in the padding, NaN among it."""
  rng, other = np.random.default_rng(seed), np.random.default_rng(garbage)
  mask = np.arange(steps)[:, None] < LENGTHS
  noise = other.normal(size=(steps, B, D))
  noise[-1] = np.nan
  drawn = np.resize(rng.normal(size=(T, B, D)), noise.shape)
  return data.Batch(
    inputs=np.where(mask[..., None], drawn, noise).astype(np.float32),
    targets=TARGETS.astype(np.int32),
    mask=mask,
    weights=np.array([3, 1, 2, 0], np.float32),
    resets=np.zeros_like(mask),
  )


@functools.cache
def make():
  recurrent = layers.Recurrent(cells.gru(), (5,), bidirectional=True)
  return models.Recogniser(V, recurrent)


@functools.cache
def params_of(seed=0):
  """Random parameters, nothing at zero."""
  shapes = jax.eval_shape(
    recogniser.task(make()).init, jax.random.key(0), example()
  )
  rng = np.random.default_rng(seed)
  return jax.tree.map(
    lambda x: jnp.asarray(rng.normal(size=x.shape), x.dtype), shapes
  )


@jax.jit
def loss_of(params, batch, key=None, hparams=None):
  return recogniser.task(make()).loss(params, (), batch, key, hparams or {})


gradient = jax.jit(jax.grad(loss_of, has_aux=True))


def by_all_paths(logits, target):
  """-log of the sum over every path, in float64."""
  logits = logits.astype(np.float64)
  log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
  total = -np.inf
  for path in itertools.product(range(logits.shape[1]), repeat=len(logits)):
    merged = [symbol for symbol, _ in itertools.groupby(path) if symbol]
    if merged == list(target):
      said = log_p[np.arange(len(path)), list(path)].sum()
      total = np.logaddexp(total, said)
  return -total


def logits_of(seed=0):
  rng = np.random.default_rng(seed)
  return (3 * rng.normal(size=(T, B, V))).astype(np.float32)


class NatsTest(parameterized.TestCase):
  def test_every_path_is_summed_over(self):
    mask, logits = np.arange(T)[:, None] < LENGTHS, logits_of()
    found = recogniser.nats(logits, TARGETS, mask)
    for b in range(B):
      target = [symbol for symbol in TARGETS[:, b] if symbol]
      expected = by_all_paths(logits[: LENGTHS[b], b], target)
      np.testing.assert_allclose(found[b], expected, rtol=1e-5, atol=1e-6)

  def test_it_is_that_of_torch_in_value_and_gradient(self):
    torch = pytest.importorskip('torch')
    steps, rows, symbols, longest = 40, 5, 7, 9
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(steps, rows, symbols)).astype(np.float32)
    lengths = np.array([40, 33, 25, 40, 12])
    sizes = np.array([9, 4, 0, 7, 6])
    targets = rng.integers(1, symbols, (longest, rows))
    targets *= np.arange(longest)[:, None] < sizes
    mask = np.arange(steps)[:, None] < lengths
    theirs = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    expected = torch.nn.functional.ctc_loss(
      theirs.log_softmax(-1),
      torch.tensor(targets.T),
      torch.tensor(lengths),
      torch.tensor(sizes),
      reduction='none',
    )
    expected.sum().backward()
    found = recogniser.nats(logits, targets, mask)
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-5)
    total = lambda x: jnp.sum(recogniser.nats(x, targets, mask))
    np.testing.assert_allclose(
      jax.grad(total)(jnp.asarray(logits)), theirs.grad.numpy(), atol=1e-5
    )

  @parameterized.parameters((2, False), (3, True))
  def test_too_few_steps_cost_infinity(self, length, is_finite):
    # Two of the same need a blank between them.
    targets, mask = np.array([[1], [1]]), np.arange(4)[:, None] < length
    logits = jnp.asarray(logits_of()[:4, :1])
    found = recogniser.nats(logits, targets, mask)
    self.assertEqual(np.isfinite(found).all(), is_finite)


class RecogniserTest(parameterized.TestCase):
  def test_padding_and_filler_rows_are_invisible(self):
    clean, dirty = example(), example(garbage=2)
    for f in (loss_of, gradient):
      found, expected = f(params_of(), dirty), f(params_of(), clean)
      for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        self.assertTrue(np.isfinite(b).all())
        np.testing.assert_array_equal(a, b)

  def test_more_padding_changes_nothing(self):
    found, expected = (
      loss_of(params_of(), example(steps=steps))[0] for steps in (T + 5, T)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-5)

  def test_the_loss_is_a_sum_over_rows_per_symbol(self):
    batch = example()
    total, aux = loss_of(params_of(), batch)
    logits = recogniser.scores(make())(params_of(), batch)
    self.assertEqual(logits.shape, (T, B, V))
    each = recogniser.nats(logits, batch.targets, batch.mask)
    np.testing.assert_allclose(total, each[:3].sum(), rtol=1e-5)
    self.assertEqual(aux.weight, 6)
    for x, y in zip(aux.metrics['nats_per_symbol'], (total, 6), strict=True):
      self.assertEqual(x, y)

  def test_a_row_without_weight_is_not_scored(self):
    batch = example()
    total, _ = loss_of(params_of(), batch)
    weights = np.array([3, 0, 2, 0], np.float32)
    less, aux = loss_of(params_of(), batch._replace(weights=weights))
    logits = recogniser.scores(make())(params_of(), batch)
    each = recogniser.nats(logits, batch.targets, batch.mask)
    np.testing.assert_allclose(total - less, each[1], rtol=1e-4)
    self.assertEqual(aux.weight, 5)

  @parameterized.parameters('dropout_rate', 'activation_penalty')
  def test_dropout_and_penalties_are_for_training(self, name):
    plain, _ = loss_of(params_of(), example())
    found, aux = loss_of(
      params_of(), example(), jax.random.key(0), {name: jnp.float32(0.5)}
    )
    self.assertNotAlmostEqual(float(found), float(plain), places=3)
    self.assertEqual(aux.weight, 6)


if __name__ == '__main__':
  absltest.main()
