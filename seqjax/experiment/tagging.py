"""What it takes to tag words: their ids, the tags of a model, their scores."""

import dataclasses
import itertools
from typing import NamedTuple

import jax
import numpy as np

from seqjax import data, errors, models
from seqjax.data import labelled
from seqjax.experiment import batching, fields, run_directory


@dataclasses.dataclass(frozen=True)
class Config(batching.Config):
  """The settings that it adds to those of sequences."""

  metric: str = fields.field(
    'auto',
    'what is drawn and compared; auto is f1, of whole spans, where all tags '
    'are O, B-... or I-..., else accuracy. f1 needs SEQJAX_EXTRAS=text',
    group='data',
    choices=('auto', 'accuracy', 'f1'),
  )
  min_count: int = fields.field(
    1,
    'words rarer than this in the training part are read as unknown',
    group='data',
    minimum=1,
  )
  max_length: int = fields.field(
    100,
    'words that are read at once; a longer sentence is read in pieces',
    group='data',
    minimum=1,
    maximum=10**6,
  )
  max_word_length: int = fields.field(
    20,
    'letters of a word that are read: half of them its first, half its last',
    group='data',
    minimum=1,
    maximum=1000,
  )


class Symbols(NamedTuple):
  """What the training part has taught to read and to say."""

  words: data.Vocabulary
  characters: data.CharacterVocabulary
  tags: tuple[str, ...]  # [K]

  @classmethod
  def of(cls, config: Config, train: data.Tagged) -> 'Symbols':
    words = itertools.chain.from_iterable(train.sentences)
    return cls(
      data.word_vocabulary(train.sentences, config.min_count),
      data.character_vocabulary(''.join(words)),
      tuple(sorted(set(itertools.chain.from_iterable(train.tags)))),
    )

  def save(self, run: run_directory.RunDirectory) -> None:
    self.words.save(run.path / 'vocabulary.json')
    self.characters.save(run.path / 'characters.json')
    labelled.save_names(run.path / 'labels.json', self.tags)

  @classmethod
  def load(cls, run: run_directory.RunDirectory) -> 'Symbols':
    return cls(
      data.Vocabulary.load(run.path / 'vocabulary.json'),
      data.CharacterVocabulary.load(run.path / 'characters.json'),
      labelled.load_names(run.path / 'labels.json'),
    )


def pieces(config: Config, sequences) -> list:
  """The sequences, and the pieces of what is longer than `max_length`."""
  step = config.max_length
  return [
    sequence[start : start + step]
    for sequence in sequences
    for start in range(0, len(sequence), step)
  ]


def encode(config: Config, symbols: Symbols, sentences):
  """The ids of the words and characters of each sentence."""
  return models.tagger.Words(
    [symbols.words.encode(words) for words in sentences],
    [
      data.spell(words, symbols.characters, config.max_word_length)
      for words in sentences
    ],
  )


def make_batches(config: Config, symbols: Symbols, train: data.Tagged):
  """index -> Batch to learn from, and the plan behind it."""
  places = {tag: k for k, tag in enumerate(symbols.tags)}
  inputs = encode(config, symbols, pieces(config, train.sentences))
  targets = [
    np.array([places[tag] for tag in tags], np.int32)
    for tags in pieces(config, train.tags)
  ]
  plan = batching.plan_batches(config, targets, config.data_seed)
  return data.step_batches(inputs, targets, plan), plan


def make_tagger(config: Config, model: models.Tagger, symbols: Symbols):
  """(params, sentences) -> for each its tags, and how likely each is."""
  predict = jax.jit(models.tagger.predict(model))

  def run(params, sentences):
    parts = pieces(config, sentences)
    inputs = encode(config, symbols, parts)
    plan = batching.plan_batches(config, parts)
    batches = data.step_batches(inputs, inputs.words, plan)
    found = [None] * len(parts)
    answers = batching.answers(
      lambda batch: predict(params, batch), batches, plan
    )
    for i, row, (tags, p) in answers:
      tags = tags[: len(parts[i]), row]
      found[i] = zip(tags, p[np.arange(len(tags)), row, tags], strict=True)
    every = itertools.chain.from_iterable(found)
    return [
      [(symbols.tags[tag], p) for tag, p in itertools.islice(every, len(words))]
      for words in sentences
    ]

  return run


def measure(tag, params, parts, metric: str, among=('valid', 'test')):
  """The scores of the parts that are held out, e.g. 'test/accuracy'."""
  found = {}
  for part in among:
    if part in parts:
      found_tags = tag(params, parts[part].sentences)
      predicted = [[name for name, _ in tags] for tags in found_tags]
      scores = score(parts[part].tags, predicted, metric)
      found |= {f'{part}/{name}': value for name, value in scores.items()}
  return found


def metric_of(config: Config, train: data.Tagged) -> str:
  """'accuracy' of words, or 'f1' of whole spans."""
  spans = data.are_spans(itertools.chain.from_iterable(train.tags))
  if config.metric == 'f1' and not spans:
    raise errors.UserError(
      '--metric=f1 is of spans, and the tags of '
      f'{train.name} are not O, B-... and I-...: use --metric=accuracy.'
    )
  by_tags = 'f1' if spans else 'accuracy'
  return by_tags if config.metric == 'auto' else config.metric


def score(true, predicted, metric: str) -> dict[str, float]:
  """Accuracy over all words, and the F1 of spans where it is the metric."""
  chain = itertools.chain.from_iterable
  pairs = zip(chain(true), chain(predicted), strict=True)
  found = {'accuracy': float(np.mean([a == b for a, b in pairs]))}
  if metric == 'f1':
    try:
      from seqeval import metrics as spans
    except ImportError as error:
      raise errors.UserError(
        f'the F1 of spans needs the package seqeval ({error}): begin with '
        'SEQJAX_EXTRAS=text ./launch.sh, or use --metric=accuracy.'
      ) from error
    true, predicted = ([list(tags) for tags in x] for x in (true, predicted))
    found['f1'] = float(spans.f1_score(true, predicted, zero_division=0))
  return found
