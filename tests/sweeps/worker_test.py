"""Tests for seqjax.sweeps.worker, with a character model in this process."""

import dataclasses
import io
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
from unittest import mock

import folder_case
import pytest
import small_char_lm
import small_run
from absl.testing import absltest

import seqjax
from experiments import char_lm
from seqjax import errors
from seqjax.sweeps import engines, worker
from seqjax.sweeps import trial as trials
from seqjax.training import logs
from seqjax.training import step as step_lib

SMALL = {
  'cell': 'elman',
  'length': 9,
  'hidden_size': 4,
  'embedding_size': 3,
  'batch_size': 5,
  'update_every': 8,
  'eval_every': 2,
  'steps': 4,
}


class WorkerTestCase(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.text = str(self.write('text.txt', small_char_lm.TEXT))
    self.job = engines.Job('char_lm', self.folder / 'sweep', 'sequential')

  def trial(self, **settings):
    settings = SMALL | {'text_file': self.text} | settings
    return trials.make(char_lm.Config, settings)

  def run_all(self, *group):
    reported = []
    worker.run(self.job, group, lambda *pair: reported.append(pair))
    self.assertEqual([trial for trial, _ in reported], list(group))
    return [outcome for _, outcome in reported]

  def path(self, trial, name=''):
    return self.job.directory / trial.name / name

  def output(self, trial):
    return self.path(trial, worker.OUTPUT).read_text()


class RunTest(WorkerTestCase):
  def test_a_trial_is_a_run_in_its_own_directory(self):
    trial = self.trial(seed=3)
    (outcome,) = self.run_all(trial)
    self.assertEqual((outcome.status, outcome.error), ('done', ''))
    self.assertGreater(outcome.seconds, 0)
    result = json.loads(self.path(trial, 'result.json').read_text())
    self.assertEqual(result['step'], 4)
    self.assertEqual(result['metrics'], outcome.metrics)
    self.assertIn('done at step 4', self.output(trial))

  def test_nothing_is_printed_but_into_its_directory(self):
    with mock.patch('sys.stdout', io.StringIO()) as out:
      self.run_all(self.trial())
    self.assertEqual(out.getvalue(), '')

  def test_what_is_done_ends_at_once_with_the_same_metrics(self):
    trial = self.trial()
    (first,) = self.run_all(trial)
    train = mock.Mock()
    with mock.patch.dict(char_lm.MODES, train=train):
      (second,) = self.run_all(trial)
    train.assert_not_called()
    self.assertEqual((second.status, second.metrics), ('done', first.metrics))
    self.assertIn('already done', self.output(trial))

  def test_more_steps_go_on(self):
    self.run_all(self.trial(steps=2))
    longer = self.trial(steps=4)
    self.run_all(longer)
    self.assertIn('Going on from step 2', self.output(longer))
    lines = logs.read_metrics(self.path(longer, 'metrics.jsonl'))
    steps = [x['step'] for x in lines]
    self.assertEqual(steps, sorted(steps))

  def test_what_was_taken_further_is_not_compared(self):
    self.run_all(self.trial(steps=4))
    (outcome,) = self.run_all(self.trial(steps=2))
    self.assertEqual((outcome.status, outcome.metrics), ('failed', {}))
    self.assertIn('on to step 4, and the sweep compares at 2', outcome.error)

  def test_one_that_fails_leaves_the_others_alone(self):
    group = [
      self.trial(text_file=str(self.folder / 'none.txt')),
      self.trial(),
      self.trial(cell_options='sise=3'),
      self.trial(seed=1),
    ]
    outcomes = self.run_all(*group)
    self.assertEqual(
      [x.status for x in outcomes], ['failed', 'done', 'failed', 'done']
    )
    self.assertRegex(outcomes[0].error, r'none\.txt')
    self.assertRegex(outcomes[2].error, 'sise')
    self.assertEmpty(outcomes[0].metrics)
    self.assertIn(outcomes[0].error, self.output(group[0]))

  def test_one_that_failed_runs_once_it_is_mended(self):
    path = self.folder / 'late.txt'
    trial = self.trial(text_file=str(path))
    self.assertEqual(self.run_all(trial)[0].status, 'failed')
    path.write_text(small_char_lm.TEXT)
    self.assertEqual(self.run_all(trial)[0].status, 'done')

  def test_a_bug_is_kept_with_its_traceback(self):
    trial, train = self.trial(), mock.Mock(side_effect=KeyError('hidden'))
    with mock.patch.dict(char_lm.MODES, train=train):
      (outcome,) = self.run_all(trial)
    self.assertEqual(outcome.status, 'failed')
    self.assertIn('KeyError', self.path(trial, 'crash.txt').read_text())
    # What is shown of it is one line.
    self.assertIn("KeyError: 'hidden'", outcome.error)

  def test_numbers_that_stay_bad_are_no_failure_of_the_program(self):
    trial = self.trial()
    train = mock.Mock(side_effect=errors.GaveUp('10 updates in a row'))
    with mock.patch.dict(char_lm.MODES, train=train):
      (outcome,) = self.run_all(trial)
    self.assertEqual(outcome.status, 'diverged')
    self.assertEqual(outcome.error, 'gave up: 10 updates in a row')

  def test_what_may_pass_by_itself_is_lost_and_so_tried_again(self):
    train = mock.Mock(side_effect=errors.TryAgain('no answer'))
    with mock.patch.dict(char_lm.MODES, train=train):
      (outcome,) = self.run_all(self.trial())
    self.assertEqual(outcome.status, 'lost')

  def test_a_file_in_place_of_a_trial_is_a_failure_of_that_one(self):
    bad, good = self.trial(), self.trial(seed=1)
    self.job.directory.mkdir()
    (self.job.directory / bad.name).write_text('')
    outcomes = self.run_all(bad, good)
    self.assertEqual([x.status for x in outcomes], ['failed', 'done'])
    self.assertRegex(outcomes[0].error, 'is a file')

  def test_a_signal_stops_what_runs_and_what_has_not_begun(self):
    group = [self.trial(), self.trial(seed=1)]
    train = char_lm.MODES['train']

    def signalled(config, run):
      os.kill(os.getpid(), signal.SIGTERM)
      return train(config, run)

    with (
      mock.patch.dict(char_lm.MODES, train=signalled),
      small_run.stop_request(),
      self.assertRaises(errors.Stopped),
    ):
      self.run_all(*group)
    self.assertFalse(self.path(group[1]).exists())


class ProgramsTest(WorkerTestCase):
  def programs(self, *group):
    """How often the training step was compiled for them."""
    for cache in step_lib._make_train_step, step_lib._make_eval_step:
      cache.cache_clear()
    steps = {}
    make = step_lib.make_train_step

    def made(*args, **options):
      step = make(*args, **options)
      steps[id(step)] = step
      return step

    with mock.patch.object(step_lib, 'make_train_step', made):
      outcomes = self.run_all(*group)
    self.assertEqual({x.status for x in outcomes}, {'done'})
    return sum(step._cache_size() for step in steps.values())

  def test_numbers_share_a_program(self):
    group = [
      self.trial(cell='lstm', dropout_rate=0.25, chrono_steps=5),
      self.trial(
        cell='lstm',
        seed=1,
        learning_rate=0.01,
        clip_norm=0.5,
        dropout_rate=0.5,
        forget_bias=3.0,
        chrono_steps=7,
      ),
    ]
    self.assertLen({x.program for x in group}, 1)
    self.assertEqual(self.programs(*group), 1)

  def test_two_programs_are_two(self):
    group = [
      self.trial(seed=seed, dropout_rate=rate)
      for seed, rate in itertools.product((0, 1), (0.0, 0.5))
    ]
    self.assertLen({x.program for x in group}, 2)
    self.assertEqual(self.programs(*group), 2)


class ServeTest(WorkerTestCase):
  def serve(self, *groups):
    """The answers of a worker process, and its exit code."""
    content = dataclasses.asdict(self.job) | {
      'directory': str(self.job.directory)
    }
    lines = [json.dumps([dataclasses.asdict(x) for x in g]) for g in groups]
    done = subprocess.run(
      [sys.executable, '-m', 'seqjax.sweeps.worker', json.dumps(content)],
      cwd=pathlib.Path(seqjax.__file__).parents[1],
      env=os.environ | {'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'},
      input=''.join(f'{line}\n' for line in lines),
      capture_output=True,
      text=True,
      timeout=300,
    )
    return [json.loads(x) for x in done.stdout.splitlines()], done

  def test_it_answers_a_line_for_each_trial_and_ends_with_its_input(self):
    good = self.trial(hidden_sizes=(4, 3))
    bad = self.trial(text_file=str(self.folder / 'none.txt'))
    answers, done = self.serve([good], [bad])
    self.assertEqual(done.returncode, 0, done.stderr)
    self.assertEqual(
      [(tuple(x['key']), x['outcome']['status']) for x in answers],
      [(good.key, 'done'), (bad.key, 'failed')],
    )
    self.assertEqual(done.stderr, '')

  @pytest.mark.slow
  def test_a_trial_after_others_is_the_run_alone_to_the_bit(self):
    group = [
      self.trial(cell='lstm', seed=seed, learning_rate=rate, dropout_rate=0.2)
      for seed, rate in ((0, 0.01), (7, 0.03))
    ]
    answers, _ = self.serve(group)
    self.assertEqual([x['outcome']['status'] for x in answers], ['done'] * 2)
    for trial in group:
      alone = self.folder / f'alone{trial.settings["seed"]}'
      flags = [f'--{name}={x}' for name, x in trial.settings.items()]
      subprocess.run(
        [
          *(sys.executable, '-m', 'experiments.char_lm'),
          *(*flags, f'--workdir={alone}'),
        ],
        cwd=pathlib.Path(seqjax.__file__).parents[1],
        env=os.environ | {'JAX_DISABLE_MOST_OPTIMIZATIONS': '1'},
        check=True,
        capture_output=True,
      )
      for name in ('metrics.jsonl', 'result.json'):
        self.assertEqual(
          self.path(trial, name).read_bytes(), (alone / name).read_bytes()
        )


class JobTest(absltest.TestCase):
  def test_a_job_comes_through_json(self):
    job = engines.Job('char_lm', pathlib.Path('/my/sweep'), 'vmap')
    content = dataclasses.asdict(job) | {'directory': '/my/sweep'}
    self.assertEqual(worker.parse_job(json.dumps(content)), job)


if __name__ == '__main__':
  absltest.main()
