from absl.testing import absltest

from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import groups

TRIALS = [trials.Trial(name, {}, 'p', 5) for name in 'abc']
DONE = trials.Outcome('done', {'x': 1.0}, 2.0)


class GroupsTest(absltest.TestCase):
  def test_what_is_reported_comes_back_in_order(self):
    def run(job, group, report):
      for trial in reversed(group):
        report(trial, DONE)

    ended = groups.run(run, None, TRIALS)
    self.assertEqual(ended, [(trial, DONE) for trial in TRIALS[::-1]])

  def test_every_trial_is_there_once(self):
    for count in range(4):
      reported = [(trial, DONE) for trial in TRIALS[:count]]
      ended = groups.complete(TRIALS, reported, 'It went.')
      self.assertEqual([trial for trial, _ in ended], TRIALS)
      statuses = [outcome.status for _, outcome in ended]
      self.assertEqual(statuses, ['done'] * count + ['lost'] * (3 - count))
      self.assertTrue(all(x.error == 'It went.' for _, x in ended[count:]))

  def test_a_trial_with_more_steps_is_another_one(self):
    longer = trials.Trial('a', {}, 'p', 10)
    ended = groups.complete([longer], [(TRIALS[0], DONE)], '')
    self.assertEqual(ended[0][1].status, 'lost')


if __name__ == '__main__':
  absltest.main()
