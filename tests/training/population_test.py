"""What runs leave that train together, beside what each leaves alone."""

import contextvars
import os
import pathlib
import shutil
import signal
import subprocess
import sys
from unittest import mock

import jax
import numpy as np
import small_run
from absl.testing import absltest

from seqjax import errors
from seqjax.training import checkpoints, loop, member, population
from seqjax.training import step as step_lib

SEEDS = 3, 4, 5
RATES = 0.05, 0.03, 0.01
# Of the second, no update is ever finite.
DIVERGING = 0.05, 1e30, 0.01


class PopulationTestCase(small_run.LoopTestCase):
  def members(self, name='many', rates=RATES, **changes):
    found = []
    for place, rate in enumerate(rates):
      directory = self.folder / name / str(place)
      directory.mkdir(parents=True, exist_ok=True)
      hparams = {'learning_rate': rate, 'clip_norm': 1.0}
      # The norm falls, so that the best is an early one.
      best = {'best': 'valid/norm', 'higher_is_better': True}
      own = {'seed': SEEDS[place], 'hparams': hparams} | best
      plan = self.plan(**own | changes)
      found.append(member.Member(plan, directory, contextvars.copy_context()))
    return found

  def train(self, *args, **changes):
    return population.fit(self.members(*args, **changes))

  def left(self, name='many', places=range(3)):
    """Of what members wrote: log, newest step, its state, and the best."""
    found = []
    for place in places:
      kept = checkpoints.Checkpoints(
        self.folder / name / str(place) / 'checkpoints',
        fingerprint='mine',
        read_only=True,
      )
      step, leaves = kept.restore_leaves()
      kept.close()
      state = {key: leaf.tobytes() for key, leaf in leaves.items()}
      best = sorted(os.listdir(self.folder / name / str(place) / 'best'))
      found.append((self.log(f'{name}/{place}'), step, state, best))
    return found


class FitTest(PopulationTestCase):
  def test_each_member_writes_what_it_writes_alone(self):
    results = self.train()
    for place, each in enumerate(self.members()):
      alone = self.folder / f'{place}'
      alone.mkdir()
      params, metrics = loop.fit(each.plan, alone)
      names = lambda folder: {x.relative_to(folder) for x in folder.rglob('*')}
      self.assertEqual(names(each.directory), names(alone))
      wanted, found = self.lines(f'{place}'), self.lines(f'many/{place}')
      self.assertEqual(found[0], wanted[0])  # The evaluation of step 0.
      for line, other in zip(found, wanted, strict=True):
        self.assertEqual(line.keys(), other.keys())
        for key, value in line.items():
          np.testing.assert_allclose(value, other[key], rtol=1e-5)
      np.testing.assert_allclose(results[place][0]['w'], params['w'], rtol=1e-5)
      self.assertEqual(results[place][1].keys(), metrics.keys())
      timing = [x['step'] for x in self.lines(f'many/{place}', 'timing')]
      self.assertEqual(timing, [0, 4, 8, 10, 10])

  def test_they_begin_with_the_parameters_that_each_draws_alone(self):
    self.train()
    drawn = [
      jax.random.normal(jax.random.key(x), (small_run.D,)) for x in SEEDS
    ]
    found = [params for step, params in self.evaluated if not step]
    np.testing.assert_array_equal(found, drawn)

  def test_the_step_is_traced_once(self):
    traces = []

    def traced(*args):
      traces.append(1)
      return small_run.loss(*args)

    self.train(task=small_run.TASK._replace(loss=traced))
    self.assertLen(traces, 1)

  def test_what_is_said_is_said_in_the_context_of_each(self):
    name, said = contextvars.ContextVar('name'), []
    members = self.members()
    for place, each in enumerate(members):
      each.context.run(name.set, place)
    with mock.patch('builtins.print', lambda *_, **__: said.append(name.get())):
      population.fit(members)
    self.assertEqual(said.count(0), said.count(1))
    self.assertCountEqual(set(said), range(3))

  def test_an_error_of_one_ends_that_one(self):
    self.train('good')
    members = self.members()
    broken = mock.Mock(side_effect=[{'valid/norm': 1.0}, OSError('no file')])
    plan = self.plan(**vars(members[1].plan) | {'evaluate': broken})
    members[1] = members[1]._replace(plan=plan)
    results = population.fit(members)
    self.assertEqual(str(results[1]), 'no file')
    self.assertEqual(self.left(places=(0, 2)), self.left('good', (0, 2)))
    self.assertEqual(self.steps_of('train/', 'many/1'), [1, 2, 3, 4])

  def test_what_does_not_belong_together_is_refused(self):
    members = self.members() + self.members(
      'other', batches=lambda index: small_run.batch_of(index + 1)
    )
    with self.assertRaisesRegex(ValueError, 'one group'):
      population.fit(members)


class DivergenceTest(PopulationTestCase):
  STEPS = 14

  def test_the_others_do_not_notice(self):
    self.train('good', steps=self.STEPS)
    results = self.train(rates=DIVERGING, steps=self.STEPS)
    self.assertIsInstance(results[1], errors.GaveUp)
    self.assertRegex(str(results[1]), '^10 updates in a row up to step 10 ')
    self.assertEqual(self.left(places=(0, 2)), self.left('good', (0, 2)))
    self.assertEqual(self.steps_of('train/', 'many/1'), list(range(1, 11)))
    self.assertEqual(self.steps_of('valid/', 'many/1'), [0, 4, 8])
    self.assertEqual(self.left(places=[1])[0][1], 9)

  def test_one_that_gave_up_stays_so(self):
    self.train('good', rates=DIVERGING, steps=self.STEPS)
    kill = small_run.killer(small_run.batch_of, 12)
    with self.assertRaises(small_run.Killed):
      self.train(rates=DIVERGING, steps=self.STEPS, batches=kill)
    members = self.members(rates=DIVERGING, steps=self.STEPS)
    self.assertEqual(population.groups(members), [[0, 1, 2]])
    results = population.fit(members)
    self.assertIsInstance(results[1], errors.GaveUp)
    self.assertEqual(self.left(), self.left('good'))

  def test_when_all_gave_up_it_is_over(self):
    asked = []
    batches = lambda index: asked.append(index) or small_run.batch_of(index)
    results = self.train(rates=[1e30] * 3, steps=100, batches=batches)
    self.assertLess(max(asked), 14)
    self.assertEqual([type(x) for x in results], [errors.GaveUp] * 3)
    # And so it is the second time, without a step.
    asked.clear()
    self.train(rates=[1e30] * 3, steps=100, batches=batches)
    self.assertEqual(set(asked), {0})

  def test_a_run_may_be_shorter_than_the_patience(self):
    results = self.train(rates=DIVERGING, steps=3)
    self.assertIsInstance(results[1], errors.GaveUp)
    self.assertNotIsInstance(results[0], Exception)


class ResumeTest(PopulationTestCase):
  def test_a_killed_population_ends_as_the_unbroken_one(self):
    self.train('good')
    unbroken = self.left('good')
    for where, at in (
      ('batches', 2),
      ('batches', 5),
      ('batches', 9),
      ('demonstrate', 4),
      ('demonstrate', 10),
    ):
      with self.subTest(f'{where}_{at}'):
        name = f'{where}_{at}'
        function = getattr(self.plan(), where)
        with self.assertRaises(small_run.Killed):
          self.train(name, **{where: small_run.killer(function, at)})
        self.said.clear()
        self.train(name)
        self.assertEqual(self.left(name), unbroken)
        saved = max((s for s in small_run.SAVED if s <= at), default=None)
        self.assertEqual(
          [x for x in self.said if 'Going on' in x],
          3 * [f'Going on from step {saved}.'] if saved else [],
        )

  def test_it_goes_on_from_the_newest_step_that_all_have(self):
    self.train('good')
    self.train(steps=8)
    shutil.rmtree(self.folder / 'many/1/checkpoints/8')
    self.said.clear()
    self.train()
    self.assertEqual(self.said.count('Going on from step 6.'), 3)
    self.assertEqual(self.left(), self.left('good'))

  def test_it_begins_again_where_one_has_none(self):
    self.train('good')
    self.train(steps=3)
    shutil.rmtree(self.folder / 'many/1/checkpoints')
    self.train()
    self.assertEqual(self.left(), self.left('good'))

  def test_a_signal_saves_all(self):
    self.train('good')

    def batches(index):
      if index == 4:
        os.kill(os.getpid(), signal.SIGTERM)
      return small_run.batch_of(index)

    with small_run.stop_request():
      with self.assertRaises(errors.Stopped):
        self.train(batches=batches)
    self.assertEqual([step for _, step, *_ in self.left()], [5, 5, 5])
    self.assertEqual(self.said.count('Saved at step 5 of 10.'), 3)
    self.train()
    self.assertEqual(self.left(), self.left('good'))

  def test_a_finished_one_is_left_as_it_is(self):
    self.train()
    unbroken = self.left()
    results = self.train()
    self.assertEqual(self.left(), unbroken)
    self.assertIn('valid/norm', results[0][1])

  def test_one_that_jumped_over_batches_shares_no_more(self):
    bad = small_run.bad_batches(*range(2, 12))
    for each in self.members(batches=bad, steps=14)[:1]:
      loop.fit(each.plan, each.directory)
    result, *_ = self.train(steps=20)
    self.assertRegex(str(result), r'past \d+ batches, .* goes on alone')


class GroupsTest(PopulationTestCase):
  def test_they_share_program_batches_and_pace(self):
    members = self.members()
    alone = [
      {'batches': lambda index: small_run.batch_of(index + 1)},
      {'steps': 11},
      {'eval_every': 5},
      {'task': small_run.TASK._replace(loss=lambda *x: small_run.loss(*x))},
    ]
    for changes in alone:
      members.append(self.members(**changes)[0])
    found = population.groups(members)
    self.assertEqual(found, [[0, 1, 2], [3], [4], [5], [6]])

  def test_they_have_come_equally_far(self):
    for steps, place in ((8, 1), (9, 0)):
      each = self.members(steps=steps)[place]
      loop.fit(each.plan, each.directory)
    self.assertEqual(population.groups(self.members()), [[2], [1, 0]])

  def test_they_fit_into_memory(self):
    members = self.members()
    self.assertEqual(population.groups(members, 10**9), [[0, 1, 2]])
    self.assertEqual(population.groups(members, 1), [[0], [1], [2]])
    plan = members[0].plan
    step = step_lib.make_train_step(plan.task, plan.optimizer)
    many = [
      jax.tree.map(lambda *xs: np.stack(xs), *[x] * 2)
      for x in jax.device_get((plan.initial(), plan.arrays()))
    ]
    program = population.make_train_step(step).lower(
      many[0], plan.batches(0), many[1]
    )
    found = program.compile().memory_analysis()
    there = found.argument_size_in_bytes + found.temp_size_in_bytes + 100
    self.assertEqual(
      population.groups(members, int(there / population.MEMORY_SHARE)),
      [[0, 1], [2]],
    )


class DevicesTest(PopulationTestCase):
  def test_members_lie_on_several_devices(self):
    if jax.device_count() < 4:
      self.skipTest('runs in a process of its own, below.')
    one = self.train('one')
    for num_devices in (2, 4):
      found = self.train(f'{num_devices}', num_devices=num_devices)
      for (params, _), (wanted, _) in zip(found, one, strict=True):
        np.testing.assert_allclose(params['w'], wanted['w'], rtol=1e-5)

  def test_in_a_process_with_four(self):
    done = subprocess.run(
      [
        sys.executable,
        __file__,
        'DevicesTest.test_members_lie_on_several_devices',
      ],
      env={
        **os.environ,
        'PYTHONPATH': os.pathsep.join(
          [*sys.path, str(pathlib.Path(__file__).parents[1])]
        ),
        'XLA_FLAGS': '--xla_force_host_platform_device_count=4',
        'JAX_PLATFORMS': 'cpu',
        'JAX_NUMPY_RANK_PROMOTION': 'raise',
        'JAX_NUMPY_DTYPE_PROMOTION': 'strict',
      },
      capture_output=True,
      text=True,
    )
    self.assertEqual(done.returncode, 0, done.stderr)
    self.assertNotIn('skipped', done.stderr)


if __name__ == '__main__':
  absltest.main()
