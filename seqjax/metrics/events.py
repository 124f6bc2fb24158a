"""Whether alarms fall where something happened, event by event.

An event is a window of rows, [first, end), that somebody has labelled. It is
found if any row in it is flagged. Flagged rows outside of all events raise
false alarms: an alarm takes in every such row among the `length` rows that
begin with its first, so a detector that never stops pays again and again. The
number of false alarms is then the least number of stretches of `length` rows
that hold all those rows, and never falls when more rows are flagged.

    precision = found / (found + false alarms)        recall = found / events

Several series are counted together, as if they were one.
"""

import math
from collections.abc import Sequence

import numpy as np


def event_scores(
  flags: Sequence[np.ndarray], events: Sequence[np.ndarray], length: int
) -> dict[str, float]:
  """Measures alarms that have been raised.

  Args:
    flags: S arrays [n] bool.
    events: S arrays [E, 2] integers, first and end of each; apart.
    length: rows that an alarm outside of events takes in, at least 1.

  Returns:
    num_events, num_found, num_false_alarms, event_precision (NaN if nothing
    was raised), event_recall (NaN if there is no event) and event_f1 (0 if
    nothing was found).

  >>> flags = np.array([1, 0, 1, 0, 0, 1, 0, 1, 1, 0], bool)
  >>> scores = event_scores([flags], [np.array([[4, 7]])], length=3)
  >>> scores['num_false_alarms'], round(scores['event_f1'], 3)
  (2, 0.5)
  """
  found, false = _counts(flags, events, length)
  total = sum(map(len, events))
  raised = found + false
  return {
    'num_events': total,
    'num_found': found,
    'num_false_alarms': false,
    'event_precision': found / raised if raised else math.nan,
    'event_recall': found / total if total else math.nan,
    'event_f1': _f1(found, false, total),
  }


def event_area(
  scores: Sequence[np.ndarray], events: Sequence[np.ndarray], length: int
) -> tuple[float, float]:
  """Measures scores at all thresholds at once; a row is flagged at or above.

  Args:
    scores: S arrays [n]; NaN is never flagged.
    events, length: as in `event_scores`.

  Returns:
    The area under the precision-recall curve, sum_i (R_i - R_(i-1)) P_i over
    falling thresholds, and the best F1 that any threshold would have: that one
    is chosen by the labels, so it is a bound and no result. Both are NaN if
    there is no event.

  >>> event_area([np.array([0.9, 0.1, 0.8])], [np.array([[2, 3]])], length=1)
  (0.5, 0.6666666666666666)
  """
  scores = [np.where(np.isnan(s), -np.inf, s) for s in scores]
  highest = [
    s[first:end].max()
    for s, windows in zip(scores, events, strict=True)
    for first, end in windows
  ]
  if not highest:
    return math.nan, math.nan
  # At any threshold between two of these there are as many events found as at
  # the next higher one, and no fewer false alarms.
  area, best, before = 0.0, 0.0, 0
  for threshold in np.unique(highest)[::-1]:
    # What was never scored cannot be found.
    if threshold == -np.inf:
      break
    found, false = _counts([s >= threshold for s in scores], events, length)
    area += (found - before) / len(highest) * found / (found + false)
    best = max(best, _f1(found, false, len(highest)))
    before = found
  return area, best


def step_area(
  scores: Sequence[np.ndarray], events: Sequence[np.ndarray]
) -> float:
  """Average precision of the rows by themselves, a row in an event being one.

  Args:
    scores, events: as in `event_area`. Rows without a score, NaN, come last.

  Returns:
    The area under the precision-recall curve of rows, NaN without an event.
    What has no information scores the share of rows that lie in events.
  """
  from sklearn import metrics

  pairs = zip(scores, events, strict=True)
  inside = np.concatenate([_inside(len(s), windows) for s, windows in pairs])
  if not inside.any():
    return math.nan
  every = np.concatenate(scores)
  every = np.where(np.isnan(every), np.nanmin(every, initial=0) - 1, every)
  return float(metrics.average_precision_score(inside, every))


def _counts(flags, events, length):
  """How many events are found, and how many alarms are false."""
  found = false = 0
  for flagged, windows in zip(flags, events, strict=True):
    found += sum(bool(flagged[first:end].any()) for first, end in windows)
    outside = np.flatnonzero(flagged & ~_inside(len(flagged), windows))
    place = 0
    while place < len(outside):
      place = np.searchsorted(outside, outside[place] + length)
      false += 1
  return found, false


def _inside(num_rows, windows):
  inside = np.zeros(num_rows, bool)
  for first, end in windows:
    inside[first:end] = True
  return inside


def _f1(found, false, total):
  return 2 * found / (found + false + total) if found else 0.0
