import importlib.util
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import types
from unittest import mock

import pytest
from absl.testing import absltest

from seqjax import errors
from seqjax.sweeps import engines
from seqjax.sweeps import trial as trials
from seqjax.sweeps.engines import ray_cluster

DONE = trials.Outcome('done', {}, 1.0)
HERE = pathlib.Path(__file__).parent


def trial(name, program='p'):
  return trials.Trial(name, {}, program, 5)


class Died(Exception):
  pass


class FakeRay:
  """A cluster whose actors answer when the test says so."""

  exceptions = types.SimpleNamespace(RayError=Died)

  def __init__(self, **has):
    self.has, self.actors, self.answers = has, [], {}
    self.inits, self.options_of_actors, self.is_down = [], {}, False

  def init(self, *args, **kwargs):
    self.inits.append((args, kwargs))

  def shutdown(self):
    self.is_down = True

  def cluster_resources(self):
    return self.has

  def remote(self, actor):
    return self

  def options(self, **options):
    self.options_of_actors = options
    return types.SimpleNamespace(remote=self._make)

  def _make(self, *args):
    self.actors.append(mock.Mock(asked=None, killed=False))
    actor = self.actors[-1]
    actor.is_there.remote = lambda: self._ask(actor, 'is_there')
    actor.run.remote = lambda run, job, group: self._ask(actor, group)
    return actor

  def _ask(self, actor, what):
    actor.asked, actor.reference = what, object()
    return actor.reference

  def kill(self, actor):
    actor.killed = True

  def wait(self, references, timeout):
    return [x for x in references if x in self.answers], []

  def get(self, reference):
    answer = self.answers.pop(reference)
    if isinstance(answer, Exception):
      raise answer
    return answer

  def answer(self, actor, answer=()):
    self.answers[actor.reference] = answer


class RayTest(absltest.TestCase):
  def begin(self, places=0, **has):
    self.fake = FakeRay(**has or {'CPU': 2.0})
    self.enterContext(
      mock.patch.object(ray_cluster, 'library', lambda address: self.fake)
    )
    job = engines.Job('char_lm', pathlib.Path('/nowhere'))
    engine = self.enterContext(ray_cluster.Ray(job, places=places))
    for actor in self.fake.actors:
      self.fake.answer(actor)
    engine.wait()
    return engine

  def running(self):
    """The actor that runs each trial."""
    return {
      each.name: actor
      for actor in self.fake.actors
      for each in (actor.asked if actor.asked != 'is_there' else ())
      if not actor.killed
    }

  def test_there_is_a_place_for_each_core(self):
    self.assertEqual(self.begin().free(), 2)

  def test_there_is_a_place_for_each_accelerator(self):
    with mock.patch.dict(os.environ, JAX_PLATFORMS=''):
      engine = self.begin(CPU=64.0, GPU=3.0)
    self.assertEqual(engine.free(), 3)
    self.assertEqual(self.fake.options_of_actors['num_gpus'], 1)
    environment = self.fake.options_of_actors['runtime_env']['env_vars']
    self.assertNotIn('OMP_NUM_THREADS', environment)

  def test_a_place_has_one_thread_and_the_flags_of_the_user_stay(self):
    with mock.patch.dict(os.environ, XLA_FLAGS='--mine'):
      found = ray_cluster._one_thread()
    self.assertStartsWith(found['XLA_FLAGS'], '--mine --xla_cpu')
    self.assertEqual(found['OMP_NUM_THREADS'], '1')

  def test_no_core_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'no core to offer'):
      self.begin(memory=5.0)
    self.assertTrue(self.fake.is_down)

  def test_alone_it_has_no_dashboard(self):
    self.begin()
    [(args, kwargs)] = self.fake.inits
    self.assertEqual(args, ('local',))
    self.assertIs(kwargs['include_dashboard'], False)

  def test_groups_wait_for_a_place(self):
    engine = self.begin()
    for name in 'abc':
      engine.submit([trial(name)])
    self.assertEqual(engine.free(), 0)
    self.assertCountEqual(self.running(), 'ab')
    self.fake.answer(self.running()['a'], [(trial('a'), DONE)])
    self.assertEqual(engine.wait(), [(trial('a'), DONE)])
    self.assertCountEqual(self.running(), 'bc')

  def test_a_trial_goes_where_its_program_is_compiled(self):
    engine = self.begin()
    engine.submit([trial('a', 'p')])
    engine.submit([trial('b', 'q')])
    p, q = (self.running()[name] for name in 'ab')
    for first, second in ((p, q), (q, p)):
      for actor in first, second:
        self.fake.answer(actor, [(actor.asked[0], DONE)])
        engine.wait()
      engine.submit([trial('c', 'p')])
      engine.submit([trial('d', 'q')])
      self.assertIs(self.running()['c'], p)
      self.assertIs(self.running()['d'], q)

  def test_a_lost_group_ends_once_and_its_place_is_made_anew(self):
    engine = self.begin()
    engine.submit([trial('a'), trial('b')])
    self.fake.answer(self.running()['a'], Died('The node went.'))
    ended = engine.wait()
    self.assertEqual([each.name for each, _ in ended], ['a', 'b'])
    for _, outcome in ended:
      self.assertEqual(outcome.status, 'lost')
      self.assertEqual(outcome.error, 'The node went.')
    self.assertEqual(engine.wait(), [])
    self.assertLen(self.fake.actors, 3)
    self.assertEqual(engine.free(), 2)

  def test_what_may_have_gone_with_a_node_is_given_no_group(self):
    engine = self.begin(places=3)
    engine.submit([trial('a')])
    self.fake.answer(self.running()['a'], Died('The node went.'))
    engine.wait()
    engine.submit([trial('a')])
    self.assertEmpty(self.running())
    self.assertEqual(engine.free(), 2)
    there = [x for x in self.fake.actors if not x.killed]
    self.assertLen(there, 3)
    for actor in there[:2]:
      self.fake.answer(actor, Died('So did this.'))
    self.assertEqual(engine.wait(), [])
    self.fake.answer(there[2])
    engine.wait()
    self.assertIs(self.running()['a'], there[2])

  def test_a_worker_that_hangs_on_is_ended(self):
    engine = self.begin()
    engine.submit([trial('a')])
    actor = self.running()['a']
    self.fake.answer(actor, Died('unavailable'))
    engine.wait()
    self.assertTrue(actor.killed)

  def test_workers_that_cannot_begin_are_a_sentence(self):
    engine = self.begin()
    engine.submit([trial('a')])
    self.fake.answer(self.running()['a'], Died('The node went.'))
    with self.assertRaisesRegex(errors.TryAgain, "No module named 'seqjax'"):
      for _ in range(20):
        engine.wait()
        for actor in self.fake.actors:
          if not actor.killed:
            self.fake.answer(actor, Died("No module named 'seqjax'"))

  def test_no_place_for_long_is_a_sentence(self):
    engine = self.begin()
    for name in 'ab':
      engine.submit([trial(name)])
    for name in 'ab':
      self.fake.answer(self.running()[name], Died('The node went.'))
    self.assertLen(engine.wait(), 2)
    self.enterContext(mock.patch.object(ray_cluster, 'PATIENCE', -1))
    with self.assertRaisesRegex(errors.TryAgain, 'has had no place'):
      engine.wait()


class LibraryTest(absltest.TestCase):
  def test_without_ray_a_sentence_names_the_extra(self):
    with (
      mock.patch.dict(sys.modules, ray=None),
      mock.patch.dict(os.environ),
      self.assertRaisesRegex(errors.UserError, r"pip install 'seqjax\[ray\]'"),
    ):
      ray_cluster.library('')


class AddressTest(absltest.TestCase):
  def refuse(self, address, words):
    with self.assertRaisesRegex(errors.UserError, words):
      ray_cluster._check(address)

  def test_an_address_is_host_and_port(self):
    for address in ('head', 'head:', ':6379', 'head:port', 'ray://head'):
      self.refuse(address, 'expected host:port')

  def test_an_address_that_does_not_answer(self):
    with socket.socket() as free:
      free.bind(('127.0.0.1', 0))
      port = free.getsockname()[1]
    self.refuse(f'127.0.0.1:{port}', 'does not answer .*Connection refused')
    self.refuse('127.0.0.1:65536', 'does not answer')

  def test_an_address_that_is_none_of_ray(self):
    silence = subprocess.TimeoutExpired('python', 60)
    with (
      socket.create_server(('127.0.0.1', 0)) as server,
      mock.patch.object(subprocess, 'run', side_effect=silence),
    ):
      port = server.getsockname()[1]
      self.refuse(f'127.0.0.1:{port}', 'answers, but not as Ray does')

  def test_what_ray_says_is_passed_on(self):
    said = subprocess.CalledProcessError(1, '', stderr='Traceback\nWrong token')
    with (
      socket.create_server(('127.0.0.1', 0)) as server,
      mock.patch.object(subprocess, 'run', side_effect=said),
    ):
      port = server.getsockname()[1]
      self.refuse(f'127.0.0.1:{port}', r'refused us \(Wrong token\)')


@pytest.mark.slow
class RealTest(absltest.TestCase):
  """Runs in processes of their own: Ray is read once, and stays."""

  def setUp(self):
    super().setUp()
    if not importlib.util.find_spec('ray'):
      self.skipTest('needs the extra ray')
    self.folder = self.enterContext(tempfile.TemporaryDirectory())

  def run_script(self, *args):
    ended = subprocess.run(
      [sys.executable, '-P', HERE / 'ray_nodes.py', *args, self.folder],
      env=os.environ | {'JAX_PLATFORMS': 'cpu'},
      text=True,
      stdout=subprocess.PIPE,
      timeout=500,
    )
    self.assertEqual(ended.returncode, 0)
    return ended.stdout

  def test_a_node_is_killed_and_each_trial_counts_once(self):
    said = self.run_script('killed')
    self.assertRegex(said, '16 trials, each once; [1-9] lost')

  def test_alone_it_listens_on_loopback_and_compiles_once_a_place(self):
    said = self.run_script('alone')
    self.assertIn('6 trials, each once; 0 lost; 127.0.0.1\n', said)


if __name__ == '__main__':
  absltest.main()
