"""Tests for seqjax.experiment.anomaly.lines."""

import numpy as np
from absl.testing import absltest

from seqjax.data.timeseries import scaling
from seqjax.experiment.anomaly import alarms, lines, tables, watching

SAID = watching.Watched(
  expected=np.array([[np.nan, np.nan], [1.0, -0.5]]),
  errors=np.array([np.nan, 2.0]),
  scores=np.array([np.nan, 7.25]),
)
VALUES = np.array([[3.0, np.nan], [4.5, 1 / 3]])


def fitted(names):
  scales = scaling.Scaling(np.array([[10.0, 0.0]]), np.array([[2.0, 1.0]]))
  columns = tables.Columns(('heat', 'flow, 1'), 'time', 'series')
  return alarms.Fitted(names, columns, 0, scales, np.arange(9.0))


class LinesTest(absltest.TestCase):
  def test_what_is_said_stands_in_its_column(self):
    columns = fitted(('',)).columns.targets
    self.assertEqual(
      lines.header(columns, with_series=True),
      'series,time,heat,heat_expected,"flow, 1","flow, 1_expected",score,'
      'p_value,alarm',
    )
    times = np.array(['2024-01-01', '2024-01-02T01'], 'datetime64[s]')
    found = lines.lines(
      alarms.Config(alarm_rate=0.2), fitted(('pump',)), 0, times, VALUES, SAID
    )
    self.assertEqual(
      list(found),
      [
        'pump,2024-01-01 00:00:00,3,,,,,,',
        'pump,2024-01-02 01:00:00,4.5,12,0.3333333333333333,-0.5,7.25,0.2,1',
      ],
    )

  def test_rows_without_times_are_counted(self):
    rows = np.array([5, 6])
    config = alarms.Config(alarm_rate=0.19)
    *_, last = lines.lines(config, fitted(('',)), 0, rows, VALUES, SAID)
    self.assertEqual(last, '6,4.5,12,0.3333333333333333,-0.5,7.25,0.2,0')

  def test_a_value_has_all_its_digits(self):
    config, values = alarms.Config(), VALUES.copy()
    values[1] = 12345678, 1234567.125
    *_, last = lines.lines(config, fitted(('',)), 0, np.arange(2), values, SAID)
    self.assertStartsWith(last, '1,12345678,12,1234567.125,')


if __name__ == '__main__':
  absltest.main()
