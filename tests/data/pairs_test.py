"""What is read beside what is written, in batches."""

import numpy as np
from absl.testing import absltest

from seqjax import data
from seqjax.data import pairs

SOURCES = [np.arange(1, n + 1, dtype=np.int32) for n in (2, 7, 3, 1, 6)]
TARGETS = [np.arange(1, n + 1, dtype=np.int32) for n in (5, 2, 1, 0, 2)]
END = 9


def plan_of(batch_size=2, max_compilations=2):
  return data.Buckets(
    data.pair_lengths(SOURCES, TARGETS),
    batch_size,
    max_compilations,
    shuffle=False,
  )


class PairsTest(absltest.TestCase):
  def test_every_pair_is_there_once_as_it_is(self):
    plan = plan_of()
    batches = data.pair_batches(SOURCES, TARGETS, END, plan)
    seen = []
    for index in range(plan.batches_per_epoch):
      batch, rows = batches(index), plan.rows(index)
      for b, i in enumerate(rows.ids):
        steps = batch.mask[:, b]
        if i < 0:
          self.assertFalse(steps.any() or batch.inputs.source_mask[:, b].any())
          continue
        seen.append(i)
        read = batch.inputs.source[batch.inputs.source_mask[:, b], b]
        np.testing.assert_array_equal(read, SOURCES[i])
        said = [*TARGETS[i], END]
        self.assertEqual(batch.targets[steps, b].tolist(), said)
        before = [END, *TARGETS[i]]
        self.assertEqual(batch.inputs.written[steps, b].tolist(), before)
      np.testing.assert_array_equal(batch.weights, batch.mask)
      np.testing.assert_array_equal(batch.resets[0], True)
      self.assertFalse(batch.resets[1:].any())
    self.assertEqual(sorted(seen), list(range(5)))

  def test_each_side_is_as_long_as_its_bucket_needs(self):
    plan = plan_of(batch_size=1)
    batches = data.pair_batches(SOURCES, TARGETS, END, plan)
    shapes = {
      (len(batch.inputs.source), len(batch.targets))
      for batch in map(batches, range(plan.batches_per_epoch))
    }
    # One program each: of the pairs of up to 3 steps, and of the others.
    self.assertEqual(shapes, {(3, 2), (7, 6)})

  def test_numbers_are_read_as_they_are(self):
    sources = [np.ones((len(x), 4), np.float32) for x in SOURCES]
    batch = data.pair_batches(sources, TARGETS, END, plan_of())(0)
    self.assertEqual(batch.inputs.source.shape[2:], (4,))
    self.assertEqual(batch.inputs.source.dtype, np.float32)

  def test_a_plan_of_other_lengths_is_refused(self):
    with self.assertRaisesRegex(ValueError, 'lengths that were planned'):
      data.pair_batches(SOURCES[::-1], TARGETS, END, plan_of())

  def test_nothing_written_is_the_end_alone(self):
    written, targets, mask = pairs.write([np.zeros(0, np.int32)], [0, -1], 2, 5)
    self.assertEqual(written[:, 0].tolist(), [5, 0])
    self.assertEqual(targets[:, 0].tolist(), [5, 0])
    self.assertEqual(mask.sum(), 1)


if __name__ == '__main__':
  absltest.main()
