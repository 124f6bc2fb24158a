"""A run that begins from given weights, and one that makes no step."""

import os
from unittest import mock

import jax.numpy as jnp
import numpy as np
import small_run
from absl.testing import absltest, parameterized
from safetensors import numpy as safetensors

from seqjax import errors, training
from seqjax.training import checkpoints, initial, optimizer
from seqjax.training import loop as loop_lib

GIVEN = np.float32([0.25, -0.5, 0.125, 1.0])


class InitialTest(small_run.LoopTestCase):
  def give(self, name='run', array=GIVEN):
    (self.folder / name).mkdir(exist_ok=True)
    path = self.folder / name / initial.NAME
    safetensors.save_file({'w': array}, path, {'cell': 'elman'})

  def begins(self):
    return [text for text in self.said if 'Begins' in text]

  def fit_given(self, name='run', **changes):
    self.give(name)
    return self.fit(name, **changes)

  def test_the_first_parameters_are_those_of_the_file(self):
    self.fit_given()
    step, params = self.evaluated[0]
    self.assertEqual((step, params.tobytes()), (0, GIVEN.tobytes()))
    sha256 = initial.sha256(self.folder / 'run')
    self.assertEqual(
      self.begins(),
      [f'Begins from initial.safetensors (sha256 {sha256[:12]}).'],
    )

  def test_nothing_else_of_the_run_is_another(self):
    drawn = self.fit('drawn')
    self.give('given', self.evaluated[0][1])
    self.assertEqual(self.fit('given'), drawn)

  def test_carry_and_optimizer_begin_from_the_same(self):
    def init(params):
      return {'average': params}

    def update(grads, state, params, hparams):
      return params, state

    task = small_run.TASK._replace(
      carry=lambda params, size: jnp.full(size, params['w'][3])
    )
    average = optimizer.Optimizer(init, update)
    self.give()
    plan = self.plan(task=task, optimizer=average, steps=0)
    with mock.patch.object(checkpoints.Checkpoints, 'save') as save:
      loop_lib.fit(plan, self.folder / 'run')
    _, state = save.call_args.args
    np.testing.assert_array_equal(state.opt_state['average']['w'], GIVEN)
    np.testing.assert_array_equal(state.carry, np.ones(small_run.B))

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    unbroken = self.fit_given('unbroken')
    for at, times in ((1, 2), (5, 1)):
      self.said.clear()
      batches = small_run.killer(small_run.batch_of, at)
      with self.assertRaises(small_run.Killed):
        self.fit_given(f'{at}', batches=batches)
      self.assertEqual(self.fit(f'{at}'), unbroken)
      # Once more only where no checkpoint had been saved.
      self.assertLen(self.begins(), times)

  def test_a_roll_back_to_the_beginning_begins_from_it_again(self):
    bad = small_run.bad_batches(*range(10))
    self.fit_given(batches=bad, steps=20)
    self.assertTrue(any('back to step 0' in text for text in self.said))
    self.assertLen(self.begins(), 1)
    zeros = [w.tobytes() for step, w in self.evaluated if step == 0]
    self.assertEqual(zeros, [GIVEN.tobytes()] * 2)

  def test_a_resume_takes_its_checkpoint(self):
    unbroken = self.fit_given()
    self.give(array=2 * GIVEN)
    self.assertEqual(self.fit(), unbroken)

  def test_a_run_that_was_only_evaluated_goes_on_as_if_it_had_not_been(self):
    unbroken = self.fit_given('unbroken')
    self.said.clear()
    self.fit_given(steps=0)
    self.assertEqual(self.fit(), unbroken)
    self.assertLen(self.begins(), 1)

  def test_what_does_not_fit_leaves_no_trace(self):
    self.give(array=np.ones(3, np.float32))
    with self.assertRaisesRegex(errors.UserError, r'w is float32\[3\], expect'):
      self.fit()
    self.assertEqual(os.listdir(self.folder / 'run'), [initial.NAME])

  def test_to_read_a_run_it_is_not_needed(self):
    _, params = self.fit_given()
    with mock.patch.object(initial, 'read', side_effect=AssertionError):
      _, found = training.restore(self.plan(), self.folder / 'run')
    self.assertEqual(np.array(found['w']).tobytes(), params)


class NoStepsTest(small_run.LoopTestCase):
  def test_it_is_saved_and_evaluated_once(self):
    _, params = self.fit(steps=0)
    self.assertEqual([line['step'] for line in self.lines()], [0])
    self.assertSameElements(self.metrics, ['valid/norm'])
    self.assertLen(self.evaluated, 1)
    step, found = training.restore(self.plan(), self.folder / 'run')
    self.assertEqual((step, np.array(found['w']).tobytes()), (0, params))

  def test_the_same_again_is_the_same(self):
    self.assertEqual(self.fit(steps=0), self.fit(steps=0))

  def test_it_may_grow(self):
    unbroken = self.fit('unbroken')
    self.fit(steps=0)
    self.assertEqual(self.fit(), unbroken)
    self.assertFalse([x for x in self.said if 'Going on' in x])

  def test_what_is_to_make_steps_is_not_saved_before_the_first(self):
    with self.assertRaises(small_run.Killed):
      self.fit(demonstrate=small_run.killer(self.demonstrate, 0))
    self.assertFalse((self.folder / 'run' / 'checkpoints').exists())

  def test_a_roll_back_may_lead_to_it(self):
    bad = lambda: small_run.bad_batches(*range(10))
    unbroken = self.fit('unbroken', batches=bad(), steps=20)
    self.fit(steps=0)
    self.assertEqual(self.fit(batches=bad(), steps=20), unbroken)

  @parameterized.parameters(*optimizer.SCHEDULES)
  def test_no_schedule_minds(self, schedule):
    made = optimizer.make('adam', schedule, 0)
    self.fit(optimizer=made, steps=0)
    params = {'w': jnp.ones(2)}
    moved, _ = made.update(
      params, made.init(params), params, {'learning_rate': jnp.float32(0.5)}
    )
    self.assertTrue(np.isfinite(moved['w']).all())


if __name__ == '__main__':
  absltest.main()
