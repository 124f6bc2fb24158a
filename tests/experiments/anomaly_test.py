"""Anomalies end to end, small: one run is trained and used by most tests."""

import contextlib
import csv
import io
import os
import pathlib
import shutil
import signal
import sys
from unittest import mock

import experiment_case
import numpy as np
from absl.testing import absltest, parameterized

from experiments import anomaly
from seqjax import errors
from seqjax.experiment.anomaly import alarms
from seqjax.training import logs

SMALL = (
  '--train_file=rooms.csv',
  '--target_columns=heat,flow',
  '--time_column=time',
  '--series_column=room',
  '--label_column=odd',
  '--train_fraction=0.3',
  '--valid_fraction=0.3',
  '--alarm_rate=0.02',
  '--hidden_size=6',
  '--horizon=4',
  '--window=24',
  '--context=6',
  '--batch_size=8',
  '--dropout_rate=0',
  '--state_dropout_rate=0',
  '--learning_rate=0.02',
  '--eval_every=20',
  '--smoothing=3',
)


def rooms(num_rows=500):
  """Two rooms whose rows stand among each other; both jump near the end."""
  random = np.random.RandomState([0])
  times = np.datetime64('2024-01-01', 's') + 1200 * np.arange(num_rows)
  lines = ['room,time,heat,flow,odd\n']
  for t, time in enumerate(times):
    odd = int(400 <= t < 430)
    for room in ('east', 'west'):
      heat = 20 + 3 * np.sin(t / 5) + 0.3 * random.randn() + 8 * odd
      # Nothing was observed for a while, and once nothing at all.
      flow = '' if 50 < t < 60 else f'{0.2 * random.randn() - odd:.3f}'
      heat = '' if t == 55 else f'{heat:.3f}'
      lines.append(
        f'{room},{str(time).replace("T", " ")},{heat},{flow},{odd}\n'
      )
  return ''.join(lines)


class AnomalyTest(experiment_case.ExperimentTestCase):
  """In a folder with a table and a finished run."""

  module = anomaly

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    pathlib.Path('rooms.csv').write_text(rooms())
    cls.trained = cls.main(*SMALL, '--workdir=run', '--steps=40')

  def stream(self, text, *arguments):
    """What is answered to lines."""
    with mock.patch.object(sys, 'stdin', io.StringIO(text)):
      return self.main('--mode=stream', '--workdir=run', *arguments)

  def predict(self, *arguments):
    code, out, err = self.main(
      '--mode=predict', '--workdir=run', '--output=said.csv', *arguments
    )
    self.assertEqual(code, 0, err)
    self.assertEndsWith(out, 'said.csv\n')
    return pathlib.Path('said.csv').read_text()

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''))
    for part in (
      'rooms.csv: 2 series, 300 rows to learn from, 300 to calibrate by, '
      '400 to watch, with 2 events',
      "cells of the column 'flow' had no number",
      'windowed Gaussian',
      'network',
      'event_f1',
      '--mode=predict',
    ):
      self.assertIn(part, out)

  def test_it_learns_and_finds_the_jumps(self):
    lines = logs.read_metrics('run/metrics.jsonl')
    name = 'valid/pinball'
    valid = {x['step']: x[name] for x in lines if name in x}
    self.assertEqual(list(valid), [0, 20, 40])
    self.assertLess(valid[40], 0.95 * valid[0])
    metrics = self.result()['metrics']
    self.assertEqual(metrics['test/num_found'], 2)
    self.assertEqual(metrics['test/num_events'], 2)
    self.assertGreater(metrics['test/event_area'], 0.6)

  def test_the_run_directory_is_complete(self):
    self.assertSameElements(
      os.listdir('run'),
      'alarms.safetensors best checkpoints config.json figures lock '
      'metrics.jsonl result.json timing.jsonl'.split(),
    )
    self.assertSameElements(
      os.listdir('run/figures'), ['anomalies.png', 'learning_curves.png']
    )

  def test_evaluation_repeats_the_result(self):
    code, out, _ = self.main('--workdir=run', '--mode=evaluate')
    self.assertEqual(code, 0)
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    self.assertEqual(out.splitlines(), sorted(expected))

  def test_a_table_says_it_of_every_row(self):
    rows = list(csv.DictReader(io.StringIO(self.predict())))
    self.assertLen(rows, 1000)
    given = list(csv.DictReader(io.StringIO(rooms())))
    for room in ('east', 'west'):
      said = [row for row in rows if row['series'] == room]
      mine = [row for row in given if row['room'] == room]
      self.assertEqual([r['time'] for r in said], [r['time'] for r in mine])
      self.assertEqual(said[55]['heat'], '')
      self.assertEqual(said[55]['p_value'], '')
      flagged = [t for t, row in enumerate(said) if row['alarm'] == '1']
      self.assertTrue(any(400 <= t < 430 for t in flagged))
      heat = [
        [float(row[name]) for name in ('heat', 'heat_expected')]
        for row in said[100:390]
      ]
      off = np.abs(np.diff(heat, axis=1)).mean()
      self.assertLess(off, 0.6 * np.std(heat))

  def test_a_stream_says_what_the_whole_table_does(self):
    whole = self.predict('--rows_file=rooms.csv')
    code, out, err = self.stream(rooms())
    self.assertEqual(code, 0, err)
    self.assertSameElements(out.splitlines(), whole.splitlines())
    self.assertEqual(
      out.count('\nwest'), len([x for x in whole.splitlines() if 'west' in x])
    )

  @parameterized.parameters('kept.npz', 'kept.safetensors')
  def test_a_stream_goes_on_where_it_ended(self, name):
    head, *lines = rooms(120).splitlines(keepends=True)
    kept = f'--state_file={name}'
    _, whole, _ = self.stream(rooms(120))
    _, first, _ = self.stream(head + ''.join(lines[:131]), kept)
    code, rest, err = self.stream(head + ''.join(lines[131:]), kept)
    self.assertEqual(code, 0, err)
    self.assertEqual(first + ''.join(rest.splitlines(True)[1:]), whole)

  def test_each_row_is_answered_before_the_next_is_read(self):
    order = []

    class Input:
      def __iter__(self):
        for line in rooms(60).splitlines(keepends=True):
          order.append('read')
          yield line

    class Output(io.StringIO):
      def flush(self):
        order.append('answered')

    with (
      mock.patch.object(sys, 'stdin', Input()),
      contextlib.redirect_stdout(Output()),
      contextlib.redirect_stderr(io.StringIO()),
      self.assertRaises(SystemExit),
    ):
      anomaly.experiment.main(
        anomaly.__doc__,
        'anomaly',
        anomaly.Config,
        anomaly.MODES,
        ['--mode=stream', '--workdir=run'],
      )
    self.assertEqual(order[:240], ['read', 'answered'] * 120)

  @parameterized.parameters(
    ('room,time,heat\neast,2024-01-01,1\n', "line 1: Unknown column 'flow'"),
    ('room,time,heat,flow\neast,2024-01-01,1\n', 'line 2: expected 4 cells'),
    (
      'room,time,heat,flow\neast,2024-01-01,1,2\neast,2024-01-01,x,2\n',
      "line 3: column 'heat': expected a number, got 'x'",
    ),
    ('room,time,heat,flow\nnorth,2024-01-01,1,2\n', "Unknown series 'north'"),
    (
      'room,time,heat,flow\neast,2024-01-02,1,2\neast,2024-01-01,1,2\n',
      'line 3: the time goes back',
    ),
    ('room,time,heat,flow\neast,7,1,2\n', 'expected times as in the training'),
    ('', "Unknown column 'heat'"),
    (
      'room,time,heat,flow\neast,2024-01-02,1,2\n\neast,2024-01-03,1,2\n',
      'line 3: expected a row, got a blank line',
    ),
    (
      'room,time,heat,flow\neast,"2024-01-02,1,2\neast,2024-01-03,1,2\n',
      'line 2: the row cannot be read',
    ),
    (
      'room,time,heat,flow\neast,2024-01-02,\udcff,2\n',
      'line 2: expected UTF-8',
    ),
    (
      'room,time,heat,flow\n'
      + ''.join(f'east,2024-01-02T0{h},1,2\n' for h in (5, 4, 3)),
      'line 4: the time goes back',
    ),
    (
      'room,time,heat,flow\n'
      + ''.join(f'east,2024-01-02T0{h}Z,1,2\n' for h in (5, 4)),
      'line 3: the time goes back',
    ),
  )
  def test_a_row_that_will_not_do_ends_the_stream(self, text, message):
    code, _, err = self.stream(text)
    self.assertEqual(code, 1)
    self.assertIn(message, err.splitlines()[-1])

  def test_marks_and_blank_lines_at_the_ends_are_no_rows(self):
    _, plain, _ = self.stream(rooms(9))
    code, found, err = self.stream('\ufeff' + rooms(9) + '\n\n')
    self.assertEqual((code, found), (0, plain), err)

  def test_the_state_is_kept_however_it_ends(self):
    head, *lines = rooms(60).splitlines(keepends=True)
    kept = '--state_file=broken.npz'
    _, whole, _ = self.stream(rooms(60))

    class Input:
      def __iter__(self):
        yield from (head, *lines[20:40])
        signal.raise_signal(signal.SIGTERM)

    code, first, _ = self.stream(head + ''.join(lines[:20]) + 'east\n', kept)
    self.assertEqual(code, 1)
    with mock.patch.object(sys, 'stdin', Input()):
      code, second, _ = self.main('--mode=stream', '--workdir=run', kept)
    self.assertEqual(code, 143)
    code, third, err = self.stream(head + ''.join(lines[40:]), kept)
    self.assertEqual(code, 0, err)
    rest = [x.split('\n', 1)[1] for x in (second, third)]
    self.assertEqual(first + ''.join(rest), whole)
    # What has been read does not come again.
    code, _, err = self.stream(head + lines[0], kept)
    self.assertEqual(code, 1)
    self.assertIn('line 2: the time goes back', err)

  @parameterized.parameters('kept.txt', 'nowhere/kept.npz')
  def test_where_no_state_can_be_kept_no_row_is_read(self, name):
    code, out, err = self.stream(rooms(5), f'--state_file={name}')
    self.assertEqual((code, out), (1, ''), err)

  def test_the_state_of_another_run_is_refused(self):
    with mock.patch.object(alarms, 'sha256', lambda _: 'another'):
      self.assertEqual(self.stream(rooms(3), '--state_file=other.npz')[0], 0)
    code, _, err = self.stream(rooms(3), '--state_file=other.npz')
    self.assertEqual(code, 1)
    self.assertIn('holds the state of another run', err)

  def test_a_training_that_goes_on_has_no_alarms_until_it_ends(self):
    shutil.copytree('run', 'longer')
    pathlib.Path('longer/result.json').unlink()
    stop = mock.patch.object(
      anomaly.training, 'fit', side_effect=errors.Stopped(15)
    )
    with stop:
      code, *_ = self.main('--workdir=longer', *SMALL)
    self.assertEqual(code, 143)
    code, _, err = self.main('--mode=predict', '--workdir=longer')
    self.assertEqual(code, 1)
    self.assertIn('has no alarms.safetensors', err)

  def test_counts_stay_counts_and_are_said_as_they_are(self):
    counts = range(900, 2900, 5)
    table = 'n,x\n' + ''.join(f'{n},{n % 7}\n' for n in counts)
    pathlib.Path('counts.csv').write_text(table)
    kept = [x for x in SMALL if 'column' not in x and 'file' not in x]
    code, _, err = self.main(
      *kept,
      '--train_file=counts.csv',
      '--target_columns=x',
      '--time_column=n',
      '--workdir=counted',
      '--steps=2',
    )
    self.assertEqual((code, err), (0, ''))
    # As years, if one did not know better.
    years = 'n,x\n' + ''.join(table.splitlines(True)[21:])
    pathlib.Path('years.csv').write_text(years)
    self.main(
      '--mode=predict',
      '--workdir=counted',
      '--rows_file=years.csv',
      '--output=years_said.csv',
    )
    whole = pathlib.Path('years_said.csv').read_text()
    self.assertStartsWith(whole.splitlines()[1], '1000,')
    with mock.patch.object(sys, 'stdin', io.StringIO(years)):
      code, out, err = self.main('--mode=stream', '--workdir=counted')
    self.assertEqual((code, out), (0, whole), err)

  @parameterized.parameters(
    ('needs 1,999 rows', '--alarm_rate=0.0005'),
    ('where 302 are the least', '--horizon=300'),
    ("unknown column 'odder'", '--label_column=odder'),
    ('does not exist', '--train_file=roms.csv'),
    ('leave no rows', '--train_fraction=0.7'),
  )
  def test_what_cannot_be_learnt_is_refused(self, words, *arguments):
    self.assert_refused(words, SMALL, *arguments)

  def test_constant_and_unlabelled_series_end_well(self):
    lines = ['n,x\n', *(f'{t},5\n' for t in range(400))]
    pathlib.Path('flat.csv').write_text(''.join(lines))
    kept = [x for x in SMALL if 'column' not in x and 'file' not in x]
    code, out, err = self.main(
      *kept,
      '--train_file=flat.csv',
      '--target_columns=x',
      '--workdir=flat',
      '--steps=2',
    )
    self.assertEqual((code, err), (0, ''))
    self.assertIn('nobody says', out)
    self.assertEqual(self.result('flat')['metrics']['test/flagged_share'], 0)


if __name__ == '__main__':
  absltest.main()
