"""One token by chance, against the distribution that it claims."""

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import decoding
from seqjax.decoding import choosing

# Probabilities of five tokens; the likeliest are 3, 0, and then 1 and 4 alike.
P = np.array([0.3, 0.1, 0.06, 0.44, 0.1])


class LikeliestTest(parameterized.TestCase):
  @parameterized.parameters(
    ({}, [0, 1, 2, 3, 4]),
    ({'top_k': 9}, [0, 1, 2, 3, 4]),
    ({'top_k': 3}, [0, 1, 3]),
    ({'top_k': 1}, [3]),
    ({'top_p': 1e-9}, [3]),
    ({'top_p': 0.43}, [3]),
    ({'top_p': 0.45}, [0, 3]),
    ({'top_p': 0.75}, [0, 1, 3]),
    ({'top_p': 0.9999}, [0, 1, 2, 3, 4]),
    # Of the two likeliest the first has 0.59.
    ({'top_k': 2, 'top_p': 0.58}, [3]),
    ({'top_k': 2, 'top_p': 0.6}, [0, 3]),
  )
  def test_they_are_drawn_as_often_as_they_should(self, options, kept):
    num_rows = 20_000
    logits = jnp.broadcast_to(jnp.log(P), (num_rows, 5)) + 7
    tokens = choosing.choose(
      jax.random.key(0), logits, jnp.float32(1), **options
    )
    expected = np.where(np.isin(np.arange(5), kept), P, 0)
    counts = np.bincount(tokens, minlength=5)
    # Five standard deviations of a share near a half are 0.018.
    np.testing.assert_allclose(
      counts / num_rows, expected / expected.sum(), atol=0.018
    )
    np.testing.assert_array_equal(np.flatnonzero(counts), kept)
    self.assertEqual(tokens.dtype, jnp.int32)

  @parameterized.parameters({'top_k': -1}, {'top_p': 0.0}, {'top_p': 1.5})
  def test_what_is_no_share_is_refused(self, **options):
    with self.assertRaisesRegex(ValueError, 'Expected top_k >= 0'):
      choosing.choose(
        jax.random.key(0), jnp.zeros((1, 3)), jnp.float32(1), **options
      )


class TemperTest(parameterized.TestCase):
  @parameterized.parameters(0.3, 1.0, 4.0)
  def test_it_is_the_log_of_the_tempered_softmax(self, temperature):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2, 5)).astype(np.float32)
    p = np.exp(logits.astype(np.float64) / temperature)
    p[:, 1] = 0
    found = decoding.temper(jnp.asarray(logits), temperature, (1,))
    np.testing.assert_allclose(
      np.exp(found), p / p.sum(axis=-1, keepdims=True), rtol=1e-5
    )


class ExtremeTemperatureTest(parameterized.TestCase):
  @parameterized.parameters(1e-30, 1e-3, 1e3, float('inf'))
  def test_no_temperature_makes_a_probability_that_is_none(self, temperature):
    logits = jnp.array([[3.0, -2.0, 900.0, 0.5]])
    scores = np.asarray(decoding.temper(logits, temperature, banned=(2,)))
    np.testing.assert_allclose(np.exp(scores).sum(), 1, 1e-5)
    self.assertEqual(scores[0, 2], -np.inf)
    if temperature < 1:
      self.assertEqual(scores.argmax(), 0)


if __name__ == '__main__':
  absltest.main()
