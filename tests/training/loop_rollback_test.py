"""Numbers that are not finite: skipped, gone round, given up on."""

import contextlib
import os
import signal
from unittest import mock

import jax.numpy as jnp
import numpy as np
import small_run
from absl.testing import absltest, parameterized

from seqjax import errors, training
from seqjax.training import checkpoint_format
from seqjax.training import loop as loop_lib
from seqjax.training import state as state_lib


class NotFiniteTest(small_run.LoopTestCase):
  def test_a_few_bad_batches_are_skipped_and_counted(self):
    self.fit(batches=small_run.bad_batches(4, 5, 6))
    self.assertEqual(
      self.steps_of('train/'), list(range(1, small_run.STEPS + 1))
    )
    skipped = {
      x['step']: x['train/skipped_in_row']
      for x in self.lines()
      if 'train/skipped_in_row' in x
    }
    self.assertEqual(skipped, {5: 1, 6: 2, 7: 3})
    bad = [x['step'] for x in self.lines() if np.isnan(x.get('train/error', 0))]
    self.assertEqual(bad, [5, 6, 7])
    self.assertFalse(any('back to step' in x for x in self.said))
    self.assertTrue(np.isfinite(self.metrics['valid/norm']))
    self.assertNotIn('train/skipped_in_row', self.metrics)

  def test_no_roll_back_leads_to_a_state_amid_bad_batches(self):
    with self.assertRaises(small_run.Killed):
      # Step 6 is saved, and is the second of three bad ones.
      self.fit(batches=small_run.killer(small_run.bad_batches(4, 5, 6), 7))
    folder = self.folder / 'run' / 'checkpoints'
    anchors = {
      int(name): checkpoint_format.is_anchor(folder, int(name))
      for name in os.listdir(folder)
    }
    self.assertEqual(anchors, {4: True, 6: False})

  @parameterized.parameters(
    # Ends in the middle of them, and is then asked for more.
    (6, None),
    # Was stopped there, and what is planned is another step now.
    (10, 7),
  )
  def test_nor_where_it_was_saved_for_another_reason(self, steps, at):
    bad = small_run.bad_batches(*range(4, 16))

    def batches(index):
      if index == at:
        os.kill(os.getpid(), signal.SIGTERM)
      return bad(index)

    with small_run.stop_request(), contextlib.suppress(errors.Stopped):
      self.fit(batches=batches, eval_every=100, steps=steps)
    self.fit(batches=bad, eval_every=100, checkpoint_every=7, steps=20)
    said = [line for line in self.said if 'back to step' in line]
    self.assertLen(said, 1)
    self.assertIn('10 updates in a row up to step 14', said[0])
    self.assertIn('back to step 3', said[0])


# Twice what is skipped in a row.
BAD = range(5, 25)


class RollBackTest(small_run.LoopTestCase):
  """More bad batches in a row than are skipped."""

  def fit_bad(self, name='run', bad=BAD, **changes):
    defaults = {'batches': small_run.bad_batches(*bad), 'steps': 30}
    return self.fit(name, **defaults | changes)

  def test_it_goes_back_and_past_the_batches_that_failed(self):
    asked, bad = [], small_run.bad_batches(*BAD)

    def batches(index):
      asked.append(index)
      return bad(index)

    self.fit_bad(batches=batches)
    said = [x for x in self.said if 'back to step' in x]
    self.assertLen(said, 2)
    self.assertStartsWith(said[0], f'{loop_lib.MAX_SKIPPED} updates in a row')
    self.assertIn('back to step 4, and past those batches', said[0])
    # Of the batches that failed only the first is asked for again, once, for
    # the report.
    asked_again = [asked.count(index) for index in range(5, 15)]
    self.assertEqual(asked_again, [2] + [1] * 9)
    self.assertTrue(np.isfinite(self.metrics['train/error']))

  def test_its_log_is_that_of_a_run_that_never_went_astray(self):
    self.fit_bad()
    self.assertEqual(self.steps_of('train/'), list(range(1, 31)))
    self.assertEqual(
      self.steps_of('valid/'), [*range(0, 30, small_run.EVAL_EVERY), 30]
    )
    order = [line['step'] for line in self.lines()]
    self.assertEqual(order, sorted(order))

  def test_bad_batches_from_the_start_go_back_to_the_beginning(self):
    self.fit_bad(bad=range(0, 15))
    self.assertLen([x for x in self.said if 'back to step 0' in x], 1)
    self.assertEqual(self.steps_of('train/'), list(range(1, 31)))
    self.assertEqual(
      self.steps_of('valid/'), [*range(0, 30, small_run.EVAL_EVERY), 30]
    )

  def test_the_steps_after_it_draw_other_noise(self):
    with mock.patch.object(loop_lib, 'MAX_SKIPPED', 5):
      self.fit_bad(bad=range(0, 5), hparams={'learning_rate': 0.0})
    found = self.lines()
    first = next(x for x in found if 'train/error' in x)
    params = {'w': jnp.asarray(self.evaluated[0][1])}
    state = state_lib.create(
      small_run.TASK, small_run.OPTIMIZER, small_run.batch_of(0), 3
    )
    key = state_lib.step_key(3, state._replace(rollbacks=jnp.int32(1)))
    total, aux = small_run.loss(
      params, jnp.zeros(small_run.B), small_run.batch_of(5), key, {}
    )
    np.testing.assert_allclose(
      first['train/error'], total / aux.weight, rtol=1e-5
    )

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    unbroken = self.fit_bad('unbroken')
    for at in (6, 15, 26):
      with self.subTest(at), self.assertRaises(small_run.Killed):
        self.fit_bad(
          f'{at}', batches=small_run.killer(small_run.bad_batches(*BAD), at)
        )
      self.assertEqual(self.fit_bad(f'{at}'), unbroken)

  def test_a_run_stopped_amid_bad_batches_ends_as_the_unbroken_one(self):
    unbroken = self.fit_bad('unbroken')
    for at in (5, 15):
      bad = small_run.bad_batches(*BAD)

      def batches(index, at=at, bad=bad):
        if index == at:
          os.kill(os.getpid(), signal.SIGTERM)
        return bad(index)

      with small_run.stop_request(), self.subTest(at):
        with self.assertRaises(errors.Stopped):
          self.fit_bad(f'{at}', batches=batches)
      self.assertEqual(self.fit_bad(f'{at}'), unbroken)

  @parameterized.parameters(
    ((6, 7), 7),
    # A checkpoint is due at 6, 8 and 9, too.
    ((5, 6), 6),
    ((7, 8), 8),
  )
  def test_a_signal_amid_bad_batches_loses_no_step(self, bad, at):
    unbroken = self.fit_bad('unbroken', bad=bad, steps=10)

    def batches(index):
      if index == at:
        os.kill(os.getpid(), signal.SIGTERM)
      return small_run.bad_batches(*bad)(index)

    self.stop(batches=batches, steps=10)
    self.assertEqual(self.resumed_at(), at)
    self.assertEqual(self.fit_bad('run', bad=bad, steps=10), unbroken)

  def test_nor_does_one_in_the_evaluation_of_a_bad_step(self):
    def evaluate(params):
      if self.recorded() == 8:
        os.kill(os.getpid(), signal.SIGTERM)
      return self.evaluate(params)

    unbroken = self.fit_bad('unbroken', bad=[7], steps=10)
    self.stop(batches=small_run.bad_batches(7), steps=10, evaluate=evaluate)
    self.assertEqual(self.resumed_at(), 8)
    self.assertEqual(self.fit_bad('run', bad=[7], steps=10), unbroken)

  def resumed_at(self):
    return training.restore(self.plan(), self.folder / 'run')[0]

  def recorded(self):
    """The last step in the log."""
    return max((line['step'] for line in self.lines()), default=0)

  def stop(self, **changes):
    with small_run.stop_request(), self.assertRaises(errors.Stopped):
      self.fit('run', **changes)

  @parameterized.parameters(0, 7)
  def test_batches_that_stay_bad_end_the_run(self, first):
    with self.assertRaisesRegex(errors.GaveUp, '--learning_rate'):
      self.fit_bad(bad=range(first, 1000), steps=1000)
    self.assertLen(
      [x for x in self.said if 'back to step' in x], loop_lib.MAX_ROLLBACKS
    )
    # The last good state is there.
    if first:
      step, params = training.restore(self.plan(), self.folder / 'run')
      self.assertEqual(step, 6)
      self.assertTrue(np.isfinite(params['w']).all())

  def test_a_run_that_gave_up_at_its_end_gives_up_again(self):
    for _ in range(2):
      with self.assertRaisesRegex(errors.GaveUp, 'No update had a finite'):
        self.fit_bad(bad=range(0, 5), steps=5)


if __name__ == '__main__':
  absltest.main()
