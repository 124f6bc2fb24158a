"""What is said of rows, as lines of a table."""

import csv
import io
from collections.abc import Iterator, Sequence

import numpy as np

from seqjax.data.timeseries import clock
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
    it is an alarm, 1, where that is at most --alarm_rate, and none, 0, above.
    What is not known is an empty cell, and so is the alarm of a row without a
    score.
  """
  expected = fitted.scaling.invert(said.expected, series)
  chances = alarms.p_values(said.scores, fitted.calibration)
  name = [fitted.names[series]] if any(fitted.names) else []
  for when, now, before, score, chance in zip(
    clock.written(times), values, expected, said.scores, chances, strict=True
  ):
    pairs = zip(map(_given, now), map(_said, before), strict=True)
    cells = [text for pair in pairs for text in pair]
    alarm = '' if np.isnan(chance) else int(chance <= config.alarm_rate)
    yield _line([*name, when, *cells, _said(score), _said(chance), alarm])


def _given(number):
  """In full: the fewest digits that read back as the same number."""
  return '' if np.isnan(number) else repr(float(number)).removesuffix('.0')


def _said(number):
  # So many digits that no p-value just above the rate looks like an alarm.
  return '' if np.isnan(number) else f'{number:.10g}'


def _line(cells):
  text = io.StringIO()
  csv.writer(text, lineterminator='').writerow(cells)
  return text.getvalue()
