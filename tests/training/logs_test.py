import decimal
import errno
import json
import math
import os
import pathlib
import tempfile
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.training import logs


class LogTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.path = pathlib.Path(folder.name, 'metrics.jsonl')

  def _open(self, kind=logs.MetricsLog):
    log = kind(self.path)
    self.addCleanup(log.close)
    return log


class MetricsLogTest(LogTest):
  def test_a_line_is_json_with_sorted_keys(self):
    self._open().write(3, {'train/b': 0.5, 'train/a': 2, 'lr': 1e-3})
    self.assertEqual(
      self.path.read_text(),
      '{"lr": 0.001, "step": 3, "train/a": 2.0, "train/b": 0.5}\n',
    )

  def test_a_number_is_the_shortest_form_of_its_float32(self):
    log = self._open()
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(scale=20, size=100)).astype(np.float32)
    for step, value in enumerate(values):
      log.write(step, {'x': value})
      log.write(step, {'x': float(value)})  # As float64 it has 17 digits.
    lines = self.path.read_text().splitlines()
    self.assertEqual(lines[::2], lines[1::2])
    found = np.array([record['x'] for record in logs.read_metrics(self.path)])
    np.testing.assert_array_equal(found[::2].astype(np.float32), values)
    for line in lines:
      number = decimal.Decimal(line.rpartition(' ')[2].rstrip('}')).normalize()
      self.assertLessEqual(len(number.as_tuple().digits), 9, line)

  @parameterized.parameters('nan', 'inf', '-inf')
  def test_what_is_not_finite_is_a_string_in_the_file(self, name):
    self._open().write(1, {'x': np.float32(name)})
    line = json.loads(self.path.read_text(), parse_constant=self.fail)
    self.assertEqual(line, {'step': 1, 'x': name})
    np.testing.assert_equal(
      logs.read_metrics(self.path), [{'step': 1, 'x': float(name)}]
    )

  def test_what_float32_cannot_hold_is_infinite(self):
    self._open().write(1, {'x': 1e39})
    self.assertEqual(logs.read_metrics(self.path)[0]['x'], math.inf)

  def test_the_name_step_is_taken(self):
    with self.assertRaisesRegex(ValueError, 'the name of the line'):
      self._open().write(1, {'step': 2.0})

  def test_a_line_is_in_the_file_at_once(self):
    log = self._open()
    for step in range(3):
      log.write(step, {'x': 1.0})
      self.assertLen(logs.read_metrics(self.path), step + 1)

  def test_sync_and_close_reach_the_disk(self):
    log = self._open()
    for act in log.sync, log.close:
      with mock.patch.object(os, 'fsync') as fsync:
        act()
      fsync.assert_called_once()

  def test_a_line_that_found_a_full_disk_leaves_no_part(self):
    log = self._open()
    log.write(1, {'x': 1.0})
    before = self.path.read_bytes()
    file = log._file

    class Full:
      def __getattr__(self, name):
        return getattr(file, name)

      def write(self, data):
        return file.write(data[:7])

    with mock.patch.object(log, '_file', Full()):
      with self.assertRaises(OSError) as caught:
        log.write(2, {'x': 1.0})
    self.assertEqual(caught.exception.errno, errno.ENOSPC)
    self.assertEqual(self.path.read_bytes(), before)


class RewindTest(LogTest):
  def _write(self, log):
    log.write(0, {'valid/x': 9.0})
    for step in range(1, 5):
      log.write(step, {'train/x': 1.0 / step})
      if step % 2 == 0:
        log.write(step, {'valid/x': 2.0 / step})

  def _kept(self):
    return [
      (record['step'], 'valid' if 'valid/x' in record else 'train')
      for record in logs.read_metrics(self.path)
    ]

  def test_the_evaluation_of_the_checkpoint_is_cut_and_its_training_kept(self):
    log = self._open()
    self._write(log)
    log.rewind(2)
    self.assertEqual(self._kept(), [(0, 'valid'), (1, 'train'), (2, 'train')])

  def test_rewind_and_repeat_gives_the_same_bytes(self):
    log = self._open()
    self._write(log)
    whole = self.path.read_bytes()
    log.rewind(2)
    log.write(2, {'valid/x': 1.0})
    log.write(3, {'train/x': 1 / 3})
    log.write(4, {'train/x': 0.25})
    log.write(4, {'valid/x': 0.5})
    self.assertEqual(self.path.read_bytes(), whole)

  def test_without_a_checkpoint_nothing_is_kept(self):
    log = self._open()
    self._write(log)
    log.rewind(0)
    self.assertEqual(self.path.read_bytes(), b'')

  def test_the_last_checkpoint_of_a_finished_run_cuts_its_evaluation(self):
    log = self._open()
    self._write(log)
    log.rewind(4)
    self.assertEqual(self._kept()[-1], (4, 'train'))
    self.assertLen(self._kept(), 6)

  def test_a_failed_rewind_leaves_the_file_and_the_log_works(self):
    log = self._open()
    self._write(log)
    whole = self.path.read_bytes()
    with mock.patch.object(os, 'replace', side_effect=OSError('no')):
      with self.assertRaisesRegex(OSError, 'no'):
        log.rewind(1)
    self.assertEqual(self.path.read_bytes(), whole)
    log.write(5, {'train/x': 1.0})
    self.assertEqual(self._kept()[-1], (5, 'train'))


class TornTest(LogTest):
  @parameterized.parameters(b'{"step": 2, "tr', b'{"step": 2}', b'\0\0\0')
  def test_a_torn_last_line_is_ignored_and_cut(self, torn):
    whole = b'{"step": 1}\n'
    for kind in logs.MetricsLog, logs.TimingLog:
      self.path.write_bytes(whole + torn)
      self.assertEqual(logs.read_metrics(self.path), [{'step': 1}])
      log = self._open(kind)
      self.assertEqual(self.path.read_bytes(), whole)
      log.write(2, {'x': 1.0})
      self.assertEqual(
        logs.read_metrics(self.path), [{'step': 1}, {'step': 2, 'x': 1.0}]
      )

  @parameterized.parameters(
    '{"step": 2, "x"', '[1]', '{"x": 1.0}', '{"step": "2"}', '', '\udcff'
  )
  def test_a_bad_line_elsewhere_is_named(self, bad):
    content = f'{{"step": 1}}\n{bad}\n{{"step": 3}}\n'
    self.path.write_text(content, errors='surrogateescape')
    for act in (
      lambda: logs.read_metrics(self.path),
      lambda: self._open().rewind(1),
    ):
      with self.assertRaisesRegex(
        errors.UserError, r'metrics\.jsonl, line 2: expected a JSON object'
      ):
        act()
    self.assertEqual(self.path.read_text(errors='surrogateescape'), content)


class TimingLogTest(LogTest):
  def test_it_keeps_every_digit_and_every_line(self):
    log = self._open(logs.TimingLog)
    log.write(1, {'unix_time_s': 1700000000.123456, 'event': 'start'})
    log.close()
    log = self._open(logs.TimingLog)
    log.write(1, {'restarts': 1, 'chars_per_s': math.inf})
    self.assertEqual(
      logs.read_metrics(self.path),
      [
        {'step': 1, 'unix_time_s': 1700000000.123456, 'event': 'start'},
        {'step': 1, 'restarts': 1, 'chars_per_s': math.inf},
      ],
    )


if __name__ == '__main__':
  absltest.main()
