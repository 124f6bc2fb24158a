"""Which rows of series are read and scored, by counting them."""

import collections

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.timeseries import windows

# Of several batches, less than a window, nothing, and not from the start.
RANGES = [[0, 10], [3, 4], [5, 5], [2, 22]]
ROWS = {(s, row) for s, (a, b) in enumerate(RANGES) for row in range(a, b)}


def scored(plan, epoch=0):
  """How often each row of each series is scored in an epoch."""
  found = collections.Counter()
  for index in range(plan.batches_per_epoch):
    window = plan(epoch * plan.batches_per_epoch + index)
    for t, b in zip(*np.nonzero(window.scored), strict=True):
      found[int(window.series[b]), int(window.rows[t, b])] += 1
  return found


class WindowsTest(parameterized.TestCase):
  @parameterized.parameters(
    {'shuffle': False}, {'carried': True}, {'shuffle': False, 'context': 5}
  )
  def test_every_row_is_scored_once(self, **kwargs):
    plan = windows.Windows(RANGES, 3, steps=4, **kwargs)
    self.assertEqual(scored(plan), dict.fromkeys(ROWS, 1))

  @parameterized.parameters(0, 1, 5)
  def test_a_sampled_epoch_holds_every_row(self, epoch):
    plan = windows.Windows(RANGES, 3, steps=4, context=2)
    found = scored(plan, epoch)
    self.assertEqual(set(found), ROWS)
    # Only at the ends do windows overlap.
    self.assertLess(sum(found.values()), 1.5 * len(ROWS))

  def test_another_epoch_and_another_seed_cut_elsewhere(self):
    def firsts(data_seed, epoch):
      plan = windows.Windows([[0, 400]], 5, steps=8, data_seed=data_seed)
      start = epoch * plan.batches_per_epoch
      return [
        plan(start + i).rows[0].tolist() for i in range(plan.batches_per_epoch)
      ]

    self.assertEqual(firsts(0, 0), firsts(0, 0))
    self.assertNotEqual(firsts(0, 0), firsts(0, 1))
    self.assertNotEqual(firsts(0, 0), firsts(1, 0))

  def test_every_epoch_begins_its_windows_at_other_rows(self):
    plan = windows.Windows([[0, 400]], 5, steps=8)

    def starts(epoch):
      batches = range(plan.batches_per_epoch)
      first = epoch * plan.batches_per_epoch
      return {int(r) for i in batches for r in plan(first + i).rows[0]}

    self.assertGreater(len(set().union(*map(starts, range(9)))), 200)

  def test_in_order_no_context_is_read(self):
    plan = windows.Windows(RANGES, 2, steps=4, context=3, carried=True)
    self.assertEqual(plan.num_steps, 4)
    self.assertEqual(scored(plan), dict.fromkeys(ROWS, 1))

  def test_the_context_is_read_and_not_scored(self):
    plan = windows.Windows([[5, 9]], 1, steps=4, context=3, shuffle=False)
    window = plan(0)
    self.assertEqual(window.rows[:, 0].tolist(), [2, 3, 4, 5, 6, 7, 8])
    self.assertTrue(window.mask.all())
    self.assertEqual(window.scored[:, 0].tolist(), [False] * 3 + [True] * 4)

  def test_rows_before_a_series_are_not_valid(self):
    plan = windows.Windows([[1, 5]], 1, steps=4, context=3, shuffle=False)
    window = plan(0)
    self.assertEqual(window.rows[:, 0].tolist(), [-2, -1, 0, 1, 2, 3, 4])
    self.assertEqual(window.mask[:, 0].tolist(), [False] * 2 + [True] * 5)

  def test_each_sample_begins_anew(self):
    plan = windows.Windows(RANGES, 3, steps=4, context=2)
    for index in range(plan.batches_per_epoch):
      window = plan(index)
      self.assertTrue(window.resets[0].all())
      self.assertFalse(window.resets[1:].any())

  def test_in_order_a_row_goes_on_where_it_ended(self):
    plan = windows.Windows(RANGES, 2, steps=4, carried=True)
    before = plan(0)
    for index in range(1, 2 * plan.batches_per_epoch):
      now = plan(index)
      for b in range(plan.batch_size):
        same = now.series[b] == before.series[b]
        goes_on = same and now.rows[0, b] == before.rows[0, b] + 4
        if now.series[b] >= 0:
          self.assertEqual(now.resets[0, b], not goes_on)
      before = now

  def test_in_order_there_are_as_many_rows_as_asked_for(self):
    plan = windows.Windows([[0, 3]], 7, steps=4, carried=True)
    window = plan(0)
    self.assertEqual(window.mask.shape, (4, 7))
    self.assertEqual(window.mask.sum(), 3)

  def test_nothing_to_score_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'series are too short'):
      windows.Windows([[4, 4], [3, 2]], 2, steps=4)

  def test_a_negative_index_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'at least 0, got -1'):
      windows.Windows(RANGES, 2, steps=4)(-1)


if __name__ == '__main__':
  absltest.main()
