"""Tests for seqjax.sweeps.estimate."""

import folder_case
from absl.testing import absltest

from seqjax.sweeps import estimate
from seqjax.sweeps import trial as trials


def trial(name):
  return trials.Trial(name, {}, 'p', 100)


class EstimateTest(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.now = 0.0
    self.estimate = estimate.Estimate(self.folder, 1000, lambda: self.now)

  def look(self, now, **steps):
    """At so many seconds, after so many updates of each trial."""
    for name, step in steps.items():
      (self.folder / name).mkdir(exist_ok=True)
      lines = [f'{{"step": {n}}}\n' for n in range(step + 1)]
      self.write(f'{name}/metrics.jsonl', ''.join(lines))
    self.now = now
    return self.estimate.look([trial(name) for name in steps or ('a',)])

  def test_the_whole_takes_as_long_as_the_first_updates_say(self):
    self.assertIsNone(self.look(5, a=1))
    # 40 updates in 10 seconds, of 1,000.
    self.assertAlmostEqual(self.look(15, a=41), 250)

  def test_trials_at_a_time_share_the_whole(self):
    self.look(5, a=1, b=1)
    self.assertAlmostEqual(self.look(15, a=41, b=11), 200)

  def test_what_precedes_the_first_update_is_no_training(self):
    self.assertIsNone(self.look(5, a=0))
    self.assertIsNone(self.look(100, a=1))
    self.assertAlmostEqual(self.look(110, a=41), 250)

  def test_few_updates_or_seconds_say_nothing(self):
    self.look(5, a=1)
    self.assertIsNone(self.look(20, a=20))
    self.look(21, b=1)
    self.assertIsNone(self.look(7, a=90))

  def test_a_trial_without_a_log_says_nothing(self):
    self.assertIsNone(self.look(5))


if __name__ == '__main__':
  absltest.main()
