"""When a score is an alarm, and what the alarms of a detector are worth."""

import dataclasses
import hashlib
import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqjax import array_files, baselines, conformal, errors, surprise
from seqjax.data.timeseries import calendar, frequency, recordings
from seqjax.data.timeseries import scaling as scaling_lib
from seqjax.experiment import fields
from seqjax.experiment.anomaly import detector, tables
from seqjax.metrics import events

NAME = 'alarms.safetensors'
# Of the windowed Gaussian, as the benchmark of Numenta has tuned it.
_WINDOW = 6400
_FITTED = 'fitted'
_AS_JSON = ('names', 'columns', 'num_clock')


@dataclasses.dataclass(frozen=True)
class Config(detector.Config):
  """The settings of alarms, beside those of the network."""

  smoothing: int = fields.field(
    20,
    'rows over which errors are smoothed; 1 takes each by itself, and more '
    'find what goes on for longer; 5 to 40',
    group='alarms',
    minimum=1,
    maximum=10**6,
  )
  memory: int = fields.field(
    6400,
    'rows that tell which errors are usual; 1,000 to 10,000',
    group='alarms',
    minimum=surprise.LEAST_ROWS,
    maximum=10**9,
  )
  alarm_rate: float = fields.field(
    0.01,
    'share of ordinary rows that may be flagged; 0.001 to 0.05',
    group='alarms',
    kind='extendable',
    above=0,
    below=1,
  )
  alarm_rows: int = fields.field(
    100,
    'rows that one alarm takes in, where false alarms are counted',
    group='alarms',
    kind='extendable',
    minimum=1,
    maximum=10**9,
  )


class Fitted(NamedTuple):
  """What is needed to watch series, beside the network."""

  names: tuple[str, ...]  # [S], of the series
  columns: tables.Columns
  num_clock: int  # columns of what the clock says
  scaling: scaling_lib.Scaling
  calibration: np.ndarray = np.zeros(0)  # scores of the part to calibrate by

  def place(self, name: str) -> int:
    """Which of the series it is; UserError for one that was not learnt from."""
    if name not in self.names:
      raise errors.unknown('series', name, self.names)
    return self.names.index(name)

  def clock_of(self, times, num_rows: int) -> np.ndarray:
    """As `detector.clock_of`; UserError where the training had none, or has."""
    found = detector.clock_of(times, num_rows)
    if found.shape[1] != self.num_clock:
      was, comes = 'dates', 'counts or none'
      if times is not None:
        was, comes = comes, was
      raise errors.UserError(
        f'expected times as in the training, which were {was}, got {comes}.'
      )
    return found


def save(folder: pathlib.Path, fitted: Fitted) -> None:
  """Writes the file into the directory of a run."""
  arrays = fitted.scaling._asdict() | {'calibration': fitted.calibration}
  known = {name: getattr(fitted, name) for name in _AS_JSON}
  # One entry: safetensors writes several in any order.
  array_files.write(folder / NAME, arrays, {_FITTED: json.dumps(known)})


def forget(folder: pathlib.Path) -> None:
  """Removes what `save` wrote: a training that goes on makes it out of date."""
  (folder / NAME).unlink(missing_ok=True)


def sha256(folder: pathlib.Path) -> str:
  """The hash of what `save` wrote: which training of which run it is."""
  return hashlib.sha256((folder / NAME).read_bytes()).hexdigest()


def load(folder: pathlib.Path) -> Fitted:
  """Reads what `save` wrote; UserError where it is missing or damaged."""
  if not (folder / NAME).exists():
    raise errors.UserError(
      f'{folder} has no {NAME}, which is written when the training ends: give '
      'the command that began it once more.'
    )
  arrays, metadata = array_files.read(folder / NAME)
  try:
    known = json.loads(metadata[_FITTED])
    names, columns, num_clock = (known[x] for x in _AS_JSON)
    targets, *others = columns
    return Fitted(
      tuple(names),
      tables.Columns(tuple(targets), *others),
      num_clock,
      scaling_lib.Scaling(arrays['shift'], arrays['scale']),
      arrays['calibration'],
    )
  except (KeyError, ValueError, TypeError) as error:
    raise errors.UserError(f'{folder / NAME} is damaged: {error}.') from error


def check(config: Config, series, parts: tables.Parts) -> None:
  """Refuses an alarm rate that the part to calibrate by cannot tell."""
  rows = sum(
    max(np.isfinite(y[first:end]).any(axis=1).sum() - surprise.LEAST_ROWS, 0)
    for y, (first, end) in zip(series.targets, parts.valid, strict=True)
  )
  least = int(np.ceil(1 / config.alarm_rate - 1e-9)) - 1
  if rows < least:
    raise errors.UserError(
      f'--alarm_rate={config.alarm_rate:g} needs {least:,} rows to calibrate '
      f'by, besides {surprise.LEAST_ROWS} of each series, got {rows:,}: raise '
      'the rate, or --valid_fraction.'
    )


def calibrate(scores: Sequence[np.ndarray], parts: tables.Parts) -> np.ndarray:
  """The scores of all series in the part to calibrate by, ascending.

  They are in deviations, so the series share one threshold. A row that has none
  is left out.
  """
  every = np.concatenate(
    [s[first:end] for s, (first, end) in zip(scores, parts.valid, strict=True)]
  )
  return np.sort(every[~np.isnan(every)])


def p_values(scores: np.ndarray, calibration: np.ndarray) -> np.ndarray:
  """[n] conformal p-values; NaN, where a row has no score."""
  found = np.full(len(scores), np.nan)
  scored = ~np.isnan(scores)
  found[scored] = conformal.p_values(scores[scored], calibration)
  return found


def measure(
  config: Config, recording: recordings.Recording, parts, scores
) -> dict[str, float]:
  """What a detector says of the test part, and what of it is right.

  The threshold is the conformal one of its own scores in the part to calibrate
  by. Events that begin before the test part count as far as they reach into it.
  """
  threshold = conformal.threshold(calibrate(scores, parts), config.alarm_rate)
  first = parts.test[:, 0]
  scores = [s[row:] for s, row in zip(scores, first, strict=True)]
  flags = [s > threshold for s in scores]
  found = {'flagged_share': float(np.mean(np.concatenate(flags)))}
  if recording.events is None:
    return found
  windows = [
    np.maximum(some[some[:, 1] > row] - row, 0)
    for some, row in zip(recording.events, first, strict=True)
  ]
  found |= events.event_scores(flags, windows, config.alarm_rows)
  area, best = events.event_area(scores, windows, config.alarm_rows)
  return found | {
    'event_area': area,
    'row_area': events.step_area(scores, windows),
    'oracle_f1': best,
  }


def simple(
  config: Config, recording: recordings.Recording, scaling
) -> dict[str, list[np.ndarray]]:
  """The scores of detectors without a network, by their names.

  The windowed Gaussian is there as the benchmark has it; and with its errors
  treated as those of the network are, as is the change since the day before.
  """
  scaled = [scaling.apply(y, s) for s, y in enumerate(recording.series.targets)]
  gaussian = [baselines.windowed_gaussian(y, _WINDOW) for y in scaled]
  seasons = [1] * len(scaled)
  if recording.times is not None:
    # Times may repeat, and lie between the steps.
    seasons = [
      calendar.seasons_of(frequency.infer(np.unique(times)))[0]
      for times in recording.times
    ]
  change = [
    baselines.seasonal_difference(y, season)
    for y, season in zip(scaled, seasons, strict=True)
  ]
  return {
    'windowed Gaussian': gaussian,
    'smoothed Gaussian': _scores(config, gaussian),
    'smoothed change': _scores(config, change),
  }


def _scores(config, every):
  return [
    surprise.scores(errors_of_rows, config.smoothing, config.memory)
    for errors_of_rows in every
  ]
