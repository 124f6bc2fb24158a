import dataclasses
import tempfile

import jax
import jax.numpy as jnp
from absl.testing import absltest

from seqjax import errors, experiment, models
from seqjax.cells import regularizers


class RecurrentTest(absltest.TestCase):
  def recurrent(self, **settings):
    return experiment.recurrent(experiment.Config(**settings))

  def test_settings_reach_the_stack(self):
    stack = self.recurrent(
      cell='gru',
      hidden_sizes=(4, 3),
      residual=True,
      variational=True,
      initial_carry='learned',
      initializer='uniform',
    )
    params = stack.init(jax.random.key(0), jnp.ones((2, 1, 5)))['params']
    self.assertEqual(params['layer_0'].w_x.shape, (5, 12))
    self.assertEqual(params['layer_1'].w_h.shape, (3, 9))
    self.assertIn('shortcut_1', params)
    self.assertIn('layer_1_initial', params)
    self.assertNotEqual(params['layer_0'].b[0], 0)  # 'orthogonal' has zeros.
    self.assertTrue(stack.variational)

  def test_options_of_the_gates_reach_the_cell(self):
    stack = self.recurrent(cell='lstm', hidden_size=2, forget_bias=2.5)
    params = stack.init(jax.random.key(0), jnp.ones((2, 1, 5)))['params']
    self.assertEqual(params['layer_0'].b[2], 2.5)

  def test_rates_reach_the_stack(self):
    rates = dict.fromkeys(regularizers.Rates._fields, 0.125)
    stack = self.recurrent(cell='lstm', candidate_per_step=True, **rates)
    self.assertEqual(stack.rates._asdict(), rates)
    self.assertTrue(stack.candidate_per_step)
    self.assertEqual(self.recurrent().rates, regularizers.Rates())

  def test_an_option_that_the_cell_lacks_names_the_flag(self):
    with self.assertRaisesRegex(errors.UserError, '--chrono_steps: --cell=elm'):
      self.recurrent(cell='elman', chrono_steps=9)


class PlanTest(absltest.TestCase):
  def test_settings_reach_the_plan(self):
    config = experiment.Config(
      steps=7,
      seed=3,
      learning_rate=0.5,
      clip_norm=2.0,
      clip_value=0.25,
      eval_every=4,
      checkpoint_every=5,
    )
    with tempfile.TemporaryDirectory() as folder:
      run = experiment.RunDirectory(folder)
      run.save(config, 'copy')
      make = lambda config: experiment.plan(
        config, run, models.Task(None, None, None), len, unit='chars'
      )
      plan = make(config)
      names = ('dropout_rate', 'activation_penalty', 'temporal_penalty')
      rates = dict.fromkeys([*names, *regularizers.Rates._fields], 0.5)
      regularized = make(dataclasses.replace(config, **rates))
    self.assertEqual(
      plan.hparams, {'learning_rate': 0.5, 'clip_norm': 2.0, 'clip_value': 0.25}
    )
    self.assertEqual(regularized.hparams, plan.hparams | rates)
    self.assertEqual((plan.steps, plan.seed, plan.unit), (7, 3, 'chars'))
    self.assertEqual((plan.eval_every, plan.checkpoint_every), (4, 5))


if __name__ == '__main__':
  absltest.main()
