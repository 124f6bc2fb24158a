"""Speech to text: the words in a sound, nobody having said where they are.

Frames of log-mel features are read both ways, and connectionist temporal
classification sums over all ways to place the words beside them. An utterance
is made of recordings of one speaker; no recording is in two parts.

Source: Graves et al. (2006), ICML.
Command: ./launch.sh speech
Data: six calls of eight whistlers, made on the spot; three to seven are an
utterance.
Expected: 0.019 of the test words wrong. Logistic regression on the mean
spectrum has 0.198, though it is told where each call begins and ends.
Hardware: two CPU cores, half a minute.
"""

import collections
import dataclasses
import itertools
import pathlib
import sys

import numpy as np

from seqjax import (
  baselines,
  data,
  errors,
  experiment,
  metrics,
  models,
  training,
)
from seqjax.data.audio import filterbanks, utterances, wav, wav_folder
from seqjax.experiment import inputs, recognition, spoken
from seqjax.report import figures

field = experiment.field

# With more texts than these, recordings are no single words.
_MOST_LABELS = 100

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(recognition.Config):
  steps: int = 400
  batch_size: int = 16
  cell: str = 'gru'
  hidden_size: int = 64
  learning_rate: float = 1e-2
  schedule: str = 'cosine'
  dropout_rate: float = 0.2
  bidirectional: bool = True
  max_compilations: int = 2
  wav_files: str = field(
    '',
    'wav files to write down, or folders of them, with commas between',
    group='predict',
    kind='runtime',
  )


# --- Data ---------------------------------------------------------------------


def describe(parts: dict[str, utterances.Utterances]) -> None:
  """Prints what there is to learn from, and what is unusual in it."""
  known = set(_words(parts['train']))
  for note in parts['train'].notes:
    print(note)
  for part, recordings in parts.items():
    seconds = sum(map(len, recordings.samples)) / recordings.rate
    said = (
      f'{part}, {recordings.name}: {_count(recordings.texts, "recording")}, '
      f'{seconds / 60:.1f} minutes'
    )
    if speakers := set(recordings.speakers) - {''}:
      said += f', of {_count(speakers, "speaker")}'
    if new := sum(word not in known for word in _words(recordings)):
      said += f'; words that the training part does not have: {new:,}'
    print(f'{said}.')


def _count(things, what):
  return f'{len(things):,} {what}{"s" * (len(things) != 1)}'


def _words(recordings):
  return ' '.join(recordings.texts).split()


# --- Model --------------------------------------------------------------------


def make_model(config: Config, symbols: data.Vocabulary) -> models.Recogniser:
  return models.Recogniser(
    vocab_size=len(symbols),
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
  )


# --- Training -----------------------------------------------------------------


def simple_predictors(config: Config, recordings, said) -> dict[str, float]:
  """name -> word error rate of what needs no network.

  Args:
    config: of the experiment.
    recordings: by part.
    said: the texts of the utterances of the test part.
  """
  train, test = recordings['train'], recordings['test']
  word, _ = collections.Counter(_words(train)).most_common(1)[0]
  said = [text.split() for text in said]
  guess = [word] * round(sum(map(len, said)) / len(said))
  known = {'most frequent word': metrics.error_rate([guess] * len(said), said)}
  places = {text: k for k, text in enumerate(sorted(set(train.texts)))}
  if 1 < len(places) <= _MOST_LABELS:
    spectra = (
      (
        [_spectrum(config, x, part.rate) for x in part.samples],
        [places.get(text, -1) for text in part.texts],
      )
      for part in (train, test)
    )
    accuracy = baselines.logistic(*spectra)
    known['mean spectrum of each recording by itself'] = 1 - accuracy
  return known


def _spectrum(config, samples, rate):
  """[D], whatever the loudness."""
  spectrum = filterbanks.log_mel(samples, rate, config.num_mels).mean(axis=0)
  return spectrum - spectrum.mean()


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  recordings = spoken.read_parts(config)
  describe(recordings)
  parts = {
    name: recognition.make_part(config, x, learns=name == 'train')
    for name, x in recordings.items()
  }
  learnt = parts.pop('train')
  known = simple_predictors(config, recordings, parts['test'].texts)
  for name, rate in known.items():
    print(f'Baseline, test word error rate: {name} {rate:.4f}')
  symbols = recognition.vocabulary(config, learnt.texts)
  batches, plan = recognition.make_batches(config, symbols, learnt)
  print(f'{len(symbols) - 1:,} {config.unit}. Batches: {plan.report()}')
  model = make_model(config, symbols)
  task = models.recogniser.task(model)
  experiment.check(config, run, task, batches, symbols.symbols)

  run.record_data(experiment.digest([x.sha256 for x in recordings.values()]))
  symbols.save(run.path / 'vocabulary.json')
  write = recognition.make_writer(config, model, symbols)
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='symbols',
      best='valid/word_error_rate',
      programs=plan.num_programs,
      evaluate=lambda params: recognition.measure(
        write, params, {'valid': parts['valid']}
      ),
    ),
    run.path,
  )
  figures.learning_curves(
    run.path,
    metric='word_error_rate',
    baselines=known,
    clip_norm=config.clip_norm,
  )
  recognition.show(write, params, parts['test'])
  found = recognition.measure(write, params, parts)
  rate = found['test/word_error_rate']
  print(f'Test word error rate {rate:.4f} {baselines.verdict(rate, known)}.')
  print(
    'Let it listen: ./launch.sh speech --mode=predict --wav_files=FILE,FILE '
    f'--workdir={run.path}'
  )
  return found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """What `recognition.make_writer` gives, and the newest parameters."""
  symbols = data.Vocabulary.load(run.path / 'vocabulary.json')
  model = make_model(config, symbols)
  nothing = np.zeros((1, config.num_mels * config.frames_per_step), np.float32)
  part = recognition.Part([nothing], [''])
  batches, _ = recognition.make_batches(config, symbols, part)
  task = models.recogniser.task(model)
  plan = experiment.plan(config, run, task, batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return recognition.make_writer(config, model, symbols), params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  recordings = spoken.read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in recordings.values()]))
  write, params = restore(config, run)
  parts = {
    name: recognition.make_part(config, recordings[name])
    for name in ('valid', 'test')
  }
  return recognition.measure(write, params, parts)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row per file: its name and what is said in it."""
  names = inputs.names(config.wav_files)
  if not names:
    raise errors.UserError(
      '--mode=predict needs --wav_files=FILE,FILE or --wav_files=FOLDER.'
    )
  paths, steps = [], []
  for path, sound in itertools.chain.from_iterable(map(_sounds, names)):
    if changes := wav.changes(sound, config.sample_rate):
      print(f'{path}: {"; ".join(changes)}.', file=sys.stderr)
    samples = wav.mono(sound, config.sample_rate)
    paths.append(path)
    steps.append(recognition.hear(config, samples, config.sample_rate))
  write, params = restore(config, run)
  for path, text in zip(paths, write(params, steps), strict=True):
    print(f'{path}\t{text}')


def _sounds(name):
  """Path and sound of a file, or of each in a folder."""
  path = pathlib.Path(name).expanduser()
  if not path.is_dir():
    return [(name, wav.read(path))]
  files = {path / file: x for file, x in wav_folder.read(path).items()}
  return [(file, wav.decode(x, file)) for file, x in files.items()]


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'speech', Config, MODES)
