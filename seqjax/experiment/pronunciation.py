"""What it takes to say words: their letters, their sounds, the errors."""

import itertools
from typing import NamedTuple

import numpy as np

from seqjax import data, errors, metrics, models
from seqjax.baselines import spellings, translations
from seqjax.data.text import cmudict
from seqjax.experiment import run_directory, writing
from seqjax.metrics import edits
from seqjax.report import attention_maps

_NUM_SHOWN = 4  # Words whose attention is drawn.


class Symbols(NamedTuple):
  """What the training part has taught to read and to say."""

  letters: data.CharacterVocabulary
  sounds: data.Vocabulary

  @classmethod
  def of(cls, train: cmudict.Dictionary) -> 'Symbols':
    return cls(
      data.character_vocabulary(''.join(train.words)),
      data.word_vocabulary(itertools.chain.from_iterable(train.variants)),
    )

  def save(self, run: run_directory.RunDirectory) -> None:
    self.letters.save(run.path / 'letters.json')
    self.sounds.save(run.path / 'sounds.json')

  @classmethod
  def load(cls, run: run_directory.RunDirectory) -> 'Symbols':
    return cls(
      data.CharacterVocabulary.load(run.path / 'letters.json'),
      data.Vocabulary.load(run.path / 'sounds.json'),
    )


def lost(config: writing.Config, symbols: Symbols, words) -> list[str]:
  """What of the words is not read, and how many of them that concerns."""
  said = []
  if strange := sum(not symbols.letters.encode(x).all() for x in words):
    said.append(f'words with letters that were never learnt: {strange:,}')
  if long := sum(len(word) > config.max_length for word in words):
    said.append(
      f'words longer than --max_length={config.max_length}, not learnt from '
      f'and else read up to there: {long:,}'
    )
  return said


def encode_entries(
  config: writing.Config, symbols: Symbols, part: cmudict.Dictionary
):
  """The ids of letters and sounds, of every way to say a word."""
  words, ways = zip(*cmudict.entries(part), strict=True)
  sources = [symbols.letters.encode(word) for word in words]
  targets = [symbols.sounds.encode(sounds) for sounds in ways]
  ids = writing.short(config, sources, targets)
  if not ids.size:
    raise errors.UserError(
      f'--max_length={config.max_length}: expected at least the letters and '
      f'the sounds of one word, but those of {part.name} are longer.'
    )
  return [sources[i] for i in ids], [targets[i] for i in ids]


def score(predicted, dictionary: cmudict.Dictionary) -> dict[str, float]:
  """The errors in what was written for each of the words.

  Args:
    predicted: [N] sounds.
    dictionary: of the N words; any variant is right, and the sounds are
      compared with those of the nearest.
  """
  nearest = [
    min(variants, key=lambda sounds: edits.edits(said, sounds))
    for said, variants in zip(predicted, dictionary.variants, strict=True)
  ]
  pairs = zip(predicted, nearest, strict=True)
  return {
    'phone_error_rate': metrics.error_rate(predicted, nearest),
    'word_error_rate': float(np.mean([said != right for said, right in pairs])),
  }


def score_baselines(config: writing.Config, symbols: Symbols, parts):
  """name -> the scores in the test part of who knows no rules."""
  sources, targets = encode_entries(config, symbols, parts['train'])
  likeliest = translations.likeliest_words(sources, targets).tolist()
  sounds = {
    letter: symbols.sounds.symbols[k]
    for letter, k in zip(symbols.letters.symbols, likeliest, strict=False)
    if k >= 0  # A letter of words that are too long to be learnt from.
  }
  known, ways = zip(*cmudict.entries(parts['train']), strict=True)
  words = parts['test'].words
  said = {
    'likeliest sound of each letter': [
      tuple(sounds[letter] for letter in word if letter in sounds)
      for word in words
    ],
    'word that is spelt most alike': [
      ways[i] for i in spellings.nearest_spelling(known, words)
    ],
  }
  return {name: score(x, parts['test']) for name, x in said.items()}


def make_model(
  config: writing.Config, symbols: Symbols
) -> models.EncoderDecoder:
  return writing.make_model(config, len(symbols.letters), len(symbols.sounds))


def make_say(
  config: writing.Config, model: models.EncoderDecoder, symbols: Symbols
):
  """(params, words) -> for each word its hypotheses, best first."""
  write = writing.make_writer(config, model)
  return lambda params, words: write(
    params, [symbols.letters.encode(word) for word in words]
  )


def measure(say, params, symbols: Symbols, parts, among=('valid', 'test')):
  """The scores of the parts that are held out, e.g. 'test/word_error_rate'."""
  found = {}
  for part in among:
    predicted = [
      tuple(symbols.sounds.decode(best.tokens))
      for best, *_ in say(params, parts[part].words)
    ]
    scores = score(predicted, parts[part])
    found |= {f'{part}/{name}': value for name, value in scores.items()}
  return found


def draw_attention(
  config: writing.Config,
  run: run_directory.RunDirectory,
  model: models.EncoderDecoder,
  symbols: Symbols,
  params,
  dictionary: cmudict.Dictionary,
) -> None:
  """Draws at which letters each sound of the first words looks."""
  if config.attention == 'none':
    return
  shown = cmudict.take(
    dictionary, range(min(_NUM_SHOWN, len(dictionary.words)))
  )
  words, ways = zip(*cmudict.entries(shown), strict=True)
  weights = writing.make_attention(config, model)(
    params,
    [symbols.letters.encode(word) for word in words],
    [symbols.sounds.encode(sounds) for sounds in ways],
  )
  looks = [
    attention_maps.Look(word[: config.max_length], (*sounds, 'end'), of_pair)
    for word, sounds, of_pair in zip(words, ways, weights, strict=True)
  ]
  attention_maps.draw(run.path / 'figures' / 'attention.png', looks)
