"""Numbers that are not finite are skipped."""

import os

import numpy as np
import small_run
from absl.testing import absltest

from seqjax.training import loop as loop_lib


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


if __name__ == '__main__':
  absltest.main()
