"""Trials that train together end as if each were alone."""

import contextlib
import io
import itertools
import os
import pathlib
import signal
import sys
import threading
from unittest import mock

import numpy as np
import small_char_lm
import small_run
from absl.testing import absltest

from experiments import char_lm
from seqjax import errors, training
from seqjax.sweeps import engines, members, worker
from seqjax.sweeps import trial as trials
from seqjax.training import loop, population


def trial(name, **settings):
  return trials.Trial(name, settings, 'p', small_run.STEPS)


class MembersTestCase(small_run.LoopTestCase):
  def setUp(self):
    super().setUp()
    self.job = engines.Job('none', self.folder, 'vmap')
    self.reported = []

  def act(self, trial, directory):
    """What an experiment does."""
    plan = self.plan(**trial.settings)
    return training.fit(plan, directory)[1]

  def run_trial(self, job, trial, print_to):
    directory = job.directory / trial.name
    directory.mkdir(parents=True, exist_ok=True)
    try:
      with open(directory / 'output.txt', 'a') as file, print_to(file):
        metrics = self.act(trial, directory)
        print('done', file=sys.stdout)
    except Exception as error:
      return trials.Outcome('failed', {}, 1.0, str(error))
    return trials.Outcome('done', metrics, 1.0)

  def run_all(self, *group):
    report = lambda trial, outcome: self.reported.append((trial, outcome))
    before = threading.active_count()
    try:
      members.run(self.job, group, report, self.run_trial)
    finally:
      for thread in threading.enumerate()[before:]:
        thread.join(10)
    return {trial.name: outcome for trial, outcome in self.reported}


class RunTest(MembersTestCase):
  def test_they_train_together(self):
    group = [trial(f'{seed}', seed=seed) for seed in range(3)]
    with mock.patch.object(population, 'fit', wraps=population.fit) as fit:
      outcomes = self.run_all(*group)
    self.assertEqual([len(call.args[0]) for call in fit.mock_calls], [3])
    self.assertEqual([x for x, _ in self.reported], group)
    for each in group:
      alone = self.folder / 'alone' / each.name
      alone.mkdir(parents=True)
      wanted = self.act(each, alone)
      found = outcomes[each.name]
      self.assertEqual(found.status, 'done')
      self.assertEqual(found.metrics.keys(), wanted.keys())
      np.testing.assert_allclose(
        found.metrics['valid/norm'], wanted['valid/norm'], rtol=1e-5
      )

  def test_who_ends_before_keeps_nobody_waiting(self):
    fit = training.fit

    def act(trial, directory):
      match trial.name:
        case 'known':
          return {'valid/norm': 7.0}
        case 'broken':
          raise errors.UserError('No such text.')
      return fit(self.plan(**trial.settings), directory)[1]

    self.act = act
    outcomes = self.run_all(
      trial('known'),
      trial('one', seed=1),
      trial('broken'),
      trial('two', seed=2),
    )
    self.assertEqual(outcomes['known'].metrics, {'valid/norm': 7.0})
    self.assertEqual(outcomes['broken'].error, 'No such text.')
    self.assertEqual([outcomes[x].status for x in ('one', 'two')], 2 * ['done'])
    self.assertLen(self.reported, 4)

  def test_one_alone_trains_alone(self):
    self.act(trial('alone', seed=1), self.folder)
    self.run_all(trial('one', seed=1))
    wanted = (self.folder / 'metrics.jsonl').read_bytes()
    self.assertEqual(self.log('one'), wanted)

  def test_an_experiment_may_train_more_than_once(self):
    def act(trial, directory):
      for fold in range(2):
        (directory / f'{fold}').mkdir()
        plan = self.plan(**trial.settings)
        _, metrics = training.fit(plan, directory / f'{fold}')
      return metrics

    self.act = act
    with mock.patch.object(population, 'fit', wraps=population.fit) as fit:
      self.run_all(trial('one', seed=1), trial('two', seed=2))
    self.assertEqual([len(call.args[0]) for call in fit.mock_calls], [2, 2])
    self.assertEqual([x.status for _, x in self.reported], ['done'] * 2)

  def test_an_error_of_one_is_raised_where_it_trains(self):
    rates = {'learning_rate': 1e30}
    outcomes = self.run_all(
      trial('good', seed=1, hparams={'learning_rate': 0.01}),
      trial('bad', seed=2, hparams=rates),
    )
    self.assertEqual(outcomes['good'].status, 'done')
    self.assertStartsWith(outcomes['bad'].error, '10 updates in a row')

  def test_an_error_of_all_is_raised_in_each(self):
    kill = mock.Mock(side_effect=OSError('no file'))
    with mock.patch.object(population, 'fit', kill):
      self.run_all(trial('one', seed=1), trial('two', seed=2))
    self.assertEqual([x.error for _, x in self.reported], ['no file'] * 2)

  def test_what_is_no_outcome_is_raised(self):
    self.run_trial = mock.Mock(side_effect=small_run.Killed)
    with self.assertRaises(small_run.Killed):
      self.run_all(trial('one'))

  def test_a_signal_stops_all(self):
    held = []

    def act(trial, directory):
      held.append(trial.name)
      try:
        training.fit(self.plan(**trial.settings), directory)
      finally:
        held.remove(trial.name)

    def batches(index):
      if index == 5:
        os.kill(os.getpid(), signal.SIGTERM)
      return small_run.batch_of(index)

    self.act = act
    # The two last are another group, which has not begun.
    group = [trial(f'{k}', seed=k, batches=batches) for k in range(2)]
    group += [trial(f'{k}', seed=k, eval_every=5) for k in range(2, 4)]
    with small_run.stop_request():
      with self.assertRaises(errors.Stopped):
        self.run_all(*group)
    self.assertEmpty(held)
    self.assertEmpty(self.reported)
    self.assertEqual(self.steps_of('train/', '1'), list(range(1, 7)))


class PrintTest(absltest.TestCase):
  def test_each_prints_into_its_own_file(self):
    """Also what the main thread says of it."""
    texts = [io.StringIO() for _ in range(2)]

    def stand_in(asked):
      for each in asked:
        each.context.copy().run(print, 'training')
      print('of none')
      return [7] * len(asked)

    def run_trial(job, trial, print_to):
      with print_to(texts[int(trial.name)]):
        print('before')
        answer = loop.fit(None, pathlib.Path(trial.name))
        print('after', answer)
      return trials.Outcome('done', {}, 1.0)

    with (
      contextlib.redirect_stdout(io.StringIO()) as rest,
      mock.patch.object(population, 'fit', stand_in),
      mock.patch.object(population, 'groups', lambda asked: [[0, 1]]),
    ):
      members.run(None, [trial('0'), trial('1')], lambda *_: None, run_trial)
      self.assertIs(sys.stdout, rest)
    for text in texts:
      self.assertEqual(text.getvalue(), 'before\ntraining\nafter 7\n')
    self.assertEqual(rest.getvalue(), 'of none\n')


class ExperimentTest(small_run.LoopTestCase):
  def test_an_experiment_need_not_know_of_it(self):
    """char_lm: settings of every kind that enters the program as a number."""
    text = self.folder / 'text.txt'
    text.write_text(small_char_lm.TEXT)
    base = dict(
      text_file=str(text),
      cell='gru',
      hidden_size=4,
      embedding_size=3,
      batch_size=5,
      update_every=8,
      eval_every=2,
      steps=4,
      length=9,
    )
    group = [
      trials.make(
        char_lm.Config,
        base | dict(seed=seed, learning_rate=rate, dropout_rate=2 * rate),
      )
      for seed, rate in itertools.product((0, 1), (0.01, 0.1))
    ]
    self.assertLen({each.program for each in group}, 1)
    logs = []
    for form in 'vmap', 'sequential':
      reported = []
      job = engines.Job('char_lm', self.folder / form, form)
      report = lambda *pair, reported=reported: reported.append(pair)
      with mock.patch.object(population, 'fit', wraps=population.fit) as fit:
        worker.run(job, group, report)
      sizes = [len(call.args[0]) for call in fit.mock_calls]
      self.assertEqual(sizes, [4] if form == 'vmap' else [])
      self.assertEqual([x.status for _, x in reported], ['done'] * 4)
      names = lambda folder: sorted(
        str(x.relative_to(folder)) for x in folder.rglob('*')
      )
      logs.append((names(job.directory), [x.metrics for _, x in reported]))
    self.assertEqual(logs[0][0], logs[1][0])
    for one, other in zip(logs[0][1], logs[1][1], strict=True):
      self.assertEqual(one.keys(), other.keys())
      for name in one:
        np.testing.assert_allclose(one[name], other[name], rtol=1e-4)


if __name__ == '__main__':
  absltest.main()
