"""What the figures of a sweep have in common."""

from absl.testing import absltest, parameterized
from sweep_groups import group

from seqjax.report import sweep_panels


class TrialsTest(parameterized.TestCase):
  @parameterized.parameters(
    ([1.0, 1.1, 1.2, 1.3, 9.0], False, 9.0),
    ([1.0, 0.9, 0.8, 0.7, -9.0], True, -9.0),
    ([1.0, 1.1, 1.2, 1.3, 2.0], False, None),
    ([1.0, 9.0, 1.1, 9.0], False, None),
    # Most are as good as the best: nothing tells what far is.
    ([1.0, 1.0, 1.0, 1.0, 0.99], True, None),
    ([1.0], False, None),
    (['failed'], False, None),
  )
  def test_what_is_far_worse_than_most_is_told_apart(self, scores, higher, far):
    trials = sweep_panels.trials([group({}, scores)], higher)
    self.assertLen(trials, len(scores))
    found = [x.score for x in trials if x.status == 'far worse']
    self.assertEqual(found, [far] if far else [])

  def test_trials_come_in_the_order_of_the_groups(self):
    groups = [group({'x': 2}, [1.0, 'diverged']), group({'x': 1}, [2.0])]
    self.assertEqual(
      [(x.settings, x.status) for x in sweep_panels.trials(groups, False)],
      [({'x': 2}, 'done'), ({'x': 2}, 'diverged'), ({'x': 1}, 'done')],
    )


if __name__ == '__main__':
  absltest.main()
