"""Numbers that are not finite: skipped, gone round, given up on."""

import os
import signal
from unittest import mock

import jax.numpy as jnp
import numpy as np
import small_run
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.training import loop as loop_lib
from seqjax.training import signals
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

  def test_a_state_amid_bad_batches_is_not_saved(self):
    with self.assertRaises(small_run.Killed):
      # Step 6 would be saved, and is the second of three bad ones.
      self.fit(batches=small_run.killer(small_run.bad_batches(4, 5, 6), 8))
    (newest,) = loop_lib.restore(self.plan(), self.folder / 'run')[:1]
    self.assertEqual(newest, 8)
    names = os.listdir(self.folder / 'run' / 'checkpoints')
    self.assertSameElements(names, ['4', '8'])


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
    # No batch that failed is asked for again.
    self.assertEqual([asked.count(index) for index in range(5, 15)], [1] * 10)
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
      stop, bad = [], small_run.bad_batches(*BAD)

      def batches(index, at=at, stop=stop, bad=bad):
        if index == at:
          stop.append(signal.SIGTERM)
        return bad(index)

      with mock.patch.object(
        signals, 'requested', lambda stop=stop: stop[0] if stop else None
      ):
        with self.subTest(at), self.assertRaises(errors.Stopped):
          self.fit_bad(f'{at}', batches=batches)
      self.assertEqual(self.fit_bad(f'{at}'), unbroken)

  @parameterized.parameters(0, 7)
  def test_batches_that_stay_bad_end_the_run(self, first):
    with self.assertRaisesRegex(errors.GaveUp, '--learning_rate'):
      self.fit_bad(bad=range(first, 1000), steps=1000)
    self.assertLen(
      [x for x in self.said if 'back to step' in x], loop_lib.MAX_ROLLBACKS
    )
    # The last good state is there.
    if first:
      step, params = loop_lib.restore(self.plan(), self.folder / 'run')
      self.assertEqual(step, 6)
      self.assertTrue(np.isfinite(params['w']).all())


if __name__ == '__main__':
  absltest.main()
