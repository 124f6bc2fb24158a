"""Tests for seqjax.sweeps.model_based."""

import functools
import math
import sys
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.sweeps import model_based
from seqjax.sweeps import space as spaces
from seqjax.sweeps import trial as trials

make = functools.partial(trials.make, experiment.Config)
RATE = 'learning_rate=log(1e-4,1)'


def made(grids=(), samples=(RATE,), **said):
  """A search; what is not said is of no account."""
  common = dict(fixed={}, trials=20, higher_is_better=False, seed=0)
  return model_based.ModelBased(
    grids=[spaces.parse_grid(experiment.Config, x) for x in grids],
    ranges=[spaces.parse_sample(experiment.Config, x) for x in samples],
    metric='loss',
    make_trial=make,
    **common | said,
  )


def rate_loss(trial):
  """Smooth, least at 0.01, halfway on the logarithmic scale."""
  return math.log10(trial.settings['learning_rate'] / 0.01) ** 2


def done(loss):
  return trials.Outcome('done', {'loss': loss}, 1.0)


def swept(search, outcome=lambda trial: done(rate_loss(trial))):
  """Trials and outcomes, one after another."""
  rows = []
  while trial := search.ask():
    rows.append((trial, outcome(trial)))
    search.tell(*rows[-1])
  return rows


def settings_of(rows):
  return [dict(trial.settings) for trial, _ in rows]


class ModelBasedTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    pytest.importorskip('optuna')

  @parameterized.parameters(False, True)
  def test_it_beats_chance_on_a_smooth_function(self, higher):
    sign = -1 if higher else 1
    found, chance = [], []
    for seed in range(8):
      rows = swept(
        made(trials=30, higher_is_better=higher, seed=seed),
        lambda trial: done(sign * rate_loss(trial)),
      )
      found.append(min(rate_loss(trial) for trial, _ in rows))
      drawn = spaces.Space(
        experiment.Config,
        {},
        (),
        (spaces.parse_sample(experiment.Config, RATE),),
        trials=30,
        seed=seed,
        sampler='random',
      )
      chance.append(min(rate_loss(make(x)) for x in drawn))
    self.assertLess(np.median(found), np.median(chance) / 4)

  @parameterized.parameters('diverged', 'failed', 'done')
  def test_it_keeps_away_from_where_trials_go_bad(self, status):
    def outcome(trial):
      if trial.settings['learning_rate'] < 0.1:
        return done(rate_loss(trial))
      return trials.Outcome(status, {'loss': math.nan}, 1.0)

    rows = swept(made(trials=40), outcome)
    bad = [x.settings['learning_rate'] >= 0.1 for x, _ in rows]
    # By chance a fourth; were the model not told of them, nearly all.
    self.assertGreater(sum(bad), 0)
    self.assertLess(sum(bad[10:]), 30 / 4)

  def test_values_are_those_of_the_space(self):
    rows = swept(
      made(
        ['cell=lstm,gru', 'hidden_sizes=64;128,64'],
        [RATE, 'batch_size=integer(1,3)', 'optimizer=choice(adam,sgd)'],
        fixed={'steps': 7},
        trials=60,
      ),
      lambda trial: done(float(trial.settings['batch_size'])),
    )
    found = settings_of(rows)
    columns = {name: {x[name] for x in found} for name in found[0]}
    rates = columns.pop('learning_rate')
    self.assertEqual(
      columns,
      {
        'steps': {7},
        'cell': {'lstm', 'gru'},
        'hidden_sizes': {(64,), (128, 64)},
        'batch_size': {1, 2, 3},
        'optimizer': {'adam', 'sgd'},
      },
    )
    self.assertBetween(min(rates), 1e-4, 1e-3)
    self.assertBetween(max(rates), 1e-1, 1)
    self.assertEqual(rates, {float(f'{x:.4g}') for x in rates})

  def test_a_logarithm_is_drawn_as_one(self):
    rates = [
      made(seed=seed).ask().settings['learning_rate'] for seed in range(200)
    ]
    counts, _ = np.histogram(np.log10(rates), 4, (-4, 0))
    self.assertGreater(min(counts), 30)

  def test_the_same_seed_asks_for_the_same(self):
    whole = settings_of(swept(made(trials=15)))
    self.assertEqual(settings_of(swept(made(trials=15))), whole)
    self.assertNotEqual(settings_of(swept(made(trials=15, seed=1))), whole)

  @parameterized.parameters(1, 5, 14, 20)
  def test_a_sweep_that_goes_on_repeats_nothing(self, cut):
    space = dict(samples=[RATE], grids=['hidden_size=8,16', 'cell=gru,lstm'])
    begun = settings_of(swept(made(**space)))[:cut]
    again = settings_of(swept(made(**space, begun=begun)))
    self.assertEqual(again[:cut], begun)
    self.assertLen({make(x).name for x in again}, 20)

  def test_it_learns_from_what_was_begun(self):
    begun = [
      {'learning_rate': float(f'{rate:.4g}')}
      for rate in np.geomspace(1e-4, 1, 31)
    ]
    rows = swept(made(trials=41, begun=begun))[31:]
    self.assertLess(np.median([rate_loss(x) for x, _ in rows]), 0.1)

  def test_what_was_begun_may_come_from_a_record(self):
    begun = [{'hidden_sizes': [128, 64]}]
    search = made(['hidden_sizes=64;128,64'], (), trials=2, begun=begun)
    rows = swept(search, lambda x: done(1.0))
    self.assertEqual(
      settings_of(rows), [{'hidden_sizes': (128, 64)}, {'hidden_sizes': (64,)}]
    )

  @parameterized.parameters((6, 6), (50, 12))
  def test_a_small_space_is_gone_through_once(self, count, expected):
    grids = 'cell=lstm,gru,elman', 'num_layers=1,2,3,4'
    search = made(grids, (), trials=count)
    rows = swept(search, lambda x: done(float(x.settings['num_layers'])))
    self.assertLen(rows, expected)
    self.assertLen({trial.name for trial, _ in rows}, expected)
    self.assertIsNone(search.ask())

  def test_what_is_under_way_is_not_asked_for_again(self):
    search = made(['cell=lstm,gru,elman'], (), trials=5)
    asked = list(iter(search.ask, None))
    self.assertLen({trial.name for trial in asked}, 3)
    for trial in reversed(asked):
      search.tell(trial, done(1.0))
    self.assertIsNone(search.ask())

  def test_optuna_says_nothing(self):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.INFO)
    with self.assertNoLogs('optuna', 'DEBUG'):
      swept(made(['cell=lstm,gru'], (), trials=5), lambda x: done(1.0))

  def test_another_metric_is_a_sentence(self):
    search = made()
    with self.assertRaisesRegex(errors.UserError, "Unknown metric 'loss'"):
      search.tell(search.ask(), trials.Outcome('done', {'nats': 1.0}, 1.0))

  def test_settings_that_do_not_go_together_are_a_sentence(self):
    # The experiment's own check, at the trial it concerns.
    def refuse(settings):
      raise errors.UserError('too long for elman')

    with mock.patch(f'{__name__}.make', refuse):
      search = made()
    with self.assertRaisesRegex(errors.UserError, 'too long for elman'):
      search.ask()


class AbsenceTest(absltest.TestCase):
  def test_without_optuna_there_is_a_sentence(self):
    with mock.patch.dict(sys.modules, optuna=None):
      with self.assertRaisesRegex(errors.UserError, r"'seqjax\[sweep\]'"):
        made()


if __name__ == '__main__':
  absltest.main()
