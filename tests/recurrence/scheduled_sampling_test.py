"""Coins, and how their probability falls."""

import jax
import numpy as np
from absl.testing import absltest

from seqjax import errors
from seqjax.recurrence import scheduled_sampling


class ScheduledSamplingTest(absltest.TestCase):
  def test_coins_of_probability_0_and_1_know_their_side(self):
    toss = jax.jit(
      lambda p: scheduled_sampling.coins(jax.random.key(0), p, 99, 50)
    )
    self.assertEqual(toss(1.0).shape, (99, 50))
    self.assertTrue(toss(1.0).all())
    self.assertFalse(toss(0.0).any())
    self.assertAlmostEqual(float(toss(0.25).mean()), 0.25, delta=0.02)
    # Every step and row tosses its own.
    self.assertGreater(toss(0.5).std(axis=0).min(), 0)
    self.assertGreater(toss(0.5).std(axis=1).min(), 0)

  def test_schedules_are_those_of_the_paper(self):
    i = np.array([0, 1, 50, 700])
    for name, k, exact in (
      ('constant', 0.3, 0.3 + 0 * i),
      ('linear', 100, np.maximum(1 - i / 100, 0)),
      ('exponential', 0.99, 0.99**i),
      ('inverse_sigmoid', 20, 20 / (20 + np.exp(i / 20))),
    ):
      ours = jax.jit(scheduled_sampling.schedule(name, k))(i)
      np.testing.assert_allclose(ours, exact, 1e-5, 1e-12)
      ours = scheduled_sampling.schedule(name, k, last=0.2)(i)
      np.testing.assert_allclose(ours, np.maximum(exact, 0.2), 1e-5)

  def test_a_schedule_lasts_as_long_as_training(self):
    for name, k in (
      ('exponential', 0.9),
      ('inverse_sigmoid', 1),
      ('linear', 1),
    ):
      self.assertEqual(scheduled_sampling.schedule(name, k)(10**9), 0)

  def test_mistakes_are_sentences(self):
    with self.assertRaisesRegex(errors.UserError, "Did you mean 'linear'"):
      scheduled_sampling.schedule('lineer', 1)
    for name, k in (
      ('constant', 1.5),
      ('linear', 0),
      ('exponential', 1),
      ('inverse_sigmoid', 0.5),
    ):
      with self.assertRaisesRegex(errors.UserError, f'k is {k}; the schedule'):
        scheduled_sampling.schedule(name, k)
    with self.assertRaisesRegex(errors.UserError, 'last is -1'):
      scheduled_sampling.schedule('linear', 10, last=-1)


if __name__ == '__main__':
  absltest.main()
