"""No kill and no signal changes a byte of what a run leaves."""

import os
import signal
from unittest import mock

import small_run
from absl.testing import absltest

from seqjax import errors
from seqjax.training import loop as loop_lib
from seqjax.training import signals


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
  def setUp(self):
    super().setUp()
    for signum in signals.SIGNALS:
      self.addCleanup(signal.signal, signum, signal.getsignal(signum))
    self.enterContext(mock.patch.object(signals, '_say'))

  def test_a_signal_saves_and_the_same_command_goes_on(self):
    unbroken = self.fit('unbroken')
    for signum, at in (
      (signal.SIGTERM, 1),
      (signal.SIGTERM, 4),
      (signal.SIGINT, 7),
      (signal.SIGTERM, 9),
    ):
      with self.subTest(f'{signum}_{at}'):
        stop, name = signals.StopRequest(), f'stopped_{at}'
        stop.install()

        def batches(index, at=at, signum=signum, stop=stop):
          if index == at and stop.requested() is None:
            os.kill(os.getpid(), signum)
          return small_run.batch_of(index)

        with mock.patch.object(signals, 'requested', stop.requested):
          with self.assertRaises(errors.Stopped) as caught:
            self.fit(name, batches=batches)
        self.assertEqual(caught.exception.signum, signum)
        step, _ = loop_lib.restore(self.plan(), self.folder / name)
        self.assertEqual(step, at + 1)
        self.assertEqual(self.fit(name), unbroken)


if __name__ == '__main__':
  absltest.main()
