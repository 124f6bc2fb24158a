"""Truncation against gradients cut by hand, one character at a time."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import data, models
from seqjax.training import tbptt

N, B = 36, 2  # 35 transitions: rows of 18 and 17 steps
CASES = ((3, 3), (6, 2), (6, 3), (4, 1), (3, 6), (2, 6), (1, 4), (9, 9))
TOKENS = np.random.default_rng(0).integers(-9, 10, N)
PARAMS = {
  'w': jnp.float32(0.9),
  'u': jnp.float32(0.7),
  'h_0': jnp.float32(0.4),
}


def step(params, h_tm1, token):
  x_t = token / 10
  return jnp.tanh(params['w'] * h_tm1 + params['u'] * x_t)


def error(h_t, target):
  return jnp.square(h_t - target / 10)


def loss(params, carry, batch, key, hparams):
  """Squared error of a network of one unit."""
  del key, hparams

  def body(carry, inputs):
    token, mask, reset = inputs
    carry = jnp.where(reset, params['h_0'], carry)
    carry = jnp.where(mask, step(params, carry, token), carry)
    return carry, carry

  floats = batch.inputs.astype(np.float32), batch.targets.astype(np.float32)
  carry, hs = jax.lax.scan(body, carry, (floats[0], batch.mask, batch.resets))
  total = jnp.sum(batch.weights * error(hs, floats[1]))
  weight = jnp.sum(batch.weights)
  return total, models.Aux(weight, carry, {'error': (total, weight)})


def rows():
  """The transitions of each row of the stream."""
  pairs = list(itertools.pairwise(TOKENS.astype(np.float32)))
  length = -(-len(pairs) // B)
  return [pairs[i * length : (i + 1) * length] for i in range(B)]


def by_hand(params, scored, is_cut):
  """The loss of the positions `scored`, and the carry after the last one.

  The gradient is stopped before each position for which `is_cut` is true.
  """
  total, carries = 0.0, []
  for row in rows():
    h = params['h_0']
    for position, (token, target) in enumerate(row[: scored.stop]):
      if is_cut(position):
        h = jax.lax.stop_gradient(h)
      if position == 0:  # A reset brings back the learned carry.
        h = params['h_0']
      h = step(params, h, token)
      if position >= scored.start:
        total += error(h, target)
    carries.append(h)
  return total, jnp.stack(carries)


def windows(k1, k2, params=PARAMS):
  """(value, aux, gradient) of each update of an epoch, at fixed parameters."""
  stream = data.Streams(TOKENS, B, k1, k2)
  cut_loss = jax.jit(
    jax.value_and_grad(tbptt.truncate(loss, k1, k2), has_aux=True)
  )
  carry = jnp.full(B, 7.0)  # Garbage: the first reset clears it.
  for index in range(stream.batches_per_epoch):
    (value, aux), grads = cut_loss(params, carry, stream(index), None, {})
    carry = aux.carry
    yield value, aux, grads


class TruncateTest(parameterized.TestCase):
  @parameterized.parameters(*CASES)
  def test_the_gradient_is_the_one_cut_by_hand(self, k1, k2):
    differs = False
    for n, (value, _, grads) in enumerate(windows(k1, k2)):
      scored = slice(n * k1, (n + 1) * k1)
      if k2 < k1:
        is_cut = lambda position: position % k2 == 0
      else:
        # Bound now: the lambda is called within this round of the loop.
        is_cut = lambda position, at=scored.stop - k2: position == at
      hand = jax.value_and_grad(by_hand, has_aux=True)
      (expected, _), expected_grads = hand(PARAMS, scored, is_cut)
      full = jax.grad(lambda p, s=scored: by_hand(p, s, lambda _: False)[0])(
        PARAMS
      )
      np.testing.assert_allclose(value, expected, rtol=1e-5)
      for name in ('w', 'u'):
        self.assertNotEqual(expected_grads[name], 0)
      for name in PARAMS:
        np.testing.assert_allclose(
          grads[name], expected_grads[name], rtol=1e-4, atol=1e-6
        )
        differs |= abs(full[name] - grads[name]) > 1e-3 * abs(full[name]) > 0
    self.assertTrue(differs)

  @parameterized.parameters(*CASES)
  def test_the_learned_carry_is_reached_from_the_first_k2_steps_only(
    self, k1, k2
  ):
    for n, (_, _, grads) in enumerate(windows(k1, k2)):
      reaches = n * k1 < max(k1, k2) - k1 + 1
      self.assertEqual(grads['h_0'] != 0, reaches, n)

  @parameterized.parameters(*CASES)
  def test_windows_in_order_equal_the_stream_in_one_go(self, k1, k2):
    sums = weights = 0.0
    for n, (value, aux, _) in enumerate(windows(k1, k2)):
      # The next window begins k2 - k1 steps before what it scores.
      begins = (n + 1) * k1 - max(k2 - k1, 0)
      if begins > 0:
        _, carry = by_hand(PARAMS, slice(0, begins), lambda _: False)
        np.testing.assert_allclose(aux.carry, carry, rtol=1e-5)
      sums, weights = sums + value, weights + aux.weight
      np.testing.assert_allclose(aux.metrics['error'], (value, aux.weight))
    everything, _ = by_hand(PARAMS, slice(0, N), lambda _: False)
    np.testing.assert_allclose(sums, everything, rtol=1e-5)
    self.assertEqual(weights, N - 1)

  @parameterized.parameters(*CASES)
  def test_the_carry_that_enters_is_a_constant(self, k1, k2):
    batch = data.Streams(TOKENS, B, k1, k2)(1)
    batch = batch._replace(resets=np.zeros_like(batch.resets))

    def value(cut_loss, carry):
      return cut_loss(PARAMS, carry, batch, None, {})[0]

    carry = jnp.array([0.1, -0.2])
    # For k2 > k1 the first steps weigh nothing, and yet the gradient passes.
    self.assertTrue(jax.grad(value, argnums=1)(loss, carry).all())
    cut_loss = tbptt.truncate(loss, k1, k2)
    np.testing.assert_array_equal(
      jax.grad(value, argnums=1)(cut_loss, carry), 0
    )

  def test_bptt_steps_is_update_every_where_it_is_not_given(self):
    batch = data.Streams(TOKENS, B, 6)(1)
    both = [
      jax.grad(tbptt.truncate(loss, *sizes), has_aux=True)(
        PARAMS, jnp.zeros(B), batch, None, {}
      )[0]
      for sizes in ((6,), (6, 6))
    ]
    self.assertEqual(*both)

  @parameterized.parameters((6, 4), (4, 6), (3, 2))
  def test_sizes_that_do_not_divide_are_refused(self, k1, k2):
    with self.assertRaisesRegex(ValueError, f'bptt_steps={k2}.*divide'):
      tbptt.truncate(loss, k1, k2)

  @parameterized.parameters((6, 2, 3), (2, 6, 2), (4, 4, 1))
  def test_every_stretch_has_a_key_of_its_own(self, k1, k2, stretches):
    def noisy(params, carry, batch, key, hparams):
      draw = jax.random.uniform(key)
      total, aux = loss(params, carry, batch, None, hparams)
      moments = {'1': (draw, 1.0), '2': (draw**2, 1.0)}
      return total, aux._replace(metrics=moments)

    batch = data.Streams(TOKENS, B, k1, k2)(1)
    _, aux = tbptt.truncate(noisy, k1, k2)(
      PARAMS, jnp.zeros(B), batch, jax.random.key(0), {}
    )
    (first, count), (second, _) = aux.metrics['1'], aux.metrics['2']
    self.assertEqual(count, stretches)
    variance = second / count - (first / count) ** 2
    if stretches > 1:
      self.assertGreater(variance, 1e-4)


if __name__ == '__main__':
  absltest.main()
