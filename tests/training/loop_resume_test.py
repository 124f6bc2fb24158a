"""No kill and no signal changes a byte of what a run leaves."""

import errno
import os
import signal
import time
from unittest import mock

import jax
import numpy as np
import small_run
from absl.testing import absltest

from seqjax import errors, training
from seqjax.training import checkpoint_format, checkpoints
from seqjax.training import loop as loop_lib

SAVE = checkpoints.Checkpoints.save


class ResumeTest(small_run.LoopTestCase):
  def test_5_steps_and_5_more_equal_10(self):
    unbroken = self.fit('unbroken', eval_every=5)
    self.fit(eval_every=5, steps=5)
    self.assertEqual(self.steps_of('train/'), list(range(1, 6)))
    self.assertEqual(self.fit(eval_every=5), unbroken)
    self.assertIn('Going on from step 5.', self.said)

  def test_a_killed_run_ends_as_the_unbroken_one(self):
    unbroken = self.fit('unbroken')
    for where, at in (
      ('batches', 0),
      ('batches', 5),
      ('batches', 9),
      ('demonstrate', 4),
      ('demonstrate', small_run.STEPS),
    ):
      with self.subTest(f'{where}_{at}'):
        name = f'{where}_{at}'
        function = getattr(self.plan(), where)
        with self.assertRaises(small_run.Killed):
          self.fit(name, **{where: small_run.killer(function, at)})
        self.said.clear()
        self.assertEqual(self.fit(name), unbroken)
        # No step is lost that was saved.
        saved = max((s for s in small_run.SAVED if s <= at), default=None)
        going_on = [x for x in self.said if 'Going on' in x]
        self.assertEqual(
          going_on, [f'Going on from step {saved}.'] if saved else []
        )

  def test_a_run_killed_before_its_first_checkpoint_says_that_it_is_gone(self):
    with self.assertRaises(small_run.Killed):
      self.fit(batches=small_run.killer(small_run.batch_of, 2))
    self.said.clear()
    self.fit()
    self.assertIn('No checkpoint was complete: begins again.', self.said)
    self.said.clear()
    self.fit('new')
    self.assertFalse([x for x in self.said if 'begins again' in x])

  def test_what_is_to_be_replaced_stays_until_nothing_is_refused(self):
    begun = []
    self.fit(begin=lambda: begun.append(self.log() and 'with a log'))
    self.assertEqual(begun, [b''])
    with self.assertRaises(errors.UserError):
      self.fit(steps=5, begin=lambda: begun.append('refused'))
    self.fit(begin=lambda: begun.append(self.log() and 'with a log'))
    self.assertEqual(begun, [b'', 'with a log'])

  def test_what_ends_a_run_is_not_hidden_by_a_full_disk(self):
    write = checkpoint_format.write

    def full(directory, *args, **kwargs):
      if directory.name == 'best':
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
      return write(directory, *args, **kwargs)

    with mock.patch.object(checkpoint_format, 'write', full):
      with self.assertRaises(small_run.Killed):
        self.fit(
          batches=small_run.killer(small_run.batch_of, 2), best='valid/norm'
        )
    self.assertIn('best is full', self.said[-1])

  def test_a_run_killed_in_an_evaluation_makes_it_when_it_goes_on(self):
    unbroken = self.fit('unbroken')
    for call in (0, 1, 3):  # At the steps 0, 4 and 10.
      with self.subTest(call):
        results = [{'valid/norm': 0.0}] * call + [small_run.Killed]
        with self.assertRaises(small_run.Killed):
          self.fit(f'{call}', evaluate=mock.Mock(side_effect=results))
        self.assertNotEqual(self.log(f'{call}'), unbroken[0])
      found = self.fit(f'{call}')
      # The evaluations before are those that were made up here.
      self.assertEqual(found[1], unbroken[1])
      self.assertEqual(self.steps_of('valid/', f'{call}'), [0, 4, 8, 10])

  def test_a_run_killed_again_and_again_ends_as_the_unbroken_one(self):
    unbroken = self.fit('unbroken')
    for at in (2, 5, 5, 9):
      with self.assertRaises(small_run.Killed):
        self.fit(batches=small_run.killer(small_run.batch_of, at))
    self.assertEqual(self.fit(), unbroken)
    restarts = [x for x in self.lines(kind='timing') if 'restart' in x]
    self.assertNotEmpty(restarts)

  def test_saves_by_the_clock_change_no_byte(self):
    unbroken = self.fit('unbroken')
    with mock.patch.object(loop_lib, 'SAVE_SECONDS', 0.0):
      with self.assertRaises(small_run.Killed):
        self.fit(batches=small_run.killer(small_run.batch_of, 7))
    self.assertEqual(self.fit(), unbroken)
    self.assertIn('Going on from step 7.', self.said)

  def test_fewer_steps_than_were_made_are_refused(self):
    unbroken = self.fit()
    with self.assertRaisesRegex(errors.UserError, 'made 10 updates already'):
      self.fit(steps=9)
    self.assertEqual(self.fit(), unbroken)

  def test_a_finished_run_is_left_as_it_is(self):
    finished = self.fit()
    self.assertEqual(self.fit(), finished)
    self.assertEqual(self.metrics, {'valid/norm': self.metrics['valid/norm']})

  def test_more_steps_go_on(self):
    longer = self.fit('longer', steps=14, eval_every=5)
    self.fit(eval_every=5)
    self.assertEqual(self.fit(steps=14, eval_every=5), longer)

  def test_a_checkpoint_of_another_run_is_refused(self):
    self.fit()
    with self.assertRaisesRegex(errors.UserError, 'another configuration'):
      self.fit(fingerprint='yours')
    # Nothing is lost by the attempt.
    self.assertEqual(self.fit(), self.fit('unbroken'))

  def test_a_damaged_checkpoint_costs_the_steps_since_the_one_before(self):
    unbroken = self.fit()
    newest = self.folder / 'run' / 'checkpoints' / str(small_run.STEPS)
    for path in newest.rglob('*'):
      if path.is_file() and 'state' in str(path):
        path.write_bytes(b'')
    self.assertEqual(self.fit(), unbroken)
    self.assertIn('Going on from step 9.', self.said)


class StopTest(small_run.LoopTestCase):
  """The signal comes in the middle of something."""

  def stop(self, name, signum=signal.SIGTERM, **changes):
    with small_run.stop_request(), self.assertRaises(errors.Stopped) as caught:
      self.fit(name, **changes)
    self.assertEqual(caught.exception.signum, signum)

  def resumed_at(self, name):
    return training.restore(self.plan(), self.folder / name)[0]

  def test_while_a_batch_is_made_no_step_is_lost(self):
    unbroken = self.fit('unbroken')
    for signum, at in (
      (signal.SIGTERM, 1),
      (signal.SIGTERM, 4),
      (signal.SIGINT, 7),
      (signal.SIGTERM, 9),
    ):
      with self.subTest(f'{signum}_{at}'):
        name = f'stopped_{at}'

        def batches(index, at=at, signum=signum):
          if index == at:
            os.kill(os.getpid(), signum)
            time.sleep(10)  # Interrupted.
          return small_run.batch_of(index)

        self.stop(name, signum, batches=batches)
        self.assertEqual(self.resumed_at(name), at)
        self.assertEqual(self.fit(name), unbroken)

  def test_in_an_evaluation_no_step_is_lost(self):
    unbroken = self.fit('unbroken')

    self.evaluated.clear()

    def evaluate(params):
      if len(self.evaluated) == 2:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)
      return self.evaluate(params)

    self.stop('run', evaluate=evaluate)
    self.assertEqual(self.resumed_at('run'), 8)
    self.assertEqual(self.fit(), unbroken)

  def test_in_a_step_the_step_is_made(self):
    unbroken = self.fit('unbroken')
    made = []

    def make_train_step(*args):
      train_step = small_run.make_train_step(*args)

      def step(*args):
        made.append(1)
        if len(made) == 6:
          os.kill(os.getpid(), signal.SIGTERM)
          time.sleep(0.05)  # Not interrupted.
        return train_step(*args)

      return step

    with small_run.patched_step(make_train_step):
      self.stop('run')
    self.assertEqual(self.resumed_at('run'), 6)
    self.assertEqual(self.fit(), unbroken)

  def test_what_compiles_is_saved_before(self):
    # A batch of another shape, in the middle.
    longer = lambda index: jax.tree.map(
      lambda x: np.concatenate([x] * (1 + (index == 5))),
      small_run.batch_of(index),
    )
    unbroken = self.fit('unbroken', batches=longer)
    with mock.patch.object(
      checkpoints.Checkpoints, 'save', autospec=True, side_effect=SAVE
    ) as save:
      self.fit('run', batches=longer)
    self.assertIn(5, [call.args[1] for call in save.call_args_list])
    self.assertEqual(self.log('run'), unbroken[0])


if __name__ == '__main__':
  absltest.main()
