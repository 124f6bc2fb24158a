"""Tests for seqjax.sweeps.engines.local, with workers that train nothing."""

import os
import pathlib
import signal
import sys
import textwrap
import time
from unittest import mock

import folder_case
from absl.testing import absltest, parameterized

from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import local

# What a worker says to each trial, by its name.
WORKER = """
import json, os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1])
with open(folder / 'workers', 'a') as file:
  file.write(f'{os.getpid()}\\n')
for line in sys.stdin:
  for trial in json.loads(line):
    key = trial['name'], trial['steps']
    metrics = {'valid/pid': os.getpid()}
    if trial['name'] == 'dies':
      os._exit(9)
    if trial['name'] == 'sleeps':
      signal.signal(signal.SIGTERM, lambda *_: (
        (folder / 'saved').write_text(''), os._exit(0)))
      (folder / 'asleep').write_text('')
      time.sleep(60)
    outcome = dict(status='done', metrics=metrics, seconds=1.0, error='')
    print(json.dumps({'key': key, 'outcome': outcome}), flush=True)
"""


def trial(name, program='p'):
  return trials.Trial(name, {'sizes': (3, 2)}, program, 5)


class LocalTestCase(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    path = self.write('worker.py', textwrap.dedent(WORKER))
    command = [sys.executable, str(path), str(self.folder)]
    self.enterContext(
      mock.patch.object(local.bond, 'command', lambda _: command)
    )
    self.engine = self.enterContext(
      local.Local(engines.Job('none', self.folder), 2)
    )

  def ended(self, count):
    """What ended, by name, once so many have."""
    ended, end = {}, time.monotonic() + 60
    while len(ended) < count and time.monotonic() < end:
      for each, outcome in self.engine.wait():
        self.assertNotIn(each.name, ended)
        ended[each.name] = outcome
    return ended

  def workers(self):
    return (self.folder / 'workers').read_text().split()

  def wait_for(self, name):
    end = time.monotonic() + 60
    while not (self.folder / name).exists():
      self.assertLess(time.monotonic(), end)
      time.sleep(0.01)


class RunTest(LocalTestCase):
  def test_no_process_begins_before_there_is_something_to_do(self):
    self.assertEqual(self.engine.free(), 2)
    self.assertFalse((self.folder / 'workers').exists())

  def test_places_are_taken_and_given_back(self):
    self.engine.submit([trial('a')])
    self.assertEqual(self.engine.free(), 1)
    self.engine.submit([trial('b')])
    self.assertEqual(self.engine.free(), 0)
    self.assertEqual(self.ended(2).keys(), {'a', 'b'})
    self.assertEqual(self.engine.free(), 2)

  def test_a_place_is_free_once_all_of_its_group_ended(self):
    group = [trial(x) for x in 'abc']
    self.engine.submit(group)
    outcomes = self.ended(3)
    self.assertEqual(list(outcomes), list('abc'))
    self.assertEqual({x.status for x in outcomes.values()}, {'done'})
    self.assertEqual(self.engine.free(), 2)
    self.assertLen(self.workers(), 1)

  def test_a_program_goes_to_the_worker_that_has_compiled_it(self):
    self.engine.submit([trial('a', 'p')])
    self.engine.submit([trial('b', 'q')])
    first = self.ended(2)
    self.engine.submit([trial('c', 'q')])
    self.engine.submit([trial('d', 'p')])
    second = self.ended(2)
    for one, other in ('ad', 'bc'):
      self.assertEqual(first[one].metrics, second[other].metrics)

  def test_silence_is_no_end(self):
    self.assertEqual(self.engine.wait(), [])


class LostTest(LocalTestCase):
  def test_what_a_dead_worker_had_is_lost_and_another_takes_its_place(self):
    group = [trial(x) for x in ('a', 'dies', 'b')]
    self.engine.submit(group)
    outcomes = self.ended(3)
    statuses = {name: x.status for name, x in outcomes.items()}
    self.assertEqual(statuses, {'a': 'done', 'dies': 'lost', 'b': 'lost'})
    self.assertStartsWith(outcomes['b'].error, 'its worker ended (9)')
    self.assertEqual(self.engine.free(), 2)
    self.engine.submit([trial('c')])
    self.assertEqual(self.ended(1)['c'].status, 'done')

  def test_a_worker_that_is_killed_is_noticed(self):
    self.engine.submit([trial('sleeps')])
    self.wait_for('asleep')
    os.kill(int(self.workers()[0]), signal.SIGKILL)
    outcome = self.ended(1)['sleeps']
    self.assertEqual(outcome.status, 'lost')
    self.assertStartsWith(outcome.error, 'its worker ended (-9)')

  def test_one_that_died_while_it_was_idle_is_not_given_anything(self):
    self.engine.submit([trial('a')])
    self.ended(1)
    os.kill(int(self.workers()[0]), signal.SIGKILL)
    while not self.engine._said.qsize():
      time.sleep(0.01)
    self.engine.submit([trial('b')])
    # Lost or done, but said once.
    self.assertIn(self.ended(1)['b'].status, ('lost', 'done'))
    self.assertEqual(self.engine.free(), 2)


class EndTest(LocalTestCase):
  def test_what_is_under_way_is_asked_to_save(self):
    self.engine.submit([trial('sleeps')])
    self.wait_for('asleep')
    self.engine.__exit__(None, None, None)
    self.assertTrue((self.folder / 'saved').exists())

  def test_the_idle_end_by_themselves(self):
    self.engine.submit([trial('a')])
    self.ended(1)
    (worker,) = self.engine._workers
    self.engine.__exit__(None, None, None)
    self.assertEqual(worker.process.returncode, 0)


class PlacesTest(parameterized.TestCase):
  def test_one_per_core_by_default(self):
    cores = len(os.sched_getaffinity(0))
    engine = local.Local(engines.Job('none', pathlib.Path('/none')))
    self.assertEqual(engine.free(), cores)

  def test_one_for_all_accelerators(self):
    with mock.patch.object(local, 'has_accelerator', lambda: True):
      engine = local.Local(engines.Job('none', pathlib.Path('/none')))
    self.assertEqual(engine.free(), 1)

  def test_each_has_a_core_of_its_own(self):
    cores = sorted(os.sched_getaffinity(0))
    engine = local.Local(engines.Job('none', pathlib.Path('/none')))
    found = []
    for _ in range(len(cores) + 1):
      found.append(engine._free_core())
      engine._workers.append(mock.Mock(core=found[-1]))
    self.assertEqual(found, [*cores, None])

  def test_nobody_is_asked_where_no_accelerator_can_be(self):
    with (
      mock.patch.dict(os.environ, JAX_PLATFORMS='cpu'),
      mock.patch.object(local.subprocess, 'run') as asked,
    ):
      self.assertFalse(local.has_accelerator())
    asked.assert_not_called()

  @parameterized.parameters(
    ('cpu\n', 0, False), ('gpu\n', 0, True), ('', 1, False)
  )
  def test_the_answer_of_jax_counts(self, words, code, expected):
    done = mock.Mock(stdout=words, returncode=code)
    with (
      mock.patch.dict(os.environ, JAX_PLATFORMS=''),
      mock.patch.object(local.importlib.util, 'find_spec', return_value=1),
      mock.patch.object(local.subprocess, 'run', return_value=done),
    ):
      self.assertEqual(local.has_accelerator(), expected)


if __name__ == '__main__':
  absltest.main()
