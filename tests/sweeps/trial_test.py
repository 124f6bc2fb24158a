"""Tests for seqjax.sweeps.trial."""

import dataclasses

from absl.testing import absltest, parameterized

from seqjax import errors, experiment
from seqjax.experiment import fields, naming
from seqjax.sweeps import trial as trials


@dataclasses.dataclass(frozen=True)
class Config(experiment.Config):
  smoothing: float = experiment.field(0.0, 'a number', minimum=0, traced=True)
  delay: int = experiment.field(20, 'steps to remember', minimum=1)
  prompt: str = experiment.field('', 'a beginning', kind='runtime')


TRACED = [x for x in fields.declared(Config).values() if x.traced]


def program(**settings):
  return trials.program(Config(**settings))


class ProgramTest(parameterized.TestCase):
  @parameterized.parameters(*(x.name for x in TRACED))
  def test_numbers_share_a_program(self, name):
    kind = fields.declared(Config)[name].type
    values = (kind(3), kind(4)) if kind is int else (0.25, 0.5)
    a, b = (program(**{name: x}) for x in values)
    self.assertEqual(a, b)

  @parameterized.parameters(*(x.name for x in TRACED if x.name != 'seed'))
  def test_zero_is_another_program(self, name):
    kind = fields.declared(Config)[name].type
    some = kind(3) if kind is int else 0.5
    self.assertNotEqual(program(**{name: kind(0)}), program(**{name: some}))

  def test_no_seed_is_another_program(self):
    self.assertEqual(program(seed=0), program(seed=3))

  @parameterized.parameters(
    {'cell': 'gru'},
    {'hidden_size': 5},
    {'hidden_sizes': (4, 5)},
    {'batch_size': 5},
    {'optimizer': 'sgd'},
    {'variational': True},
    {'zoneout_h_rate': 0.1},
    {'delay': 21},
    {'data_seed': 1},
  )
  def test_what_is_no_number_in_it_is_another_program(self, **settings):
    self.assertNotEqual(program(), program(**settings))

  @parameterized.parameters(
    {'prompt': 'x'}, {'workdir': 'x'}, {'eval_every': 7}, {'steps': 7}
  )
  def test_what_does_not_enter_it_does_not_change_it(self, **settings):
    self.assertEqual(program(), program(**settings))

  def test_a_schedule_has_its_steps_in_it(self):
    a, b = (program(schedule='cosine', steps=x) for x in (100, 300))
    self.assertNotEqual(a, b)


class MakeTest(parameterized.TestCase):
  def test_it_is_the_run_of_these_settings(self):
    settings = {'cell': 'gru', 'seed': 3, 'steps': 9}
    config = Config(**settings)
    self.assertEqual(
      trials.make(Config, settings),
      trials.Trial(
        naming.run_id(config, 10), settings, trials.program(config), 9
      ),
    )

  def test_it_keeps_its_settings_when_others_change_theirs(self):
    settings = {'seed': 3}
    trial = trials.make(Config, settings)
    settings['seed'] = 4
    self.assertEqual(trial.settings, {'seed': 3})

  def test_more_steps_are_the_same_run_and_another_trial(self):
    a, b = (trials.make(Config, {'steps': x}) for x in (3, 9))
    self.assertEqual(a.name, b.name)
    self.assertEqual((a.key, b.key), ((a.name, 3), (a.name, 9)))

  def test_without_steps_it_has_those_of_the_experiment(self):
    self.assertEqual(trials.make(Config, {}).steps, Config.steps)

  def test_what_the_experiment_does_not_take_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, '--delay=0: expected'):
      trials.make(Config, {'delay': 0})


if __name__ == '__main__':
  absltest.main()
