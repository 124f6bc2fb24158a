"""Tests for seqjax.sweeps.results."""

import contextlib
import io
import json
from unittest import mock

import folder_case
from absl.testing import absltest

from seqjax import errors
from seqjax.sweeps import command, results
from seqjax.sweeps import trial as trials

ARGV = ('char_lm', '--grid=seed=0,1,2', '--hidden_size=8')
OWN = {'metric': 'valid/loss', 'value': 0.5, 'higher_is_better': False}


def done(loss):
  return trials.Outcome('done', {'valid/loss': loss}, 1.5)


class ResultsTestCase(folder_case.FolderTestCase):
  def sweep(self, *argv):
    return command.parse([*ARGV, f'--workdir={self.folder}', *argv], '')

  def rows(self, *outcomes):
    """Trials of the sweep that ended so, each with what its run leaves."""
    made = []
    for settings, outcome in zip(self.sweep().space, outcomes, strict=False):
      trial = trials.make(self.sweep().module.Config, settings)
      (self.folder / trial.name / 'best').mkdir(parents=True, exist_ok=True)
      self.write(f'{trial.name}/best/metric.json', json.dumps(OWN))
      made.append((trial, outcome))
    return made

  def said(self, function, *args):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
      value = function(*args)
    return value, out.getvalue()


class SayerTest(ResultsTestCase):
  def test_it_counts_what_has_ended(self):
    rows = self.rows(done(0.5), done(0.25))
    sayer, out = self.said(results.Sayer, self.sweep(), 1, 3)
    self.assertIn(f'{self.folder}: 1 trial has ended before\n', out)
    _, out = self.said(sayer, *rows[0])
    self.assertRegex(
      out, r'^2/3  \d+ s left  \S+-s0  --seed=0  valid/loss 0\.5  1\.5 s\n$'
    )
    _, out = self.said(sayer, *rows[1])
    self.assertRegex(
      out, r'^3/3  \S+-s1  --seed=1  valid/loss 0\.25  1\.5 s\n$'
    )

  def test_it_says_what_failed(self):
    ((trial, outcome),) = self.rows(trials.Outcome('failed', {}, 1.0, 'No.'))
    sayer, _ = self.said(results.Sayer, self.sweep(), 0, 3)
    _, out = self.said(sayer, trial, outcome)
    self.assertEndsWith(out, '--seed=0  failed: No.\n')

  def test_how_many_a_search_will_ask_for_is_not_said(self):
    sweep = self.sweep('--search=halving', '--metric=valid/loss')
    ((trial, outcome),) = self.rows(done(0.5))
    sayer, _ = self.said(results.Sayer, sweep, 0, 3)
    _, out = self.said(sayer, trial, outcome)
    self.assertStartsWith(out, f'1  to step {trial.steps:,}  {trial.name}  ')


class ConcludeTest(ResultsTestCase):
  def conclude(self, *outcomes, argv=()):
    rows = self.rows(*outcomes)
    return self.said(results.conclude, self.sweep(*argv), rows)[1]

  def test_the_table_is_printed_and_kept(self):
    out = self.conclude(done(0.5), done(0.25))
    self.assertIn((self.folder / 'table.txt').read_text(), out)
    self.assertIn('Best run', out)
    for name in ('metric_by_setting', 'learning_curves'):
      self.assertIn(f'{name}.png', out)
      self.assertTrue((self.folder / 'figures' / f'{name}.png').exists())

  def test_a_failure_is_the_end_of_it_and_the_table_is_there(self):
    failed = trials.Outcome('failed', {}, 1.0, 'No such text.')
    with self.assertRaisesRegex(
      errors.UserError, r'(?s)1 of 2 trials failed.*add --retry:\n  \S+-s1: No '
    ):
      self.conclude(done(0.5), failed)
    self.assertTrue((self.folder / 'table.txt').exists())

  def test_of_many_failures_some_are_said_and_all_are_counted(self):
    failed = trials.Outcome('failed', {}, 1.0, 'No.')
    trial = trials.Trial('a', {}, 'p', 5)
    with self.assertRaises(errors.UserError) as caught:
      results.conclude(self.sweep(), [(trial, failed)] * 8)
    self.assertStartsWith(str(caught.exception), '8 of 8 trials failed')
    self.assertEndsWith(str(caught.exception), '\n  a: No.\n  and 3 more')

  def test_what_diverged_is_no_failure(self):
    diverged = trials.Outcome('diverged', {}, 1.0, 'gave up')
    self.assertIn('1 diverged', self.conclude(done(0.5), diverged))
    self.conclude(diverged)

  def test_the_metric_that_was_asked_for_decides(self):
    outcomes = [
      trials.Outcome('done', {'valid/loss': 0.5, 'valid/accuracy': x}, 1.0)
      for x in (0.25, 0.75)
    ]
    out = self.conclude(
      *outcomes, argv=('--metric=valid/accuracy', '--higher_is_better')
    )
    self.assertRegex(out, r'Best run: \S+-s1')
    self.assertIn('higher is better', out)

  def test_an_unknown_metric_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'valid/los.*valid/loss'):
      self.conclude(done(0.5), argv=('--metric=valid/los',))

  def test_an_experiment_without_a_metric_is_asked_for_one(self):
    rows = self.rows(done(0.5))
    (self.folder / rows[0][0].name / 'best' / 'metric.json').unlink()
    with self.assertRaisesRegex(errors.UserError, 'name one with --metric'):
      results.conclude(self.sweep(), rows)

  def test_the_winner_is_trained_alone_if_asked(self):
    run = mock.Mock()
    run.read_result.return_value = {'metrics': {'valid/loss': 0.3}}
    with mock.patch.object(results.winner, 'rerun', return_value=run) as rerun:
      self.conclude(done(0.5), done(0.25))
      rerun.assert_not_called()
      out = self.conclude(done(0.5), done(0.25), argv=('--rerun_best',))
    self.assertEqual(rerun.mock_calls[0].args[-1], 0.25)
    self.assertIn('valid/loss: 0.3 alone, 0.25 in the sweep.', out)


if __name__ == '__main__':
  absltest.main()
