import contextlib
import importlib.util
import io
import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest, parameterized

from benchmarks import (
  _sweep_alone,
  _sweep_diverged,
  _sweep_kills,
  _sweep_runs,
  _sweep_speed,
  sweeps,
)


def run(*arguments, **parts):
  """Exit code and output of the benchmark, with parts that tests give."""
  out = io.StringIO()
  with (
    mock.patch.object(sys, 'argv', ['sweeps', *arguments]),
    mock.patch.dict(sweeps.PARTS, parts, clear=bool(parts)),
    contextlib.redirect_stdout(out),
  ):
    try:
      sweeps.main()
    except SystemExit as end:
      return end.code, out.getvalue()


class SweepsTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  def write_run(self, name, **changes):
    """A run's directory; `changes` are of its files."""
    content = {
      'metrics.jsonl': '{"step": 0, "valid/nats_per_char": 4.0}\n'
      '{"step": 1, "train/nats_per_char": 2.0}\n',
      'output.txt': name,
      'timing.jsonl': name,
      'config.json': json.dumps({'config': 1, 'environment': name}),
    }
    path = self.folder / name
    path.mkdir(parents=True)
    for file, text in (content | changes).items():
      (path / file).write_text(text)
    return path

  def write_sweep(self, name, *lines, table='table', **changes):
    """A sweep's directory, with the run of each line in it."""
    for line in {line['trial']: line for line in lines}.values():
      self.write_run(f'{name}/{line["trial"]}', **changes)
    path = self.folder / name
    text = ''.join(f'{json.dumps({"step": 1} | line)}\n' for line in lines)
    (path / 'sweep.jsonl').write_text(text)
    (path / 'table.txt').write_text(table)
    return path


class MainTest(SweepsTestCase):
  @parameterized.parameters(([], 0), (['it is gone'], 1))
  def test_what_is_wrong_decides(self, wrong, expected):
    out = self.folder / 'results.json'
    code, said = run(f'--out={out}', speed=lambda _: ([{'a': 1}], wrong))
    self.assertEqual(code, expected)
    self.assertIn(f'speed: {len(wrong)} wrong.', said)
    self.assertEqual('wrong: speed: it is gone' in said, bool(wrong))
    self.assertEqual(
      json.loads(out.read_text())['tables'], {'speed': [{'a': 1}]}
    )

  @parameterized.parameters(([], 10, 2), (['--short'], 2, 1))
  def test_the_short_form_sends_fewer_signals(self, flags, kills, terms):
    part = mock.Mock(return_value=([], []))
    run(*flags, killed=part)
    (options,) = part.mock_calls[0].args
    self.assertEqual((options.kills, options.terms), (kills, terms))

  @pytest.mark.slow
  def test_the_short_form_finds_nothing_wrong(self):
    code, said = run('--short')
    self.assertEqual(code, 0, said)
    self.assertRegex(said, r'runs one after another +2 ')
    self.assertRegex(said, r'sequential +4 +\d+ +0 +0 +0 +0')
    self.assertRegex(said, r'vmap +2 +\d+ +0 +diverged')
    self.assertRegex(said, r'\n2 +1 +\d+ +\d+ +12 ')


class RunsTest(SweepsTestCase):
  def test_what_was_told_is_read_from_the_line(self):
    line = {'flags': "--learning_rate=0.1 --cell_options='a=1,b=2'"}
    self.assertEqual(
      _sweep_runs.settings(line),
      {'learning_rate': '0.1', 'cell_options': 'a=1,b=2'},
    )

  def test_place_clock_and_machine_are_no_difference(self):
    a, b = self.write_run('a'), self.write_run('b', **{'.a.1.tmp': ''})
    self.assertEqual(_sweep_runs.differences(a, b), [])
    self.assertCountEqual(
      _sweep_runs.contents(a), ['metrics.jsonl', 'config.json']
    )

  def test_settings_and_metrics_are_a_difference(self):
    a = self.write_run('a')
    config = json.dumps({'config': 2, 'environment': 'a'})
    b = self.write_run('b', **{'config.json': config, 'metrics.jsonl': ''})
    self.assertEqual(
      _sweep_runs.differences(a, b), ['config.json', 'metrics.jsonl']
    )

  def test_a_command_that_fails_ends_the_benchmark(self):
    with self.assertRaisesRegex(SystemExit, 'nothing failed: .*Unknown'):
      _sweep_runs.finish(self.folder, 'nothing')


class AloneTest(SweepsTestCase):
  def compare(self, form, **changes):
    pair = self.write_run('alone'), self.write_run('member', **changes)
    return _sweep_alone._compare(form, [pair])

  def test_a_difference_is_wrong_one_after_another(self):
    row, wrong = self.compare('sequential')
    self.assertEqual((row['differ'], row['step 1'], wrong), (0, 0, []))
    (self.folder / 'member' / 'samples').write_text('')
    _, wrong = _sweep_alone._compare(
      'sequential', [(self.folder / 'alone', self.folder / 'member')]
    )
    self.assertEqual(wrong, ['member: samples is not that of the run alone'])

  @parameterized.parameters((4.0, 2.5, 0), (5.0, 2.0, 1))
  def test_by_vmap_it_is_wrong_before_the_first_update(
    self, before, after, expected
  ):
    text = (
      f'{{"step": 0, "valid/nats_per_char": {before}}}\n'
      f'{{"step": 1, "train/nats_per_char": {after}}}\n'
    )
    row, wrong = self.compare('vmap', **{'metrics.jsonl': text})
    self.assertLen(wrong, expected)
    self.assertEqual(
      (row['step 0'], row['step 1']), ((before - 4) / 4, (after - 2) / 2)
    )


class DivergedTest(SweepsTestCase):
  def compare(self, status='diverged', **changes):
    sweeps = {}
    for rate, ends in (('0.2', 'done'), ('1e3', status)):
      lines = [
        {
          'trial': f'r{other}',
          'status': ends if other == rate else 'done',
          'error': 'gave up: 10. Try',
          'flags': f'--learning_rate={float(other)}',
        }
        for other in ('0.1', rate, '0.4')
      ]
      more = changes if rate == '1e3' else {}
      sweeps[rate] = self.write_sweep(rate, *lines, **more)
    return _sweep_diverged._compare('vmap', sweeps)

  def test_others_that_are_the_same_are_right(self):
    row, wrong = self.compare()
    self.assertEqual(wrong, [])
    self.assertEqual((row['others'], row['files']), (2, 4))
    self.assertEqual(row['for'], 'gave up: 10')

  def test_others_that_changed_are_wrong(self):
    _, wrong = self.compare(samples='x')
    self.assertEqual(
      wrong,
      [f'the rate of {x}: samples is another one' for x in (0.1, 0.4)],
    )

  def test_what_diverges_is_marked(self):
    _, wrong = self.compare(status='done')
    self.assertEqual(wrong, ['the rate of 1e3 is done, not diverged'])


class KillsTest(SweepsTestCase):
  def lines(self, *names, **more):
    return [{'trial': x, 'seconds': random.random()} | more for x in names]

  def test_a_sweep_ends_as_the_unbroken_one(self):
    whole = self.write_sweep('a', *self.lines('x', 'y'))
    broken = self.write_sweep('b', *self.lines('y', 'x'))
    self.assertEqual(_sweep_kills._differences(whole, broken), [])

  @parameterized.parameters(
    (('x', 'y', 'x'), {}, {}, '3 lines, 1 of them twice; expected 2'),
    (('x',), {}, {}, '1 lines, 0 of them twice; expected 2'),
    (('x', 'y'), {'m': 1}, {}, '2 lines, 0 of them twice; expected 2'),
    (('x', 'y'), {}, {'table': 'other'}, 'table.txt is not'),
    (('x', 'y'), {}, {'metrics.jsonl': ''}, 'x: metrics.jsonl is not'),
  )
  def test_what_differs_is_wrong(self, names, metrics, changes, said):
    whole = self.write_sweep('a', *self.lines('x', 'y'))
    lines = self.lines(*names, **metrics)
    broken = self.write_sweep('b', *lines, **changes)
    for name in {'x', 'y'} - set(names):
      self.write_run(f'b/{name}')
    self.assertIn(said, _sweep_kills._differences(whole, broken)[0])

  def test_a_worker_left_behind_is_found(self):
    command = [sys.executable, '-c', 'input()', str(self.folder)]
    with (
      mock.patch.object(_sweep_kills, '_GRACE', 0),
      subprocess.Popen(command, stdin=subprocess.PIPE) as process,
    ):
      self.assertEqual(
        _sweep_kills._left_behind(self.folder), [f'left behind: {process.pid}']
      )
      process.send_signal(signal.SIGKILL)
    self.assertEqual(_sweep_kills._left_behind(self.folder), [])

  def test_a_signal_that_came_too_late_is_no_hit(self):
    with subprocess.Popen([sys.executable, '-c', '']) as process:
      process.wait()
      hit = _sweep_kills._send(signal.SIGKILL, process, self.folder, 0)
    self.assertIsNone(hit)


class SpeedTest(SweepsTestCase):
  def test_torch_reads_what_we_read(self):
    settings = {'batch_size': '2', 'update_every': '5', 'steps': '4'}
    text = 'abcd' * 20 + 'ad' * 8
    with mock.patch.object(
      _sweep_speed.char_lm, 'read_text', return_value=mock.Mock(text=text)
    ):
      arrays = _sweep_speed._batches(settings)
    # 86 characters, 85 targets in rows of 43, of which 20 are read.
    self.assertEqual(arrays['symbols'], 5)  # with the unknown one
    self.assertEqual(arrays['train_inputs'].shape, (4, 5, 2))
    np.testing.assert_array_equal(
      arrays['train_inputs'].reshape(20, 2)[1:],
      arrays['train_targets'].reshape(20, 2)[:-1],
    )
    np.testing.assert_array_equal(arrays['train_resets'], [1, 0, 0, 0])
    # 10 characters make 9 targets in 2 rows; what is beyond weighs nothing.
    self.assertEqual((arrays['valid_targets'] >= 0).sum(), 9)
    self.assertEqual((arrays['valid_targets'] == -100).sum(), 1)

  @unittest.skipUnless(importlib.util.find_spec('torch'), 'needs torch')
  def test_torch_learns_and_carries_its_state_on(self):
    import torch

    from benchmarks import _sweep_torch

    text = np.random.default_rng(0).integers(0, 3, 13)

    def bits(windows, learning_rate=0, resets=1):
      """After training on a text that is read in so many windows."""
      arrays = {'symbols': torch.tensor(3)}
      for part in 'train', 'valid':
        for name, ids in {'inputs': text[:-1], 'targets': text[1:]}.items():
          arrays[f'{part}_{name}'] = torch.tensor(ids).reshape(windows, -1, 1)
        arrays[f'{part}_resets'] = torch.arange(windows) < resets
      settings = {'embedding_size': '4', 'hidden_size': '4', 'seed': '0'}
      settings |= {'learning_rate': str(learning_rate), 'clip_norm': '1'}
      return _sweep_torch.train(settings, arrays)

    self.assertAlmostEqual(bits(3), bits(1), places=5)
    self.assertNotAlmostEqual(bits(3, resets=3), bits(1), places=3)
    self.assertLess(bits(6, 0.03), bits(6) - 0.05)
    self.assertEqual(bits(6, 0.03), bits(6, 0.03))

  @parameterized.parameters((3.1, 0), (3.4, 1), (float('nan'), 1))
  def test_who_learns_otherwise_is_wrong(self, theirs, expected):
    line = lambda seed, bits: {
      'flags': f'--learning_rate=0.1 --seed={seed}',
      'valid/bits_per_char': bits,
    }
    pairs = [(line(0, 2.9), theirs), (line(1, 3.1), theirs)]
    self.assertLen(_sweep_speed._check_bits(pairs), expected)

  @parameterized.parameters((2.0, 2.0, 0), (2.0, 3.0, 1), (3.0, 3.0, 2))
  def test_all_ways_come_to_the_same(self, after, alone, expected):
    metric = 'valid/bits_per_char'
    for name, bits in {'cold': 2.0, 'before': 2.0, 'after': after}.items():
      self.write_sweep(name, {'trial': 'x', metric: bits})
    result = json.dumps({'metrics': {metric: alone}})
    self.write_run('alone/x', **{'result.json': result})
    wrong = _sweep_speed._check(self.folder, [{'trial': 'x'}])
    self.assertLen(wrong, expected)


if __name__ == '__main__':
  absltest.main()
