"""The moments of a series that were not normal, without being told of any.

A recurrent network learns from the first rows to forecast the next ones. What
keeps differing from all forecasts of it is unusual, and an alarm where so large
a score is rare in the rows that follow, on which alarms are calibrated.

Source: Malhotra et al. (2015), LSTM networks for anomaly detection in time
series; Ahmad et al. (2017) for the benchmark of Numenta (NAB).
Command: ./launch.sh anomaly
Data: the temperature of four machines, made on the spot, with five kinds of
events in each.
Expected: an F1 of 0.71 over events; the best detector without a network 0.42.
Hardware: two CPU cores, 15 seconds.

NAB, 58 series (event F1 0.57 and area 0.54; windowed Gaussian 0.23 and 0.38,
0.46 and 0.53 where its errors are smoothed alike; 25 seconds):
./launch.sh anomaly --dataset=nab --nab=nab.tar.xz --steps=600
"""

import dataclasses
import pathlib
import sys

import numpy as np

from seqjax import (
  baselines,
  conformal,
  experiment,
  models,
  training,
)
from seqjax.experiment import outputs
from seqjax.experiment.anomaly import (
  alarms,
  detector,
  lines,
  streaming,
  tables,
  watching,
)
from seqjax.report import anomalies, figures, score_table

field = experiment.field

# Series in the figure.
SHOWN = 4

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(alarms.Config):
  steps: int = 300
  cell: str = 'gru'
  hidden_size: int = 32
  dropout_rate: float = 0.2
  state_dropout_rate: float = 0.2
  learning_rate: float = 4e-3
  schedule: str = 'cosine'
  rows_file: str = field(
    '',
    'table to say it of, with the columns of --train_file; the data of the run '
    'if empty',
    group='predict',
    kind='runtime',
    is_path=True,
  )
  output: str = field(
    '',
    'file that is written; anomalies.csv in the directory of the run if empty',
    group='predict',
    kind='runtime',
    is_path=True,
  )
  state_file: str = field(
    '',
    'with --mode=stream: where it goes on, if there, and keeps its state '
    'however it ends; .safetensors or .npz',
    group='predict',
    kind='runtime',
    is_path=True,
  )


# --- Watching -----------------------------------------------------------------


def begin(model: models.Forecaster, params) -> watching.Watch:
  carry = models.forecaster.first_carry(model, params, 1)
  return watching.begin(carry, model.horizon, model.num_columns)


def watch(config: Config, model, params, fitted, recording, num_learnt):
  """What is said of all rows of every series."""
  say = detector.make_say(model)
  found = []
  for s, values in enumerate(recording.series.targets):
    place = fitted.place(recording.series.names[s])
    times = recording.times and recording.times[s]
    _, said = watching.watch(
      say,
      params,
      begin(model, params),
      fitted.scaling.apply(values, place),
      fitted.clock_of(times, len(values)),
      smoothing=config.smoothing,
      memory=config.memory,
      num_learnt=num_learnt[s],
    )
    found.append(said)
  return found


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  recording, columns = tables.read(config)
  series = recording.series
  parts = tables.split(config, series, config.horizon)
  alarms.check(config, series, parts)
  for note in (tables.describe(recording, parts), *series.notes):
    print(note)
  scaling = detector.fit_scaling(recording, parts)
  read = detector.read_series(config, recording, scaling)
  num_clock = read[0].past.shape[1]
  fitted = alarms.Fitted(series.names, columns, num_clock, scaling)
  model = detector.make_model(config, len(columns.targets), num_clock)
  task = models.forecaster.task(model)
  batches, _ = detector.make_batches(config, read, parts.train, shuffle=True)
  experiment.check(config, run, task, batches)

  run.record_data(series.sha256)
  alarms.forget(run.path)
  params, metrics = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='values',
      best='valid/pinball',
      programs=1,
      evaluate=detector.make_evaluate(config, model, read, parts),
    ),
    run.path,
  )
  said = watch(config, model, params, fitted, recording, parts.train[:, 1])
  scores = [one.scores for one in said]
  fitted = fitted._replace(calibration=alarms.calibrate(scores, parts))
  alarms.save(run.path, fitted)
  found = alarms.measure(config, recording, parts, scores)
  rows = {
    name: alarms.measure(config, recording, parts, simple)
    for name, simple in alarms.simple(config, recording, scaling).items()
  }
  print(score_table.score_table(rows | {'network': found}))
  if recording.events is not None:
    for name in ('event_f1', 'event_area'):
      known = {other: row[name] for other, row in rows.items()}
      verdict = baselines.verdict(found[name], known, higher_is_better=True)
      print(f'{name} {found[name]:.3f} {verdict}.')
  draw(config, run, recording, parts, fitted, said)
  print(
    f'See its answers: ./launch.sh anomaly --mode=predict --workdir={run.path}'
  )
  valid = {k: x for k, x in metrics.items() if k.startswith('valid/')}
  return valid | {f'test/{name}': value for name, value in found.items()}


def draw(config: Config, run, recording, parts, fitted, said) -> None:
  """The series with the most alarms, from where they are calibrated on."""
  series = recording.series
  threshold = conformal.threshold(fitted.calibration, config.alarm_rate)
  flags = [one.scores > threshold for one in said]
  counts = [
    f[row:].sum() for f, row in zip(flags, parts.test[:, 0], strict=True)
  ]
  panels = []
  for s in np.sort(np.argsort(counts, kind='stable')[::-1][:SHOWN]):
    first = parts.valid[s, 0]
    times = recording.times[s] if recording.times else series.times[s]
    windows = np.zeros((0, 2), int)
    if recording.events is not None:
      windows = recording.events[s]
      windows = np.maximum(windows[windows[:, 1] > first] - first, 0)
    panels.append(
      anomalies.Panel(
        title=series.names[s] or series.name,
        times=times[first:],
        values=series.targets[s][first:, 0],
        expected=fitted.scaling.invert(said[s].expected, s)[first:, 0],
        scores=said[s].scores[first:],
        flags=flags[s][first:],
        threshold=threshold,
        events=windows,
        label=series.columns.targets[0],
      )
    )
  anomalies.anomaly_figure(run.path, panels)
  figures.learning_curves(
    run.path, metric='pinball', clip_norm=config.clip_norm
  )


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """What was fitted, the model, and the parameters of the newest checkpoint."""
  fitted = alarms.load(run.path)
  num_columns = len(fitted.columns.targets)
  model = detector.make_model(config, num_columns, fitted.num_clock)
  # The trained shapes do not depend on what is in the batch.
  batches = detector.no_batches(config, num_columns, fitted.num_clock)
  task = models.forecaster.task(model)
  step, params = training.restore(
    experiment.plan(config, run, task, batches), run.path
  )
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return fitted, model, params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  recording, _ = tables.read(config)
  run.record_data(recording.series.sha256)
  parts = tables.split(config, recording.series, config.horizon)
  alarms.check(config, recording.series, parts)
  fitted, model, params = restore(config, run)
  said = watch(config, model, params, fitted, recording, parts.train[:, 1])
  scores = [one.scores for one in said]
  found = alarms.measure(config, recording, parts, scores)
  read = detector.read_series(config, recording, fitted.scaling)
  metrics = detector.make_evaluate(config, model, read, parts)(params)
  return metrics | {f'test/{name}': value for name, value in found.items()}


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Writes a table with a line for each row."""
  fitted, model, params = restore(config, run)
  if config.rows_file:
    recording = tables.read_file(
      config.rows_file, fitted.columns, counts=not fitted.num_clock
    )
    num_learnt = np.zeros(len(recording.series.names), int)
  else:
    recording, _ = tables.read(config)
    parts = tables.split(config, recording.series, config.horizon)
    num_learnt = parts.train[:, 1]
  said = watch(config, model, params, fitted, recording, num_learnt)
  series = recording.series
  text = [lines.header(fitted.columns.targets, any(fitted.names))]
  for s, name in enumerate(series.names):
    times = recording.times[s] if recording.times else series.times[s]
    text += lines.lines(
      config, fitted, fitted.place(name), times, series.targets[s], said[s]
    )
  path = pathlib.Path(config.output or run.path / 'anomalies.csv')
  outputs.write(path, '\n'.join(text) + '\n')
  print(path)


def stream(config: Config, run: experiment.RunDirectory) -> None:
  """Answers each row on the standard input with a line."""
  fitted, model, params = restore(config, run)
  say = detector.make_say(model)
  states = {
    name: streaming.State(begin(model, params)) for name in fitted.names
  }
  kept, trained = config.state_file, alarms.sha256(run.path)
  if kept:
    if pathlib.Path(kept).exists():
      states = streaming.load(kept, states, trained)
    # Where it cannot be written, that is said before the first row.
    streaming.save(kept, states, trained)
  text = streaming.standard_input()
  said = streaming.answers(config, fitted, say, params, states, text)
  try:
    for line in said:
      print(line, flush=True)
  finally:
    if kept:
      streaming.save(kept, states, trained)


MODES = {
  'train': train,
  'evaluate': evaluate,
  'predict': predict,
  'stream': stream,
}

if __name__ == '__main__':
  experiment.main(__doc__, 'anomaly', Config, MODES)
