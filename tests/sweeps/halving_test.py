"""Tests for seqjax.sweeps.halving."""

import functools
import math

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.sweeps import halving
from seqjax.sweeps import trial as trials

RUNGS = 10, 30, 90
make = functools.partial(trials.make, experiment.Config)


def searched(count, rungs=RUNGS, eta=3, higher=False):
  settings = [{'seed': seed} for seed in range(count)]
  return halving.Halving(settings, make, 'loss', higher, rungs, eta)


def losses(count, rungs=RUNGS):
  """[rungs, seeds], with ties and with numbers that are none."""
  rng = np.random.default_rng(count)
  found = rng.integers(0, 6, (len(rungs), count)).astype(float)
  found[rng.random(found.shape) < 0.2] = np.nan
  return found


def swept(search, table, rungs=RUNGS, workers=1, seed=0, known=()):
  """The keys asked for, in order; which trial ends next is drawn."""
  rng, asked, under_way, known = np.random.default_rng(seed), [], [], {*known}
  while True:
    while len(under_way) < workers and (trial := search.ask()):
      asked.append((trial.settings['seed'], trial.steps))
      if asked[-1] in known:
        search.tell(trial, ended(trial, table, rungs))
      else:
        under_way.append(trial)
    if not under_way:
      return asked
    trial = under_way.pop(rng.integers(len(under_way)))
    search.tell(trial, ended(trial, table, rungs))


def ended(trial, table, rungs):
  """Of two trials that have no loss, one fails, and one says NaN."""
  seed = trial.settings['seed']
  loss = table[rungs.index(trial.steps), seed]
  if math.isnan(loss) and seed % 2:
    return trials.Outcome('diverged', {}, 1.0, 'no numbers')
  return trials.Outcome('done', {'loss': loss}, 1.0)


def brute_force(table, rungs, eta, higher):
  """What is asked for: each rung sorted by hand."""
  alive, asked = list(range(table.shape[1])), []
  for row, steps in zip(table, rungs, strict=True):
    asked += [(seed, steps) for seed in alive]
    places = len(alive) // eta or 1
    row = np.where(np.isnan(row), np.inf, -row if higher else row)
    order = np.argsort(row[alive], kind='stable')
    alive = [alive[i] for i in order if row[alive[i]] < np.inf][:places]
  return asked


class HalvingTest(parameterized.TestCase):
  def test_by_hand(self):
    table = np.array(
      [
        [5, 1, 9, 2, 8, 3, 7, 6, 4],
        [0, 7, 0, 5, 0, 6, 0, 0, 0],
        [0, 0, 0, 4, 0, 0, 0, 0, 0],
      ],
      float,
    )
    first = [(seed, 10) for seed in range(9)]
    then = [(1, 30), (3, 30), (5, 30), (3, 90)]
    self.assertEqual(swept(searched(9), table), first + then)

  @parameterized.product(
    count=(1, 2, 8, 13, 40),
    rungs=((5,), (10, 30, 90), (1, 2, 3, 4)),
    eta=(2, 3, 5),
    higher=(False, True),
  )
  def test_it_is_brute_force(self, count, rungs, eta, higher):
    table = losses(count, rungs)
    self.assertEqual(
      swept(searched(count, rungs, eta, higher), table, rungs),
      brute_force(table, rungs, eta, higher),
    )

  @parameterized.product(workers=(1, 2, 7, 100), seed=(0, 1))
  def test_the_order_in_which_trials_end_changes_nothing(self, workers, seed):
    table = losses(20)
    self.assertEqual(
      swept(searched(20), table, workers=workers, seed=seed),
      swept(searched(20), table),
    )

  @parameterized.parameters(0, 5, 21, 26, 29)
  def test_a_sweep_that_goes_on_asks_for_the_same(self, known):
    table = losses(20)
    whole = swept(searched(20), table)
    self.assertLen(whole, 20 + 6 + 2)
    again = swept(searched(20), table, workers=3, known=whole[:known])
    self.assertEqual(again, whole)

  def test_a_rung_waits_for_all_of_the_last(self):
    search = searched(4, eta=2)
    first = [search.ask() for _ in range(3)]
    # A place that becomes free goes to one that waits.
    search.tell(first[0], trials.Outcome('done', {'loss': 1.0}, 1.0))
    first.append(search.ask())
    self.assertEqual([x.settings['seed'] for x in first], [0, 1, 2, 3])
    for trial in first[1:]:
      self.assertIsNone(search.ask())
      search.tell(trial, trials.Outcome('done', {'loss': 2.0}, 1.0))
    self.assertEqual(search.ask().steps, 30)

  def test_a_trial_goes_on_in_its_run_directory(self):
    search = searched(1, rungs=(10, 30))
    low = search.ask()
    search.tell(low, trials.Outcome('done', {'loss': 1.0}, 1.0))
    high = search.ask()
    self.assertEqual(low.name, high.name)
    self.assertEqual(low.program, high.program)
    self.assertEqual(high.settings, {'seed': 0, 'steps': 30})

  @parameterized.parameters('diverged', 'failed')
  def test_where_all_go_bad_nothing_goes_on(self, status):
    search = searched(3)
    for _ in range(3):
      search.tell(search.ask(), trials.Outcome(status, {}, 1.0, 'why'))
    self.assertIsNone(search.ask())
    self.assertIsNone(search.ask())

  def test_settings_of_one_run_are_one_trial(self):
    search = halving.Halving(
      [{'seed': 1}, {'seed': 0}, {'seed': 1}], make, 'loss', False, (5,)
    )
    asked = list(iter(search.ask, None))
    self.assertEqual([x.settings['seed'] for x in asked], [1, 0])

  def test_no_trials_are_no_error(self):
    self.assertIsNone(searched(0).ask())

  def test_the_last_rung_may_be_said_as_a_flag(self):
    search = halving.Halving([{'steps': 90}], make, 'loss', False, RUNGS)
    self.assertEqual(search.ask().steps, 10)

  @parameterized.parameters(
    ({'steps': 30}, 'one says --steps=30. Give --steps once, as a flag'),
    ({'schedule': 'cosine'}, 'another run: .* Expected --schedule=constant'),
  )
  def test_settings_that_cannot_go_on_are_a_sentence(self, settings, words):
    with self.assertRaisesRegex(errors.UserError, words):
      halving.Halving([{}, settings], make, 'loss', False, RUNGS)

  def test_another_metric_is_a_sentence(self):
    search = searched(2)
    with self.assertRaisesRegex(errors.UserError, "Unknown metric 'loss'"):
      search.tell(search.ask(), trials.Outcome('done', {'nats': 1.0}, 1.0))

  def test_an_eta_that_drops_nobody_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, '--eta=1: expected at least'):
      searched(3, eta=1)


class RungsTest(parameterized.TestCase):
  @parameterized.parameters(
    (dict(steps=900), (100, 300, 900)),
    (dict(steps=899), (299, 899)),
    (dict(steps=100), (100,)),
    (dict(steps=20, eta=2, least=4), (5, 10, 20)),
    (dict(steps=10, least=0), (1, 3, 10)),
    (dict(steps=0), (0,)),
  )
  def test_each_is_a_share_of_the_next(self, said, expected):
    self.assertEqual(halving.rungs(**said), expected)

  def test_an_eta_that_ends_nowhere_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, '--eta=1: expected at least'):
      halving.rungs(900, eta=1)


class CostTest(parameterized.TestCase):
  @parameterized.product(count=(1, 2, 9, 40), eta=(2, 3, 5))
  def test_it_is_what_is_asked_for_where_nothing_goes_bad(self, count, eta):
    table = np.random.default_rng(0).random((len(RUNGS), count))
    asked = swept(searched(count, eta=eta), table)
    cost = halving.cost(count, RUNGS, eta)
    steps = [steps for _, steps in asked]
    self.assertEqual(cost.trials, tuple(map(steps.count, RUNGS)))
    # Each trains as far as it was last asked to.
    self.assertEqual(cost.updates, sum(dict(asked).values()))

  def test_it_is_never_passed(self):
    table = losses(40)
    self.assertLessEqual(
      len(swept(searched(40), table)), sum(halving.cost(40, RUNGS).trials)
    )


if __name__ == '__main__':
  absltest.main()
