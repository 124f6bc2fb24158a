"""Groups of trials that differ in the seed alone."""

import itertools
import math
import random

import numpy as np
from absl.testing import absltest, parameterized
from scipy import stats

from seqjax import errors
from seqjax.sweeps import summary
from seqjax.sweeps import trial as trials


def row(settings, score, status='done', steps=9):
  """A trial that ended; its name is made of its settings."""
  name = '-'.join(f'{k}={x}' for k, x in settings.items())
  metrics = {'loss': score} if status == 'done' else {}
  return (
    trials.Trial(name, settings, '', steps),
    trials.Outcome(status, metrics, seconds=random.random()),
  )


def rows(scores, **fixed):
  """Trials of seeds 0, 1, ...; a name among the scores is a status."""
  return [
    row(fixed | {'seed': seed}, *((x,) if x not in trials.STATUSES else (0, x)))
    for seed, x in enumerate(scores)
  ]


class GroupTest(parameterized.TestCase):
  @parameterized.parameters(2, 3, 4, 30)
  def test_the_interval_is_that_of_student(self, n):
    scores = np.random.default_rng(n).normal(5, 2, n)
    (group,) = summary.groups(rows(scores.tolist()), ['seed'], 'loss')
    self.assertAlmostEqual(group.mean, scores.mean())
    low, high = stats.t.interval(
      0.95, n - 1, loc=scores.mean(), scale=stats.sem(scores)
    )
    np.testing.assert_allclose(
      [group.mean - group.half_width, group.mean + group.half_width],
      [low, high],
      rtol=1e-10,
    )

  def test_by_hand(self):
    # The 97.5 % quantile of Student's t with 3 degrees of freedom is 3.1824;
    # the variance of 1, 2, 3, 6 is 14/3.
    (group,) = summary.groups(rows([1.0, 2.0, 3.0, 6.0]), ['seed'], 'loss')
    self.assertEqual(group.mean, 3)
    self.assertAlmostEqual(
      group.half_width, 3.18245 * math.sqrt(14 / 3 / 4), places=4
    )

  def test_a_single_score_has_no_interval(self):
    (group,) = summary.groups(rows([2.0, 'failed']), ['seed'], 'loss')
    self.assertEqual((group.mean, group.whole), (2.0, False))
    self.assertTrue(math.isnan(group.half_width))

  def test_no_score_has_nothing(self):
    (group,) = summary.groups(rows(['diverged', 'failed']), ['seed'], 'loss')
    numbers = group.mean, group.half_width, group.best(True), group.best(False)
    self.assertTrue(all(map(math.isnan, numbers)))
    self.assertEqual(group.statuses, ('diverged', 'failed'))

  def test_best_is_as_the_metric_has_it(self):
    (group,) = summary.groups(rows([2.0, 'failed', 5.0]), ['seed'], 'loss')
    self.assertEqual((group.best(True), group.best(False)), (5.0, 2.0))


class GroupsTest(parameterized.TestCase):
  def test_trials_that_differ_in_the_seed_stand_together(self):
    found = summary.groups(
      rows([1.0, 2.0], cell='gru', fixed=7) + rows([5.0], cell='lru', fixed=7),
      ['cell', 'seed'],
      'loss',
    )
    self.assertEqual(
      [(x.settings, x.scores) for x in found],
      [({'cell': 'gru'}, (1.0, 2.0)), ({'cell': 'lru'}, (5.0,))],
    )
    self.assertEqual(
      found[0].names, ('cell=gru-fixed=7-seed=0', 'cell=gru-fixed=7-seed=1')
    )

  @parameterized.parameters(
    (False, ['low', 'high', 'low but one', 'dead', 'gone']),
    (True, ['high', 'low', 'low but one', 'dead', 'gone']),
  )
  def test_what_is_whole_comes_first_then_the_better_mean(self, higher, order):
    found = summary.groups(
      rows(['failed', 'failed'], x='gone')
      + rows(['diverged', math.nan], x='dead')
      + rows([3.0, 3.0], x='high')
      # The best, were it not for what is missing.
      + rows([0.0 if not higher else 9.0, 'diverged'], x='low but one')
      + rows([2.0, 2.5], x='low'),
      ['x', 'seed'],
      'loss',
      higher_is_better=higher,
    )
    self.assertEqual([group.settings['x'] for group in found], order)

  def test_equals_come_in_the_order_of_their_settings(self):
    ended = [row({'x': x}, 0, 'failed') for x in (10, 9)]
    ended += [row({'x': x}, 1.0) for x in (8, 10.5)]
    found = summary.groups(ended, ['x'], 'loss')
    self.assertEqual([group.settings['x'] for group in found], [8, 10.5, 9, 10])

  @parameterized.parameters(math.nan, math.inf, -math.inf)
  def test_a_metric_that_is_no_number_is_counted_and_not_averaged(self, score):
    (group,) = summary.groups(rows([1.0, score, 3.0]), ['seed'], 'loss')
    self.assertEqual((group.finite, group.mean), ((1.0, 3.0), 2.0))
    self.assertEqual((group.count('done'), group.count('diverged')), (2, 1))
    self.assertTrue(math.isnan(group.scores[1]))

  def test_the_order_of_arrival_does_not_matter(self):
    ended = list(
      itertools.chain.from_iterable(
        rows([0.1, 0.2, 0.3 * (size % 2), 'diverged'][:n], size=size, cell=cell)
        for size, cell, n in itertools.product([8, 64], ['a', 'b'], [4])
      )
    )
    swept = ['cell', 'size', 'seed']
    expected = summary.groups(ended, swept, 'loss')
    for seed in range(20):
      random.Random(seed).shuffle(ended)
      found = summary.groups(ended, swept, 'loss')
      self.assertEqual(str(found), str(expected))  # NaN is no NaN.
    self.assertEqual(list(found[0].settings), ['cell', 'size'])

  def test_of_a_trial_the_last_stop_counts_and_who_went_further_leads(self):
    ended = [
      row({'x': 1, 'seed': 0}, 5.0, steps=3),
      row({'x': 1, 'seed': 0}, 4.0, steps=9),
      row({'x': 2, 'seed': 0}, 6.0, steps=3),
      row({'x': 3, 'seed': 0}, 1.0, steps=3),
    ]
    found = summary.groups(ended, ['x'], 'loss')
    self.assertEqual(
      [(x.settings, x.scores) for x in found],
      [
        ({'x': 1, 'steps': 9}, (4.0,)),
        ({'x': 3, 'steps': 3}, (1.0,)),
        ({'x': 2, 'steps': 3}, (6.0,)),
      ],
    )

  def test_steps_that_are_swept_are_a_setting_like_any_other(self):
    ended = [
      row({'steps': 3}, 1.0, steps=3),
      row({'steps': 9}, 2.0, steps=9),
    ]
    found = summary.groups(ended, ['steps'], 'loss')
    self.assertEqual([x.settings['steps'] for x in found], [3, 9])

  def test_an_unknown_metric_is_a_sentence(self):
    with self.assertRaisesRegex(
      errors.UserError, "Unknown metric 'los'. Did you mean 'loss'"
    ):
      summary.groups(rows([1.0]), ['seed'], 'los')
    # What did not end has none to be unknown.
    self.assertLen(summary.groups(rows(['failed']), ['seed'], 'los'), 1)


if __name__ == '__main__':
  absltest.main()
