"""What is said of rows, as lines of a table."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from seqjax.data import clock
from seqjax.experiment.anomaly import alarms, watching


def header(columns: Sequence[str], with_series: bool) -> str:
  """The first line: the time, each column and what was expected of it.

  >>> header(['heat'], with_series=False)
  'time,heat,heat_expected,score,p_value,alarm'
  """
  cells = [cell for name in columns for cell in (name, f'{name}_expected')]
  series = ['series'] * with_series
  return _line([*series, 'time', *cells, 'score', 'p_value', 'alarm'])


def lines(
  config: alarms.Config,
  fitted: alarms.Fitted,
  series: int,
  times: np.ndarray,
  values: np.ndarray,
  said: watching.Watched,
) -> Iterator[str]:
  """A line for each of n rows of a series.

  Args:
    config: of the experiment.
    fitted: of the run.
    series: its place in `fitted.names`.
    times: [n] datetime64[s], or numbers of rows.
    values: [n, D], NaN where missing.
    said: of these rows.

  Yields:
    The row's p-value is 1 / (n + 1) or more, n being the rows to calibrate by;
    it is an alarm, 1, where that is at most --alarm_rate. What is not known is
    an empty cell.
  """
  expected = fitted.scaling.invert(said.expected, series)
  chances = alarms.p_values(said.scores, fitted.calibration)
  name = [fitted.names[series]] if any(fitted.names) else []
  for when, now, before, score, chance in zip(
    clock.written(times), values, expected, said.scores, chances, strict=True
  ):
    pairs = [x for pair in zip(now, before, strict=True) for x in pair]
    numbers = ['' if np.isnan(x) else f'{x:.6g}' for x in (*pairs, score)]
    # A p-value in full, or one just above the rate would look like an alarm.
    p_value = '' if np.isnan(chance) else f'{chance:.6g}'
    alarm = int(chance <= config.alarm_rate)
    yield _line([*name, when, *numbers, p_value, alarm])


def _line(cells):
  text = io.StringIO()
  csv.writer(text, lineterminator='').writerow(cells)
  return text.getvalue()
