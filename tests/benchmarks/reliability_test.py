import contextlib
import io
import json
import pathlib
import signal
import sys
import tempfile
from unittest import mock

import pytest
from absl.testing import absltest, parameterized

from benchmarks import _damage, _kills, _parts, _small_runs, reliability


def run(*arguments, **parts):
  """Exit code and output of the benchmark, with parts that tests give."""
  out = io.StringIO()
  with (
    mock.patch.object(sys, 'argv', ['reliability', *arguments]),
    mock.patch.dict(reliability.PARTS, parts, clear=bool(parts)),
    contextlib.redirect_stdout(out),
  ):
    try:
      reliability.main()
    except SystemExit as end:
      return end.code, out.getvalue()


class ReliabilityTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  @parameterized.parameters(([], 0), (['it is gone'], 1))
  def test_what_is_wrong_decides(self, wrong, expected):
    out = self.folder / 'results.json'
    code, said = run(f'--out={out}', kills=lambda _: ([{'a': 1}], wrong))
    self.assertEqual(code, expected)
    self.assertIn(f'kills: {len(wrong)} wrong.', said)
    self.assertEqual('wrong: kills: it is gone' in said, bool(wrong))
    self.assertEqual(
      json.loads(out.read_text())['tables'], {'kills': [{'a': 1}]}
    )

  def test_a_table_stands_in_columns(self):
    rows = [{'file': 'a', 'cases': 5}, {'file': 'bcd', 'cases': 12.345}]
    self.assertEqual(_parts.table(rows), 'file  cases\na     5\nbcd   12.3')

  @parameterized.parameters(
    ('Going on from step 1,020.\n', 1020),
    ('Baselines: 3\nstep      0  valid/accuracy 0.500', 0),
    ('already done at step 240: nothing', _small_runs.STEPS),
    ('step      1/240  accuracy 0.5', None),
    ('', None),
  )
  def test_a_start_says_where_it_goes_on(self, said, step):
    self.assertEqual(_kills._resumed(said), step)

  @parameterized.parameters(
    # Saves are due every 20 steps.
    (signal.SIGKILL, 59, 40, True),
    (signal.SIGKILL, 63, 40, True),  # The save of step 60 was cut short.
    (signal.SIGKILL, 63, 39, False),
    (signal.SIGKILL, 59, 20, True),  # The save of step 40 was.
    (signal.SIGKILL, 60, 20, True),  # As the next save waits for it.
    (signal.SIGKILL, 61, 20, False),
    (signal.SIGKILL, 59, 60, False),
    (signal.SIGTERM, 59, 59, True),
    (signal.SIGTERM, 59, 58, False),
  )
  def test_a_kill_may_cost_a_save_and_a_term_nothing(
    self, signum, step, resumed, is_right
  ):
    hit = _kills.Hit(signum, 'step', step, 0.1)
    loss = _kills._loss(hit, resumed)
    self.assertEqual(loss.steps, step - resumed)
    self.assertEqual(not _kills._check_loss(hit, resumed, loss), is_right)

  def test_signals_are_shared_out(self):
    shares = [_kills._share(22, number, 5) for number in range(5)]
    self.assertEqual(shares, [5, 5, 4, 4, 4])

  def test_one_bit_is_flipped(self):
    path = self.folder / 'a'
    path.write_bytes(b'ab')
    _damage.flip(path, 9)
    self.assertEqual(path.read_bytes(), b'a`')

  def test_runs_differ_by_what_they_learnt_alone(self):
    newest = 'checkpoints/9'
    runs = self.folder / 'a', self.folder / 'b'
    for run_path, clock in zip(runs, '12', strict=True):
      for name in (
        'timing.jsonl',
        'metrics.jsonl',
        'checkpoints/9/meta/metadata',
      ):
        path = run_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(clock if name == 'timing.jsonl' else 'same')
    contents = [_small_runs.contents(x) for x in runs]
    self.assertLen(contents[0], 2)
    self.assertEmpty(_small_runs.differences(*contents))
    path.write_text('another')
    contents[1] = _small_runs.contents(runs[1])
    self.assertEqual(_small_runs.differences(*contents), [newest])

  @pytest.mark.slow
  def test_the_short_form_finds_nothing_wrong(self):
    code, said = run('--short')
    self.assertEqual(code, 0, said)
    self.assertRegex(said, r'char_lm +2 +1 ')
    self.assertIn(', 0 silent', said)
    self.assertRegex(said, r'killed +(0 +1|1 +0) +1\+1 ')


if __name__ == '__main__':
  absltest.main()
