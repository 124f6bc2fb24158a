"""Tests for seqjax.data.splits."""

import collections

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data import splits

# Classes of 1, 2, 3, ... rows, one large, and many of the same small size.
LABELS = (
  *np.repeat(list('abcdefg'), (1, 2, 3, 5, 8, 1, 200)),
  *np.repeat([f'intent {i}' for i in range(40)], 3),
)
LABELS = tuple(np.random.default_rng(0).permutation(LABELS))
COUNTS = collections.Counter(LABELS)


def counts_of(ids):
  return collections.Counter(LABELS[i] for i in ids)


class HoldOutTest(parameterized.TestCase):
  @parameterized.product(fraction=(0.02, 0.1, 0.3, 0.5, 0.9), seed=(0, 1))
  def test_each_class_has_its_share_and_stays_in_training(self, fraction, seed):
    train, held = splits.hold_out(LABELS, fraction, seed)
    self.assertEqual(sorted([*train, *held]), list(range(len(LABELS))))
    self.assertEqual(train.tolist(), sorted(train))
    self.assertEqual(held.tolist(), sorted(held))
    found = counts_of(held)
    for label, count in COUNTS.items():
      self.assertLess(abs(found[label] - fraction * count), 1)
      self.assertLess(found[label], count)

  @parameterized.parameters(0.02, 0.1, 0.3, 0.5)
  def test_the_whole_has_its_share_where_classes_are_small(self, fraction):
    labels = np.repeat(np.arange(51), 3)
    _, held = splits.hold_out(labels, fraction)
    self.assertAlmostEqual(len(held), fraction * len(labels), delta=0.5)

  def test_another_seed_holds_out_other_rows(self):
    one, two, three = (
      splits.hold_out(LABELS, 0.3, seed)[1].tolist() for seed in (0, 1, 0)
    )
    self.assertNotEqual(one, two)
    self.assertEqual(one, three)

  @parameterized.parameters(0, 1, -0.1, 1.5, float('nan'))
  def test_a_fraction_lies_between_0_and_1(self, fraction):
    with self.assertRaisesRegex(ValueError, 'fraction between 0 and 1'):
      splits.hold_out(LABELS, fraction)

  @parameterized.parameters(((),), (('a',),), (tuple('abc'),), (tuple('aa'),))
  def test_nothing_to_hold_out_is_a_sentence(self, labels):
    with self.assertRaisesRegex(errors.UserError, f'of {len(labels)} rows'):
      splits.hold_out(labels, 0.2)


class FoldTest(parameterized.TestCase):
  @parameterized.product(num_folds=(2, 3, 10), seed=(0, 1))
  def test_each_row_is_in_one_fold_and_each_fold_has_its_share(
    self, num_folds, seed
  ):
    held_once = []
    for k in range(num_folds):
      train, held = splits.fold(LABELS, num_folds, k, seed)
      self.assertEqual(sorted([*train, *held]), list(range(len(LABELS))))
      self.assertLess(abs(len(held) - len(LABELS) / num_folds), 1)
      found = counts_of(held)
      for label, count in COUNTS.items():
        self.assertLess(abs(found[label] - count / num_folds), 1)
      held_once += held.tolist()
    self.assertEqual(sorted(held_once), list(range(len(LABELS))))

  def test_another_seed_makes_other_folds(self):
    one, two, three = (
      splits.fold(LABELS, 3, 1, seed)[1].tolist() for seed in (0, 1, 0)
    )
    self.assertNotEqual(one, two)
    self.assertEqual(one, three)

  @parameterized.parameters((1, 0), (3, 3), (3, -1))
  def test_a_fold_is_among_the_folds(self, num_folds, k):
    with self.assertRaisesRegex(ValueError, f'num_folds={num_folds} and k={k}'):
      splits.fold(LABELS, num_folds, k)

  def test_fewer_rows_than_folds_are_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, '10 folds .* got 9'):
      splits.fold(LABELS[:9], 10, 0)


if __name__ == '__main__':
  absltest.main()
