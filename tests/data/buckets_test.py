"""Tests for seqjax.data.buckets."""

import collections
import itertools

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import buckets

# (N, B, max_compilations, data_seed): full and short batches, more sequences
# and fewer than B, one edge and more edges than there are lengths.
CASES = (
  (50, 4, 3, 0),
  (48, 4, 1, 0),
  (53, 7, 5, 3),
  (31, 1, 4, 1),
  (9, 64, 2, 0),
  (40, 3, 99, 2),
  (1, 1, 1, 0),
)


def lengths_of(num_sequences):
  return np.random.default_rng(num_sequences).integers(0, 12, num_sequences)


def make(num_sequences, *args, **options):
  return buckets.Buckets(lengths_of(num_sequences), *args, **options)


def epoch_of(plan, epoch=0):
  num = plan.batches_per_epoch
  return [plan.rows(epoch * num + i) for i in range(num)]


def steps_of(edges, lengths, batch_size):
  """Computed steps of an epoch by their definition; None where one is long."""
  held = collections.Counter(
    next((edge for edge in edges if n <= edge), None) for n in lengths
  )
  if None in held:
    return None
  return sum(e * batch_size * -(-n // batch_size) for e, n in held.items())


class EdgesTest(parameterized.TestCase):
  @parameterized.parameters(*itertools.product(range(6), (1, 2, 3, 8)))
  def test_they_are_the_best_of_all_choices(self, seed, batch_size):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 9, rng.integers(1, 25))
    for max_edges in (1, 2, 3, 9):
      best = min(
        (steps, size)
        for size in range(1, max_edges + 1)
        for edges in itertools.combinations(range(1, 10), size)
        if (steps := steps_of(edges, lengths, batch_size)) is not None
      )
      found = buckets.best_edges(lengths, batch_size, max_edges)
      self.assertEqual((steps_of(found, lengths, batch_size), len(found)), best)

  def test_each_is_the_length_of_a_sequence(self):
    edges = buckets.best_edges(np.array([3, 700, 90, 3, 88]), 1, 3)
    self.assertEqual(edges, (3, 90, 700))

  def test_there_are_no_more_than_help(self):
    # One batch holds all: a second edge would compute a second batch.
    self.assertEqual(buckets.best_edges(np.arange(1, 9), 8, 8), (8,))

  def test_nothing_is_padded_to_no_step_at_all(self):
    self.assertEqual(buckets.best_edges(np.zeros(3, int), 2, 4), (1,))


class BucketsTest(parameterized.TestCase):
  @parameterized.product(case=CASES, shuffle=(True, False))
  def test_each_sequence_is_read_once_an_epoch(self, case, shuffle):
    plan = make(*case, shuffle=shuffle)
    for epoch in (0, 1, 5):
      ids = np.concatenate([rows.ids for rows in epoch_of(plan, epoch)])
      self.assertEqual(sorted(ids[ids >= 0]), list(range(case[0])))
      self.assertTrue(np.all(ids[ids < 0] == -1))

  @parameterized.product(case=CASES, shuffle=(True, False))
  def test_each_stands_under_the_smallest_edge_that_holds_it(
    self, case, shuffle
  ):
    plan, lengths = make(*case, shuffle=shuffle), lengths_of(case[0])
    for length, ids in epoch_of(plan, 2):
      self.assertLen(ids, plan.batch_size)
      for n in lengths[ids[ids >= 0]]:
        self.assertEqual(length, min(e for e in plan.edges if n <= e))

  @parameterized.parameters(*CASES)
  def test_every_epoch_has_the_same_shapes(self, *case):
    plan = make(*case)
    shapes = [sorted(r.length for r in epoch_of(plan, e)) for e in range(3)]
    self.assertEqual(shapes[0], shapes[1])
    self.assertEqual(shapes[0], shapes[2])
    self.assertEqual(set(shapes[0]), set(plan.edges))
    self.assertLessEqual(plan.num_programs, case[2])

  @parameterized.parameters(*CASES)
  def test_an_epoch_computes_what_the_edges_were_chosen_for(self, *case):
    plan, lengths = make(*case), lengths_of(case[0])
    steps = sum(r.length * len(r.ids) for r in epoch_of(plan))
    self.assertEqual(steps, steps_of(plan.edges, lengths, plan.batch_size))
    self.assertAlmostEqual(plan.density, lengths.sum() / steps)

  def test_a_batch_is_a_function_of_its_index(self):
    plan, other = make(53, 7, 5, 3), make(53, 7, 5, 3)
    num = 3 * plan.batches_per_epoch
    in_order = [plan.rows(i) for i in range(num)]
    for i in np.random.default_rng(0).permutation(num):
      self.assertEqual(other.rows(i).length, in_order[i].length)
      np.testing.assert_array_equal(other.rows(i).ids, in_order[i].ids)

  def test_another_epoch_or_seed_is_another_order(self):
    orders = [
      [(r.length, *r.ids) for r in epoch_of(make(53, 7, 5, seed), epoch)]
      for seed, epoch in itertools.product((0, 1), (0, 1))
    ]
    for one, two in itertools.combinations(orders, 2):
      self.assertNotEqual([x[0] for x in one], [x[0] for x in two])
      self.assertNotEqual({frozenset(x) for x in one}, set(map(frozenset, two)))

  def test_the_order_is_frozen(self):
    # A run of last year goes on with the batches that it began with.
    plan = buckets.Buckets(range(9), 2, 2, 5)
    self.assertEqual(
      [(r.length, r.ids.tolist()) for r in epoch_of(plan, 1)],
      [(8, [4, 5]), (2, [0, 1]), (2, [2, -1]), (8, [6, 7]), (8, [8, 3])],
    )

  def test_evaluation_reads_the_buckets_in_order(self):
    for epoch in (0, 1):
      rows = epoch_of(make(53, 7, 5, shuffle=False), epoch)
      lengths = [r.length for r in rows]
      self.assertEqual(lengths, sorted(lengths))
      for _, group in itertools.groupby(rows, key=lambda r: r.length):
        ids = np.concatenate([r.ids for r in group])
        ids = ids[: np.sum(ids >= 0)]  # Fillers stand last.
        self.assertEqual(ids.tolist(), sorted(ids))
        self.assertGreaterEqual(ids[0], 0)

  def test_a_batch_larger_than_the_data_shrinks(self):
    plan = make(9, 64, 1)
    self.assertEqual((plan.batch_size, plan.batches_per_epoch), (9, 1))

  def test_batches_are_read_only(self):
    with self.assertRaisesRegex(ValueError, 'read-only'):
      make(9, 2, 2).rows(0).ids[0] = 3

  def test_the_report_says_what_is_compiled_and_padded(self):
    lengths = [2] * 3 + [1000]
    self.assertEqual(
      buckets.Buckets(lengths, 2, 2).report(),
      '4 sequences of 2 to 1,000 steps in 3 x 2 rows, padded to 2, 1,000 '
      '(2 programs): density 0.501, padding 49.9%',
    )
    self.assertIn('(1 program)', buckets.Buckets(lengths, 2, 1).report())
    self.assertStartsWith(
      buckets.Buckets([1000] * 3, 2, 2).report(),
      '3 sequences of 1,000 steps in',
    )

  @parameterized.parameters(
    (([], 2, 2), 'got none'),
    (([3], 0, 2), 'batch_size of at least 1, got 0'),
    (([3], 2, 0), 'max_compilations of at least 1, got 0'),
  )
  def test_what_the_user_can_mend_is_a_sentence(self, args, sentence):
    with self.assertRaisesRegex(errors.UserError, sentence):
      buckets.Buckets(*args)

  @parameterized.parameters(
    ([[1, 2]], 'shape'), ([1.5], 'float64'), ([3, -1, 2], 'got -1 at place 1')
  )
  def test_lengths_are_counts(self, lengths, sentence):
    with self.assertRaisesRegex(ValueError, sentence):
      buckets.Buckets(lengths, 2, 2)

  def test_there_is_no_batch_before_the_first(self):
    with self.assertRaisesRegex(ValueError, 'got -1'):
      make(9, 2, 2).rows(-1)


if __name__ == '__main__':
  absltest.main()
