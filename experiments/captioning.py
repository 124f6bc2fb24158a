"""A picture in, a sentence out: what it shows, and where it was looked.

A small convolutional network makes regions of the picture; the sentence is
written word by word, each with a look at the regions.

Source: Xu et al. (2015), Show, Attend and Tell, with soft attention.
Command: ./launch.sh captioning
Data: one to three of scikit-learn's digits on a canvas, described as in "a four
above a two left of an eight"; test digits are others, by the same hands.
Expected: 0.973 of the test captions exactly right, BLEU 98.9; of the words that
name a digit, 0.914 have their greatest attention in its box. The caption of the
nearest training picture has BLEU 61.
Hardware: two CPU cores, about two minutes.
"""

import collections
import dataclasses
import itertools
import json
import sys

import numpy as np

from seqjax import baselines, errors, experiment, files, models, training
from seqjax.data import labelled, tokens, vocabulary
from seqjax.data.vision import captioned, digit_canvas, pictures
from seqjax.experiment import captions, inputs
from seqjax.metrics import texts
from seqjax.report import figures, score_table

field = experiment.field

_PARTS = ('train', 'valid', 'test')
# Test pictures that are drawn with what is written of them, at most.
_NUM_SHOWN = 4

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(captions.Config):
  steps: int = 1500
  batch_size: int = 64
  max_compilations: int = 2
  learning_rate: float = 4e-3
  schedule: str = 'cosine'
  dropout_rate: float = 0.25
  attention_penalty: float = 0.3
  eval_every: int = 500
  checkpoint_every: int = 500
  dataset: str = field(
    'digit_canvas',
    'pictures to learn from, where no --pictures are given',
    group='data',
    choices=('digit_canvas',),
  )
  pictures: str = field(
    '',
    'folder of pictures, or an .npz with an array images',
    group='data',
    is_path=True,
  )
  train_file: str = field(
    '',
    'captions: .csv, .tsv or .jsonl with the columns image and caption, a row '
    'for each caption; or captions.txt of Flickr8k',
    group='data',
    is_path=True,
  )
  valid_file: str = field(
    '', 'the same of other pictures, to validate on', group='data', is_path=True
  )
  test_file: str = field(
    '', 'the same to measure on, at the end', group='data', is_path=True
  )
  valid_fraction: float = field(
    0.1,
    'share of the pictures that is held out, with all their captions, where '
    'there is no --valid_file',
    group='data',
    above=0,
    below=1,
  )
  test_fraction: float = field(
    0.1, 'the same without --test_file', group='data', above=0, below=1
  )
  picture_size: int = field(
    64,
    'pixels of each side that --pictures are scaled to; 32 to 128',
    group='data',
    minimum=1,
    maximum=2**12,
  )
  min_count: int = field(
    1,
    'words rarer than this in the training part are unknown; 1 to 5',
    group='data',
    minimum=1,
  )
  image: str = field(
    '', 'picture to caption', group='caption', kind='runtime', is_path=True
  )
  image_folder: str = field(
    '',
    'folder of pictures to caption, or an .npz',
    group='caption',
    kind='runtime',
    is_path=True,
  )


# --- Data ---------------------------------------------------------------------


def read_parts(config: Config) -> dict[str, captioned.Captioned]:
  """The parts 'train', 'valid' and 'test'."""
  paths = inputs.files(config)
  if bool(paths) != bool(config.pictures):
    raise errors.UserError(
      '--pictures and --train_file go together: name both, or neither.'
    )
  if not paths:
    return digit_canvas.digit_canvas(config.data_seed)
  parts = captioned.read(config.pictures, paths, config.picture_size)
  for part in ('test', 'valid'):
    if part not in parts:
      fraction = getattr(config, f'{part}_fraction')
      parts['train'], parts[part] = captioned.hold_out(
        parts['train'], fraction, config.data_seed
      )
  return {part: parts[part] for part in _PARTS}


def describe(parts: dict[str, captioned.Captioned]) -> None:
  """Prints what there is to learn from, and what is unusual in it."""
  for part, whole in parts.items():
    print(
      f'{part}, {whole.name}: {len(whole.captions):,} pictures of '
      f'{" x ".join(map(str, whole.pictures.shape[1:]))}, '
      f'{sum(map(len, whole.captions)):,} captions'
    )
    for note in whole.notes:
      print(note)


def score_baselines(parts) -> dict[str, dict[str, float]]:
  """The scores on the test part of what does not look, or compares pixels."""
  train, test = parts['train'], parts['test']
  every = map(captions.normal, itertools.chain.from_iterable(train.captions))
  ((most, _),) = collections.Counter(every).most_common(1)
  nearest = baselines.nearest_picture(train.pictures, test.pictures)
  written = {
    'most frequent caption': [most] * len(test.captions),
    'nearest picture': [captions.normal(train.captions[i][0]) for i in nearest],
  }
  return {name: captions.score(x, test) for name, x in written.items()}


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  describe(parts)
  tokenizer = tokens.fit(
    map(
      captions.normal, itertools.chain.from_iterable(parts['train'].captions)
    ),
    'words',
    config.min_count,
    spaced=True,
  )
  batches, plan = captions.make_batches(
    config, tokenizer, parts['train'], config.data_seed
  )
  print(f'{len(tokenizer.vocabulary):,} words. Batches: {plan.report()}')
  known = score_baselines(parts)
  print(f'Baselines, test part:\n{score_table.score_table(known)}')
  model = captions.make_model(config, tokenizer)
  task = models.captioner.task(model)
  experiment.check(config, run, task, batches, tokenizer.vocabulary.symbols)

  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  tokenizer.save(run.path)
  shape = parts['train'].pictures.shape[1:]
  files.atomic_write(run.path / 'pictures.json', json.dumps(shape) + '\n')
  measure = captions.make_measure(config, model, tokenizer, parts)
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='words',
      best='valid/nats_per_token',
      programs=plan.num_programs,
      evaluate=lambda params: measure(params, ('valid',)),
    ),
    run.path,
  )
  figures.learning_curves(
    run.path, metric='nats_per_token', clip_norm=config.clip_norm
  )
  found = measure(params)
  scores = {name.removeprefix('test/'): x for name, x in found.items()}
  right = captions.references(parts['test'])
  metric = texts.judging(right)
  if metric != 'bleu':
    print(
      f'Most test captions have fewer than {texts.LONGEST_RUN} words, of which '
      f'BLEU says little: {metric} is compared.'
    )
  verdict = baselines.verdict(
    scores[metric],
    {name: x[metric] for name, x in known.items()},
    higher_is_better=True,
  )
  print(
    f'test {metric} {scores[metric]:.2f} {verdict}; {scores["exact"]:.4f} of '
    f'the captions exactly right.\nMeasured by {texts.signatures(right)}.'
  )
  if 'test/attention_hits' in found:
    print(
      'What a word names is where the attention of its step is greatest: '
      f'{found["test/attention_hits"]:.4f} of the words.'
    )
  some = range(len(parts['test'].names))[:_NUM_SHOWN]
  shown = captioned.take(parts['test'], some, 'shown')
  captions.show(config, run.path, model, tokenizer, params, shown)
  print(
    'Show it a picture: ./launch.sh captioning --mode=caption '
    f'--image={run.path}/samples/0.png --workdir={run.path}'
  )
  return found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The model, its words, the parameters, and the shape of its pictures."""
  tokenizer = tokens.Tokenizer.load(run.path)
  shape = vocabulary.load_json(run.path / 'pictures.json', captions.shape)
  model = captions.make_model(config, tokenizer)
  black = np.zeros((1, *shape), np.uint8)
  one = captioned.collect(black, [['?']], ['?'], 'a picture')
  batches, _ = captions.make_batches(config, tokenizer, one)
  plan = experiment.plan(config, run, models.captioner.task(model), batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return model, tokenizer, params, shape


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  model, tokenizer, params, _ = restore(config, run)
  return captions.make_measure(config, model, tokenizer, parts)(params)


def caption(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row per caption: the picture, the caption; of several, a score."""
  if bool(config.image) == bool(config.image_folder):
    raise errors.UserError(
      '--mode=caption needs --image=FILE or --image_folder=FOLDER, not both.'
    )
  model, tokenizer, params, (size, _, colours) = restore(config, run)
  notes = ()
  if config.image:
    seen = {config.image: pictures.read(config.image, size, colours)}
  else:
    shelf = pictures.shelf(config.image_folder)
    names = labelled.natural_order(shelf.names)
    seen = {name: shelf.read(name, size, colours) for name in names}
    notes = shelf.notes
  for note in (*notes, *pictures.notes(seen)):
    print(note, file=sys.stderr)
  write = captions.make_writer(config, model, tokenizer)
  pixels = np.stack([picture.pixels for picture in seen.values()])
  written = [found[: config.n_best] for found in write(params, pixels)]
  captions.say_cut(config, written, sys.stderr)
  if config.n_best > 1:
    print(
      'Of each picture the best caption comes first, with its score: '
      f'log-probability / tokens ** {config.length_penalty:g}.',
      file=sys.stderr,
    )
  for name, found in zip(seen, written, strict=True):
    for text, hypothesis in found:
      row = [name, text]
      if config.n_best > 1:
        row.append(f'{hypothesis.score:.4f}')
      print('\t'.join(row))


MODES = {'train': train, 'evaluate': evaluate, 'caption': caption}

if __name__ == '__main__':
  experiment.main(__doc__, 'captioning', Config, MODES)
