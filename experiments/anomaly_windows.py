"""Whether something happened in a stretch of a series, learnt from labels.

Where somebody has labelled the moments that were not normal, each series is cut
into windows, and a recurrent network learns to tell those that hold one.

Command: ./launch.sh anomaly_windows
Data: the temperature of four machines, made on the spot, with five kinds of
events that happen six times to each. The last 30 % of the rows are held out.
Expected: 83 % of the 400 windows held out; logistic regression on mean,
deviation, least and largest value has 78 %, the most frequent label 75 %.
Hardware: two CPU cores, 15 seconds.
"""

import dataclasses
import sys

import numpy as np

from seqjax import baselines, data, errors, experiment, models
from seqjax.data.timeseries import clock, filling, recordings, scaling, sensors
from seqjax.experiment import classification
from seqjax.experiment.anomaly import detector, tables

field = experiment.field

LABELS = ('calm', 'event')

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(tables.SourceConfig, classification.Config):
  steps: int = 400
  cell: str = 'gru'
  hidden_size: int = 32
  bidirectional: bool = True
  pooling: str = 'max'
  dropout_rate: float = 0.2
  learning_rate: float = 4e-3
  schedule: str = 'cosine'
  window_rows: int = field(
    48, 'rows of a window; 24 to 256', group='data', minimum=2, maximum=10**6
  )
  test_fraction: float = field(
    0.3,
    'share of each series, at its end, that is measured on; 0.1 to 0.5',
    group='data',
    above=0,
    below=1,
  )

  def __post_init__(self):
    super().__post_init__()
    if self.train_file and not self.label_column:
      raise errors.UserError(
        '--train_file needs --label_column=NAME: 1 in the rows of an event, 0 '
        'in others. Without labels, see ./launch.sh anomaly.'
      )


# --- Data ---------------------------------------------------------------------


def read(config: Config) -> recordings.Recording:
  if config.train_file or config.dataset == 'nab':
    return tables.read(config)[0]
  return sensors.sensors(
    config.data_seed, num_rows=16_000, num_rounds=6, calm_share=0.05
  )


def bounds(config: Config, recording) -> list[int]:
  """The first row of each series that is measured on."""
  share = 1 - config.test_fraction
  return [int(share * len(values)) for values in recording.series.targets]


def cut(config: Config, recording) -> dict[str, list[tuple[int, int]]]:
  """Series and first row of the windows of the parts 'train' and 'test'.

  The last window of a part ends with it, and may overlap with the one before.

  Raises:
    UserError: a part of a series is shorter than a window.
  """
  series, rows = recording.series, config.window_rows
  found = {'train': [], 'test': []}
  for s, bound in enumerate(bounds(config, recording)):
    ranges = {'train': (0, bound), 'test': (bound, len(series.targets[s]))}
    for part, (start, end) in ranges.items():
      if end - start < rows:
        name = series.names[s] or series.name
        raise errors.UserError(
          f'series {name!r} has {end - start:,} rows in its {part} part, fewer '
          f'than --window_rows={rows}: ask for less, or leave it out.'
        )
      firsts = [*range(start, end - rows, rows), end - rows]
      found[part] += [(s, first) for first in firsts]
  return found


def make_sequences(config: Config, recording, windows) -> list[np.ndarray]:
  """Each window as [rows, 2 D]: values, and whether one is missing."""
  targets = recording.series.targets
  scales = scaling.fit(targets, bounds(config, recording))
  whole = []
  for s, values in enumerate(targets):
    scaled = filling.fill(scales.apply(values, s))
    steps = [detector.squash(scaled), np.isnan(values)]
    whole.append(np.concatenate(steps, axis=1).astype(np.float32))
  return [whole[s][first : first + config.window_rows] for s, first in windows]


def make_labels(config: Config, recording, windows) -> np.ndarray:
  """[N] 1 where any row of an event lies in the window."""
  rows = config.window_rows
  return np.array(
    [
      any(a < first + rows and first < b for a, b in recording.events[s])
      for s, first in windows
    ],
    int,
  )


def make_parts(config: Config, recording) -> dict[str, classification.Part]:
  windows = cut(config, recording)
  parts = {
    name: classification.Part(
      make_sequences(config, recording, some),
      make_labels(config, recording, some).astype(np.int32),
    )
    for name, some in windows.items()
  }
  train, test = parts['train'], parts['test']
  if len(np.unique(train.targets)) < 2:
    raise errors.UserError(
      'expected windows with an event and windows without one to learn from, '
      f'got only {LABELS[train.targets[0]]} ones: give a longer series, or '
      'another --window_rows.'
    )
  rest, held_out = data.hold_out(
    train.targets, config.valid_fraction, config.data_seed
  )
  take = lambda ids: classification.Part(
    [train.sequences[i] for i in ids], train.targets[ids]
  )
  return {'train': take(rest), 'valid': take(held_out), 'test': test}


def score_baselines(parts) -> dict[str, float]:
  """The test accuracy of what knows no order."""
  train, test = (
    (
      np.stack(
        [
          np.concatenate([x.mean(0), x.std(0), x.min(0), x.max(0)])
          for x in parts[name].sequences
        ]
      ),
      parts[name].targets,
    )
    for name in ('train', 'test')
  )
  return {
    'majority': baselines.majority(train[1], test[1]),
    'mean, deviation, ends': baselines.logistic(train, test),
  }


# --- Model --------------------------------------------------------------------


def make_model(config: Config) -> models.Classifier:
  return models.Classifier(
    num_classes=len(LABELS),
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
    pooling=config.pooling,
  )


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  recording = read(config)
  parts = make_parts(config, recording)
  sizes = ', '.join(
    f'{len(part.targets):,} to {name} ({part.targets.mean():.1%} with an event)'
    for name, part in parts.items()
  )
  print(
    f'{recording.series.name}: windows of {config.window_rows} rows: {sizes}'
  )
  known = score_baselines(parts)
  print(
    'Baselines, test accuracy: '
    + '; '.join(f'{name} {share:.4f}' for name, share in known.items())
  )
  model = make_model(config)
  classification.check(config, run, model, parts['train'])

  run.record_data(recording.series.sha256)
  metrics = classification.fit(config, run, model, parts, LABELS, known)
  print(
    'See its answers: ./launch.sh anomaly_windows --mode=predict '
    f'--workdir={run.path}'
  )
  return metrics


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory, sequence):
  """Sequences -> predictions, and the parameters."""
  model = make_model(config)
  params = classification.restore(config, run, model, sequence)
  return classification.make_predict(config, model), params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  recording = read(config)
  run.record_data(recording.series.sha256)
  parts = make_parts(config, recording)
  predict, params = restore(config, run, parts['train'].sequences[0])
  return classification.score(predict, params, parts)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row for each window of the test part, tab-separated."""
  recording = read(config)
  run.record_data(recording.series.sha256)
  windows = cut(config, recording)['test']
  sequences = make_sequences(config, recording, windows)
  labels = make_labels(config, recording, windows)
  ask, params = restore(config, run, sequences[0])
  chances = ask(params, sequences)[0][:, 1]
  print('\t'.join(['series', 'from', 'to', *LABELS[1:], 'labelled']))
  series = recording.series
  for (s, first), chance, label in zip(windows, chances, labels, strict=True):
    times = recording.times[s] if recording.times else series.times[s]
    ends = clock.written(times[[first, first + config.window_rows - 1]])
    name = series.names[s] or series.name
    print('\t'.join([name, *ends, f'{chance:.4f}', LABELS[label]]))
  flagged = np.mean((chances > 0.5) == (labels == 1))
  print(f'{flagged:.2%} of {len(labels):,} right', file=sys.stderr)


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'anomaly_windows', Config, MODES)
