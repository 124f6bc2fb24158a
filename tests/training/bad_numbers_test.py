"""Tests for seqjax.training.bad_numbers, through the loop."""

import errno
import json
import os
import shutil
import signal
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import small_run
from absl.testing import absltest

from seqjax import errors, models
from seqjax.training import bad_numbers, checkpoint_format
from seqjax.training import loop as loop_lib

# One more than is skipped in a row.
BAD = range(5, 5 + loop_lib.MAX_SKIPPED)


class BadNumbersTest(small_run.LoopTestCase):
  def fit_bad(self, batches=None, name='run', **changes):
    return self.fit(
      name,
      batches=batches or small_run.bad_batches(*BAD),
      steps=20,
      command='./launch.sh small --workdir=run',
      **changes,
    )

  def report(self, number=1):
    folder = self.folder / 'run' / bad_numbers.FOLDER / str(number)
    return json.loads((folder / 'report.json').read_text())

  def test_the_report_names_step_batch_row_and_parameter(self):
    self.fit_bad()
    report = self.report()
    # Row 0 of the batch holds the NaN.
    self.assertEqual(
      {k: report[k] for k in ('step', 'batch', 'rows', 'repeats')},
      {'step': 6, 'batch': 5, 'rows': [0], 'repeats': True},
    )
    self.assertEqual(report['loss'], 'nan')
    self.assertEqual(report['grad_norm'], {'w': 'nan'})
    self.assertEqual(
      report['command'], './launch.sh small --workdir=run --jax_debug_nans'
    )
    self.assertIn(
      'Step 6, batch 5: loss nan; not finite: row 0 alone; the gradient of w '
      '(1 of 1 parameters).',
      self.said,
    )

  def test_what_fails_after_a_roll_back_is_found_too(self):
    """The last good state is from before the first one, and other batches."""
    self.fit(
      batches=small_run.bad_batches(*range(5, 25)), steps=30, eval_every=100
    )
    first, second = self.report(1), self.report(2)
    self.assertEqual((first['step'], first['batch']), (6, 5))
    self.assertEqual((second['step'], second['batch']), (4, 15))
    self.assertEqual((second['rows'], second['repeats']), ([0], True))

  def test_an_update_that_leaves_what_is_finite_is_told_from_memory(self):
    """Loss and gradient are finite; what the optimizer makes of them is not."""
    with self.assertRaises(errors.GaveUp):
      self.fit_bad(
        small_run.batch_of, hparams={'learning_rate': 3e38, 'clip_norm': 1.0}
      )
    report = self.report()
    self.assertEqual((report['repeats'], report['rows']), (True, []))
    self.assertIsInstance(report['grad_norm']['w'], float)
    self.assertEqual(report['moved_norm']['w'], 'inf')
    self.assertTrue(
      any('not finite: the update of w (1 of 1' in line for line in self.said)
    )

  def test_a_norm_that_overflows_is_told_from_memory(self):
    """That of each parameter is finite; the step goes by that of all."""

    def loss(params, carry, batch, key, hparams):
      total = 1.5e19 * (params['a'] + params['b'])
      weight = jnp.float32(1)
      return total, models.Aux(weight, carry, {'error': (total, weight)})

    task = models.Task(
      lambda key, batch: {'a': jnp.ones(()), 'b': jnp.ones(())},
      loss,
      lambda params, size: (),
    )
    with self.assertRaises(errors.GaveUp):
      self.fit_bad(
        small_run.batch_of,
        task=task,
        evaluate=lambda params: {},
        demonstrate=None,
      )
    report = self.report()
    self.assertTrue(report['repeats'])
    self.assertNotIn('command', report)  # It would find no NaN.
    self.assertTrue(
      any('not finite: the norm of all parameters.' in x for x in self.said)
    )

  def test_a_full_disk_does_not_keep_the_run_from_going_on(self):
    write = checkpoint_format.write

    def full(directory, *args, **kwargs):
      if directory.parent.name == bad_numbers.FOLDER:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
      return write(directory, *args, **kwargs)

    with mock.patch.object(checkpoint_format, 'write', full):
      found = self.fit_bad()
    self.assertEqual(found, self.fit_bad(name='roomy'))
    self.assertTrue(
      any('Training goes on without it' in line for line in self.said)
    )
    with self.assertRaisesRegex(errors.UserError, 'no step of this run'):
      self.fit_bad(debug_nans=True)

  def test_what_else_lies_there_is_not_taken_for_a_report(self):
    folder = self.folder / 'run' / bad_numbers.FOLDER
    for name in ('.DS_Store', '7', '1/30', 'old/1'):
      (folder / name).mkdir(parents=True)
    (folder / 'old' / 'report.json').touch()
    self.fit_bad()  # Nor does it keep the report from being written.
    self.assertEqual(self.report()['step'], 6)
    with self.assertRaises(FloatingPointError):
      self.fit_bad(debug_nans=True)
    shutil.rmtree(folder / '1' / '5')
    with self.assertRaisesRegex(errors.UserError, 'state before the bad step'):
      self.fit_bad(debug_nans=True)

  def test_a_signal_ends_the_search_and_the_run_goes_on_as_if_none_had(self):
    unbroken = self.fit_bad(name='unbroken')
    asked = []

    def batches(index):
      asked.append(index)
      if asked.count(5) == 2:  # For the report.
        signal.raise_signal(signal.SIGTERM)
        self.fail('it was only remembered')
      return small_run.bad_batches(*BAD)(index)

    with small_run.stop_request(), self.assertRaises(errors.Stopped):
      self.fit_bad(batches)
    self.assertEqual(self.fit_bad(), unbroken)

  def test_and_the_repetition(self):
    self.fit_bad()

    def batches(index):
      if index:  # The first is asked for its shape.
        signal.raise_signal(signal.SIGTERM)
        self.fail('it was only remembered')
      return small_run.batch_of(index)

    with small_run.stop_request(), self.assertRaises(errors.Stopped):
      self.fit_bad(batches, debug_nans=True)

  def test_a_weight_that_went_bad_is_told_from_other_rows(self):
    def batches(index):
      batch = small_run.batch_of(index)
      if index in BAD:
        batch.weights[0, 1] = np.nan
      return batch

    self.fit_bad(batches)
    self.assertEqual(self.report()['rows'], [1])

  def test_the_first_of_the_skipped_steps_is_said_at_once(self):
    self.fit(batches=small_run.bad_batches(4, 5, 8))
    skipped = [line for line in self.said if 'is skipped' in line]
    self.assertEqual([line[:6] for line in skipped], ['Step 5', 'Step 9'])

  def test_the_gradient_is_that_of_the_step(self):
    good = self.plan().initial()
    report, state = bad_numbers.investigate(
      self.plan(),
      small_run.make_train_step(small_run.TASK, small_run.OPTIMIZER),
      good,
      8,
      self.plan().arrays(),
    )
    self.fit()
    line = next(x for x in self.lines() if x['step'] == 8)
    np.testing.assert_allclose(
      report['grad_norm']['w'], line['train/grad_norm'], rtol=1e-5
    )
    np.testing.assert_allclose(report['loss'], line['train/error'], rtol=1e-5)
    self.assertEqual(int(state.step), 7)
    self.assertFalse(report['repeats'])
    self.assertIn('numbers in memory', bad_numbers.describe(report))
    # What it began from may still be used.
    self.assertFalse(any(x.is_deleted() for x in jax.tree.leaves(good)))

  def test_the_step_is_repeated_up_to_its_first_nan(self):
    self.fit_bad()
    before = self.log()
    with self.assertRaises(FloatingPointError):
      self.fit_bad(small_run.bad_batches(*BAD), debug_nans=True)
    self.assertEqual(self.log(), before)

  def test_what_does_not_repeat_is_a_sentence(self):
    self.fit_bad()
    with self.assertRaisesRegex(errors.UserError, 'no NaN when it is repeated'):
      self.fit_bad(small_run.batch_of, debug_nans=True)

  def test_a_run_that_never_went_bad_has_nothing_to_repeat(self):
    self.fit()
    with self.assertRaisesRegex(errors.UserError, 'no step of this run'):
      self.fit_bad(small_run.batch_of, debug_nans=True)

  def test_parameters_that_went_bad_in_memory_are_told_from_bad_data(self):
    """NaN in the parameters, once, at a moment when nobody looks."""
    hit = []

    def make_train_step(*args):
      train_step = small_run.make_train_step(*args)

      def step(state, *args):
        if int(state.step) == 5 and not hit:
          hit.append(1)
          state = state._replace(params=jax.tree.map(_nan, state.params))
        return train_step(state, *args)

      return step

    with small_run.patched_step(make_train_step):
      self.fit_bad(small_run.batch_of)
    self.assertFalse(self.report()['repeats'])
    self.assertEqual(self.steps_of('train/'), list(range(1, 21)))
    self.assertTrue(np.isfinite(self.metrics['valid/norm']))


def _nan(x):
  return x * np.float32(np.nan)


if __name__ == '__main__':
  absltest.main()
