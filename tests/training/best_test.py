"""Tests for seqjax.training.best, through the loop."""

import errno
import math
import os
import shutil
import time
from unittest import mock

import numpy as np
import small_run
from absl.testing import absltest

from seqjax import errors, training
from seqjax.training import checkpoint_format


class BestTest(small_run.LoopTestCase):
  """Scores are given in the order of the evaluations at 0, 4, 8, 10."""

  def fit_scored(self, scores, name='run', **changes):
    found = iter(scores)
    evaluate = lambda params: {'valid/score': next(found)}
    return self.fit(
      name, **{'evaluate': evaluate, 'best': 'valid/score'} | changes
    )

  def best(self, name='run', **changes):
    # Which metric it was, the run knows by itself.
    plan = self.plan(checkpoint='best', **changes)
    step, params = training.restore(plan, self.folder / name)
    return step, np.array(params['w'])

  def test_the_lowest_score_keeps_its_parameters(self):
    self.fit_scored([3.0, 1.0, 2.0, 1.5])
    step, w = self.best()
    self.assertEqual(step, 4)
    np.testing.assert_array_equal(w, dict(self.evaluated)[4])
    self.assertEqual(training.restore(self.plan(), self.folder / 'run')[0], 10)

  def test_or_the_highest(self):
    self.fit_scored([3.0, 1.0, 4.0, 1.5], higher_is_better=True)
    self.assertEqual(self.best()[0], 8)

  def test_of_two_that_are_equal_the_first_stays(self):
    self.fit_scored([3.0, 1.0, 1.0, 1.0])
    self.assertEqual(self.best()[0], 4)

  def test_no_score_that_is_not_finite_is_best(self):
    self.fit_scored([3.0, math.nan, -math.inf, 2.0])
    self.assertEqual(self.best()[0], 10)
    self.fit_scored([math.nan] * 4, 'never')
    with self.assertRaisesRegex(errors.UserError, 'no best parameters'):
      self.best('never')

  def test_a_run_without_a_metric_keeps_none(self):
    self.fit_scored([3.0, 1.0, 2.0, 1.5], best='')
    self.assertFalse((self.folder / 'run' / 'best').exists())

  def test_a_run_that_goes_on_remembers_what_was_best(self):
    self.fit_scored([3.0, 1.0, 2.0], steps=8)
    # Evaluates 8 again, as every resume does, and then 10.
    self.fit_scored([2.0, 1.5])
    self.assertEqual(self.best()[0], 4)

  def test_what_was_best_at_an_end_that_is_none_any_more_is_forgotten(self):
    self.fit_scored([3.0, 2.5, 1.0], steps=6)  # At 0, 4, and the end.
    self.fit_scored([2.0, 2.2])  # At 8 and 10.
    self.assertEqual(self.best()[0], 8)

  def test_a_best_step_that_is_made_again_is_judged_again(self):
    self.fit_scored([3.0, 2.0, 1.0], steps=8)
    shutil.rmtree(self.folder / 'run' / 'checkpoints' / '8')
    self.fit_scored([2.5, 1.5])  # From step 6: at 8 and at 10.
    self.assertEqual(self.best()[0], 10)

  def assert_missing(self):
    with self.assertRaisesRegex(errors.UserError, 'of step 8 are missing'):
      self.best()

  def test_an_older_one_never_passes_for_the_best(self):
    self.fit_scored([3.0, 2.0, 1.0, 1.5])
    folder = self.folder / 'run' / 'best'
    self.assertEqual(
      sorted(x.name for x in folder.iterdir()), ['4', '8', 'metric.json']
    )
    shutil.rmtree(folder / '8')
    self.assert_missing()
    (folder / 'metric.json').write_text('{}')
    with self.assertRaisesRegex(errors.UserError, 'metric.json is damaged'):
      self.best()
    shutil.rmtree(folder)
    with self.assertRaisesRegex(errors.UserError, 'best/ was removed'):
      self.best()

  def test_nor_where_the_disk_was_full(self):
    write = checkpoint_format.write

    def full(directory, step, *args, **kwargs):
      if (directory.name, step) == ('best', 8):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
      return write(directory, step, *args, **kwargs)

    with mock.patch.object(checkpoint_format, 'write', full):
      self.fit_scored([3.0, 2.0, 1.0, 1.5])
    self.assertTrue(any('Training goes on' in line for line in self.said))
    self.assert_missing()

  def test_no_checkpoint_is_ahead_of_the_best_before_it(self):
    """Or a kill between the two would leave it out for good."""
    written, write = [], checkpoint_format.write

    def slowly(directory, step, *args, **kwargs):
      time.sleep(0.3 * (directory.name == 'best'))
      write(directory, step, *args, **kwargs)
      written.append((directory.name, step))

    with mock.patch.object(checkpoint_format, 'write', slowly):
      self.fit_scored([3.0, 2.0, 1.0, 1.5])
    for step, after in ((0, 3), (4, 6), (8, 9)):
      self.assertLess(
        written.index(('best', step)), written.index(('checkpoints', after))
      )


if __name__ == '__main__':
  absltest.main()
