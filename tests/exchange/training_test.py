"""Ten training steps from copied weights, as Keras and torch train."""

import os
import sys
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized

from benchmarks import training_parity
from benchmarks.training_parity import LIMIT, ONE_BIAS, US


def usual_modes(test):
  """Keras, torch and optax know nothing of the strict modes of this suite."""
  test.enterContext(jax.numpy_dtype_promotion('standard'))
  test.enterContext(jax.numpy_rank_promotion('allow'))


@pytest.mark.slow
class TrainingParityTest(parameterized.TestCase):
  def check(self, name):
    case = training_parity.CASES[name]
    # Without it Keras looks for TensorFlow.
    os.environ.setdefault('KERAS_BACKEND', 'jax')
    pytest.importorskip(case.system)
    usual_modes(self)
    comparison = training_parity.compare(case)
    self.assertLen(comparison.theirs, 10)
    # They do move.
    self.assertGreater(np.ptp(comparison.theirs), 0.05)
    apart = comparison.differences
    self.assertLess(apart[US].max(), LIMIT)
    self.assertLess(comparison.answers, LIMIT)
    return apart

  def test_losses_are_those_of_keras(self):
    self.check('Keras SimpleRNN, adam')

  @parameterized.parameters('Adam', 'SGD')
  def test_losses_are_those_of_torch_with_two_biases_alone(self, optimizer):
    one_bias = self.check(f'torch LSTM, {optimizer}')[ONE_BIAS]
    # Alike before the first step, apart after the second.
    self.assertLess(one_bias[0], LIMIT)
    self.assertGreater(one_bias[2], LIMIT)
    self.assertGreater(one_bias[-1], 10 * LIMIT)


class BenchmarkTest(parameterized.TestCase):
  def test_epsilon_stands_where_keras_has_it(self):
    usual_modes(self)
    # As small as epsilon: where it stands decides.
    grads = 1e-6 * np.random.default_rng(0).normal(size=(4, 5))
    optimizer = training_parity.adam_of_keras()
    opt_state = optimizer.init(jnp.zeros(5))
    m = v = 0
    for i, grad in enumerate(grads, start=1):
      m = 0.9 * m + 0.1 * grad
      v = 0.999 * v + 0.001 * grad**2
      rate = 1e-3 * np.sqrt(1 - 0.999**i) / (1 - 0.9**i)
      update, opt_state = optimizer.update(
        jnp.asarray(grad, jnp.float32), opt_state
      )
      np.testing.assert_allclose(
        update,
        -rate * m / (np.sqrt(v) + 1e-7),
        # In float32 1 - 0.999 has four digits.
        rtol=1e-4,
      )

  @parameterized.parameters(
    ([1.0, 2.0], 0.0, None),
    ([1.0, 2.00003], 0.0, 70),
    ([1.0, np.nan], 0.0, 70),
    ([1.0, 2.0], 2e-5, 70),
    ([1.0, 2.0], np.nan, 70),
  )
  def test_what_differs_ends_it_with_70(self, ours, answers, code):
    comparison = training_parity.Comparison(
      np.array([1.0, 2.0]),
      {US: np.array(ours), ONE_BIAS: np.array([1.0, 3.0])},
      answers,
    )
    case = training_parity.CASES['torch LSTM, SGD']
    # Named after modules, of which one is there.
    cases = {name: case._replace(system=name) for name in ('math', 'missing')}
    calls = []
    compare = lambda case, *_: calls.append(case.system) or comparison
    with (
      mock.patch.object(sys, 'argv', ['training_parity']),
      mock.patch.object(training_parity, 'CASES', cases),
      mock.patch.object(training_parity, 'compare', compare),
    ):
      if code is None:
        training_parity.main()
      else:
        with self.assertRaises(SystemExit) as caught:
          training_parity.main()
        self.assertEqual(caught.exception.code, code)
    self.assertEqual(calls, ['math'])


if __name__ == '__main__':
  absltest.main()
