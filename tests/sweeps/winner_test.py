"""Tests for seqjax.sweeps.winner."""

import contextlib
import io
from unittest import mock

import folder_case
from absl.testing import absltest

from seqjax import errors
from seqjax.sweeps import command, summary, winner
from seqjax.sweeps import trial as trials

DONE = trials.Outcome('done', {'valid/loss': 0.5}, 1.0)


def rows(*keys):
  return [
    (trials.Trial(name, {'seed': 7, 'steps': steps}, 'p', steps), DONE)
    for name, steps in keys
  ]


def group(names, scores):
  return summary.Group({}, names, scores, ('done',) * len(names))


class WinnerTest(folder_case.FolderTestCase):
  def test_it_is_the_trial_with_the_score_as_far_as_it_went(self):
    found = winner.find(
      rows(('a', 9), ('b', 3), ('b', 9)), group(('a', 'b'), (2.0, 1.0)), 1.0
    )
    self.assertEqual(found.key, ('b', 9))

  def rerun(self, code):
    """What the process was started with, and what was said."""
    argv = ['char_lm', '--grid=seed=7,8', f'--workdir={self.folder}']
    process = mock.MagicMock()
    process.__enter__.return_value.wait.return_value = code
    out = io.StringIO()
    with (
      mock.patch.object(winner.subprocess, 'Popen', return_value=process) as p,
      contextlib.redirect_stdout(out),
    ):
      run = winner.rerun(
        command.parse(argv, ''), rows(('a', 9)), group(('a',), (1.0,)), 1.0
      )
    return run, p.call_args.args[0], out.getvalue()

  def test_it_is_trained_by_its_flags_in_a_directory_of_its_own(self):
    run, started, out = self.rerun(0)
    self.assertEqual(run.path, self.folder / 'alone' / 'a')
    self.assertEqual(
      started[-4:],
      ['experiments.char_lm', '--seed=7', '--steps=9', f'--workdir={run.path}'],
    )
    self.assertIn('./launch.sh char_lm --seed=7 --steps=9 --workdir=', out)

  def test_that_it_did_not_end_well_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'ended with exit code 3'):
      self.rerun(3)


if __name__ == '__main__':
  absltest.main()
