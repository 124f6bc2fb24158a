"""Two processes on this machine, of which one is lost."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
from unittest import mock

import jax
import pytest
from absl.testing import absltest, parameterized

import seqjax
from seqjax import errors
from seqjax.training import processes

# Agrees for ever; or, once it has, works by itself, or one of the two fails.
_PROGRAM = """
import sys, time
from seqjax import errors
from seqjax.experiment import ending
from seqjax.training import processes

address, process_id, after = sys.argv[1:]

def act():
  processes.join(address, 2, int(process_id))
  while True:
    print(processes.agree([int(process_id), 'said']), flush=True)
    if after == 'wrong' and process_id == '1':
      raise errors.UserError('No such file.')
    time.sleep(60 if after == 'alone' else 0.01)

with processes.parting():
  ending.end(act)
"""

# Trains the small run, with more bad batches in a row than are skipped.
_TRAINING = """
import pathlib, sys
import small_run
from seqjax import training
from seqjax.training import processes

address, process_id, folder = sys.argv[1:]
processes.join(address, 2, int(process_id))
case = small_run.LoopTestCase()
case.evaluated = []
directory = pathlib.Path(folder, process_id)
directory.mkdir()
with processes.parting(), processes.noticing():
  batches = small_run.bad_batches(*range(5, 15))
  training.fit(case.plan(batches=batches, steps=20), directory)
"""


class TwoProcessesTest(parameterized.TestCase):
  def start(self, process_id, after, program=_PROGRAM):
    root = pathlib.Path(seqjax.__file__).parents[1]
    process = subprocess.Popen(
      [sys.executable, '-c', program, self.address, str(process_id), after],
      env={**os.environ, 'PYTHONPATH': f'{root}:{root / "tests"}'},
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    self.enterContext(process)
    self.addCleanup(process.kill)
    return process

  def setUp(self):
    super().setUp()
    with socket.socket() as free:
      free.bind(('127.0.0.1', 0))
      self.address = f'127.0.0.1:{free.getsockname()[1]}'

  def meet(self, after):
    """Both processes, once they have agreed."""
    both = [self.start(process_id, after) for process_id in range(2)]
    for process in both:
      line = process.stdout.readline()
      while line.startswith(('[Gloo]', 'Process ')):
        line = process.stdout.readline()
      self.assertEqual(line, "[[0, 'said'], [1, 'said']]\n")
    return both

  def lose(self, lost, after, signum=signal.SIGKILL):
    """What the other does then: exit code, seconds, and what it says."""
    both = self.meet(after)
    both[lost].send_signal(signum)
    began = time.monotonic()
    _, said = both[1 - lost].communicate(timeout=60)
    return both[1 - lost].returncode, time.monotonic() - began, said

  @parameterized.parameters(0, 1)
  def test_a_process_that_is_lost_together_is_noticed_at_once(self, lost):
    code, seconds, said = self.lose(lost, 'together')
    self.assertEqual(code, 75, said)
    self.assertLess(seconds, 15)
    self.assertIn('try again: another process of this run is not there', said)

  def test_one_that_fails_says_why_and_waits_for_nobody(self):
    other, wrong = self.meet('wrong')
    began = time.monotonic()
    _, said = wrong.communicate(timeout=60)
    self.assertEqual((wrong.returncode, said), (1, 'error: No such file.\n'))
    self.assertLess(time.monotonic() - began, processes.HEARTBEAT_SECONDS)
    other.communicate(timeout=60)
    self.assertEqual(other.returncode, 75)

  def test_control_c_is_heard_while_one_waits_for_the_other(self):
    waits = self.start(0, 'together')
    self.assertStartsWith(waits.stdout.readline(), 'Process 0 of 2 waits')
    time.sleep(1)
    began = time.monotonic()
    waits.send_signal(signal.SIGINT)
    _, said = waits.communicate(timeout=200)
    self.assertEqual((waits.returncode, said), (-signal.SIGINT, ''))
    self.assertLess(time.monotonic() - began, 10)

  @pytest.mark.slow
  def test_both_roll_back_to_the_same_step(self):
    folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    both = [self.start(k, str(folder), _TRAINING) for k in range(2)]
    for process in both:
      _, said = process.communicate(timeout=200)
      self.assertEqual(process.returncode, 0, said)
    logs = [(folder / k / 'metrics.jsonl').read_bytes() for k in '01']
    self.assertEqual(*logs)
    self.assertIn(b'{"step": 20, "train/', logs[0])
    for k in '01':
      path = folder / k / 'bad_numbers' / '1' / 'report.json'
      report = json.loads(path.read_text())
      self.assertEqual((report['step'], report['rows']), (6, [0]))

  # In this order: the mark must be on the function, or it marks nothing.
  @parameterized.product(lost=(0, 1), signum=(signal.SIGKILL, signal.SIGSTOP))
  @pytest.mark.slow
  def test_one_that_is_lost_while_each_works_alone_too(self, lost, signum):
    code, seconds, said = self.lose(lost, 'alone', signum)
    self.assertEqual(code, 75, said)
    self.assertLess(seconds, 15)


class AddressTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    # Or an abort would end the tests with another exit code.
    self.enterContext(mock.patch.object(processes.ctypes, 'CDLL'))
    self.initialize = self.enterContext(
      mock.patch.object(jax.distributed, 'initialize')
    )

  @parameterized.parameters(
    '192.0.2.1',  # Of no machine: RFC 5737.
    'no-such-host.invalid',
    'a..b',
  )
  def test_that_of_another_machine_is_a_sentence(self, host):
    with self.assertRaisesRegex(
      errors.UserError, f'--coordinator={host}:1234: process 0 cannot listen'
    ):
      processes.join(f'{host}:1234', 2, 0)
    self.initialize.assert_not_called()
    processes.join(f'{host}:1234', 2, 1)  # It does not listen there.

  def test_one_that_is_taken_may_be_free_later(self):
    with socket.create_server(('127.0.0.1', 0)) as taken:
      address = f'127.0.0.1:{taken.getsockname()[1]}'
      with self.assertRaisesRegex(errors.TryAgain, address):
        processes.join(address, 2, 0)
    self.initialize.assert_not_called()
    processes.join(address, 2, 0)
    self.initialize.assert_called_once()

  def test_a_name_with_two_addresses_is_the_one_of_ipv4(self):
    found = [(socket.AF_INET6, 1, 6, '', ('::2', 0, 0, 0))]
    found += socket.getaddrinfo('127.0.0.1', 0, type=socket.SOCK_STREAM)
    with mock.patch.object(socket, 'getaddrinfo', return_value=found):
      processes.join('localhost:1234', 2, 0)
    self.initialize.assert_called_once()


class OneProcessTest(parameterized.TestCase):
  def test_one_process_agrees_with_itself(self):
    self.assertEqual(processes.agree(None), [None])

  def test_those_that_do_not_train_the_same_are_a_sentence(self):
    said = [{'steps': 9, 'seed': 0}, {'steps': 9, 'seed': 1}]
    with mock.patch.object(processes, 'agree', lambda _: said):
      with self.assertRaisesRegex(
        errors.UserError, 'seed is 0 in process 0, and 1 in process 1'
      ):
        processes.check_alike(**said[0])
      said.pop()
      processes.check_alike(**said[0])

  @parameterized.parameters(
    ('', 2, 0),
    ('here', 2, 0),
    ('here:x', 2, 0),
    ('here:0', 2, 0),
    ('here:65536', 2, 1),
    ('here:1', 2, 2),
    ('', 1, 1),
  )
  def test_flags_that_do_not_fit_are_a_sentence(self, *flags):
    with self.assertRaisesRegex(errors.UserError, '--coordinator=.*expected'):
      processes.join(*flags)

  def test_only_what_a_lost_process_does_is_noticed(self):
    with self.assertRaises(errors.TryAgain), processes.noticing():
      raise ValueError('UNKNOWN: Gloo all-reduce failed: Connection reset')
    with self.assertRaisesRegex(ValueError, 'shape'), processes.noticing():
      raise ValueError('shape')


if __name__ == '__main__':
  absltest.main()
