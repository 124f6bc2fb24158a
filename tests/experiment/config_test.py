import dataclasses
import re

from absl.testing import absltest, parameterized

from seqjax import cells, errors, experiment
from seqjax.training import optimizer


class ConfigTest(parameterized.TestCase):
  def test_every_experiment_has_the_same_flags(self):
    self.assertSameElements(
      experiment.declared(experiment.Config),
      'steps seed data_seed batch_size learning_rate optimizer schedule '
      'clip_norm clip_value cell cell_options hidden_size num_layers '
      'hidden_sizes residual initial_carry initializer forget_bias '
      'dropout_rate variational input_dropout_rate state_dropout_rate '
      'candidate_dropout_rate candidate_per_step zoneout_h_rate zoneout_c_rate '
      'weight_dropout_rate weight_noise activation_penalty temporal_penalty '
      'chrono_steps dataset eval_every checkpoint_every workdir mode '
      'checkpoint jax_debug_nans init_from '
      'num_devices coordinator num_processes process_id'.split(),
    )

  def test_the_choices_are_those_of_the_registries(self):
    declared = experiment.declared(experiment.Config)
    self.assertEqual(declared['cell'].options(), tuple(cells.CELLS))
    self.assertEqual(
      declared['optimizer'].options(), tuple(optimizer.OPTIMIZERS)
    )
    self.assertEqual(declared['schedule'].options(), tuple(optimizer.SCHEDULES))

  @parameterized.parameters(
    dict(hidden_size=0),
    dict(hidden_sizes=(8, 0)),
    dict(batch_size=-1),
    dict(steps=-1),
    dict(learning_rate=float('nan')),
    dict(learning_rate=-1e-3),
    dict(clip_norm=float('inf')),
    dict(dropout_rate=1.0),
    dict(cell='ltsm'),
    dict(seed=2**32),
  )
  def test_a_bad_setting_is_refused_when_the_config_is_made(self, **setting):
    with self.assertRaisesRegex(errors.UserError, f'^--{list(setting)[0]}='):
      experiment.Config(**setting)

  def test_a_config_is_equal_in_whatever_form_it_was_given(self):
    self.assertEqual(
      experiment.Config(learning_rate=1, hidden_sizes=[3, 2]),
      experiment.Config(learning_rate=1.0, hidden_sizes=(3, 2)),
    )

  def test_hidden_sizes_win(self):
    config = experiment.Config(hidden_size=5, num_layers=3)
    self.assertEqual(config.layer_sizes, (5, 5, 5))
    config = dataclasses.replace(config, hidden_sizes=(7, 2))
    self.assertEqual(config.layer_sizes, (7, 2))


class KindTest(absltest.TestCase):
  def test_steps_are_identity_where_the_schedule_reads_them(self):
    constant = experiment.Config(schedule='constant')
    self.assertEqual(experiment.kind(constant, 'steps'), 'extendable')
    for schedule in set(optimizer.SCHEDULES) - {'constant'}:
      config = experiment.Config(schedule=schedule)
      self.assertEqual(experiment.kind(config, 'steps'), 'identity')

  def test_identity_is_what_the_numbers_depend_on(self):
    identity = experiment.settings(experiment.Config(), 'identity')
    self.assertContainsSubset(
      ['seed', 'data_seed', 'cell', 'learning_rate', 'batch_size'], identity
    )
    for name in ('steps', 'eval_every', 'checkpoint_every', 'workdir', 'mode'):
      self.assertNotIn(name, identity)


class RunIdTest(absltest.TestCase):
  def test_it_is_cell_hash_and_seed(self):
    # Golden: a change would orphan every run that anybody has.
    self.assertEqual(experiment.run_id(experiment.Config()), 'lstm-44136f-s0')
    self.assertEqual(
      experiment.run_id(experiment.Config(hidden_sizes=(3, 2), seed=4)),
      'lstm-b430ef-s4',
    )

  def test_the_seed_stands_beside_the_hash(self):
    a = experiment.run_id(experiment.Config(batch_size=3, seed=1))
    b = experiment.run_id(experiment.Config(batch_size=3, seed=22))
    self.assertEqual(re.sub('s1$', 's22', a), b)

  def test_only_identity_moves_the_hash(self):
    base = experiment.Config()
    same = dataclasses.replace(
      base, steps=7, eval_every=3, checkpoint_every=2, workdir='x', mode='y'
    )
    self.assertEqual(experiment.run_id(base), experiment.run_id(same))
    for other in (dict(data_seed=1), dict(learning_rate=0.1), dict(cell='gru')):
      self.assertNotEqual(
        experiment.run_id(base).split('-')[1],
        experiment.run_id(dataclasses.replace(base, **other)).split('-')[1],
      )

  def test_a_new_field_at_its_default_changes_no_name(self):
    @dataclasses.dataclass(frozen=True)
    class Later(experiment.Config):
      width: int = experiment.field(3, 'added later')

    self.assertEqual(
      experiment.run_id(Later(batch_size=3)),
      experiment.run_id(experiment.Config(batch_size=3)),
    )
    self.assertNotEqual(
      experiment.run_id(Later(width=4)), experiment.run_id(Later())
    )


if __name__ == '__main__':
  absltest.main()
