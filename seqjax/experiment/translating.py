"""What it takes to translate texts: their units, a model, and scores."""

import collections
import dataclasses
from collections.abc import Iterator
from typing import NamedTuple, TextIO

import numpy as np

from seqjax import data, errors, models
from seqjax.baselines import translations
from seqjax.data import tokens
from seqjax.data.text import parallel
from seqjax.experiment import fields, run_directory, writing
from seqjax.metrics import texts
from seqjax.report import attention_maps

_NUM_SHOWN = 4  # Translations that are printed and drawn.
_FEW = 100  # Texts of which BLEU depends on chance above all.


@dataclasses.dataclass(frozen=True)
class Config(writing.Config):
  """The settings that it adds to those of every pair of sequences."""

  unit: str = fields.field(
    'words',
    'what texts are made of; subwords need SEQJAX_EXTRAS=text',
    group='data',
    choices=tokens.UNITS,
  )
  target_unit: str = fields.field(
    '',
    'the same of translations; that of --unit if empty',
    group='data',
    choices=('', *tokens.UNITS),
  )
  min_count: int = fields.field(
    1,
    'units rarer than this in the training part are read as unknown, and never '
    'written',
    group='data',
    minimum=1,
  )
  max_vocabulary: int = fields.field(
    8000,
    'how many units of each side the model knows, the most frequent ones; '
    '2,000 to 32,000',
    group='data',
    minimum=2,
    maximum=2**24,
  )


class Tokenizers(NamedTuple):
  """How each side is cut into units, and put together again."""

  source: data.Tokenizer
  target: data.Tokenizer

  @classmethod
  def of(cls, config: Config, train: parallel.Parallel) -> 'Tokenizers':
    def fit(texts, unit):
      return tokens.fit(
        texts, unit, config.min_count, config.max_vocabulary, spaced=True
      )

    return cls(
      fit(train.sources, config.unit),
      fit(train.targets, config.target_unit or config.unit),
    )

  def save(self, run: run_directory.RunDirectory) -> None:
    for side, tokenizer in self._asdict().items():
      (run.path / side).mkdir(exist_ok=True)
      tokenizer.save(run.path / side)

  @classmethod
  def load(cls, run: run_directory.RunDirectory) -> 'Tokenizers':
    found = [data.Tokenizer.load(run.path / side) for side in cls._fields]
    for side, tokenizer in zip(cls._fields, found, strict=True):
      if tokenizer.unit != 'characters' and not tokenizer.spaced:
        raise errors.UserError(
          f'{run.path / side / "tokenizer.json"} is damaged: its words do not '
          'become a text again.'
        )
    return cls(*found)


def describe(parts: dict[str, parallel.Parallel]) -> None:
  """Prints what there is to learn from, and what is unusual in it."""
  for part, pairs in parts.items():
    said = [
      f'{len(pairs.sources):,} pairs, {len(set(pairs.sources)):,} different '
      'sources',
      *pairs.notes,
    ]
    if part != 'train':
      if known := parallel.num_known(parts['train'], pairs):
        said.append(f'pairs that are learnt from as well: {known:,}')
    print(f'{part}, {pairs.name}: {"; ".join(said)}.')


def encode(config: Config, tokenizers: Tokenizers, pairs: parallel.Parallel):
  """The ids of sources and targets; prints how many are too long."""
  sources = [tokenizers.source.encode(text) for text in pairs.sources]
  targets = [tokenizers.target.encode(text) for text in pairs.targets]
  ids = writing.short(config, sources, targets)
  if long := len(sources) - len(ids):
    print(
      f'{pairs.name}: pairs with more than --max_length={config.max_length} '
      f'units on a side, left out: {long:,} of {len(sources):,}.'
    )
  if not len(ids):
    raise errors.UserError(
      f'expected pairs of at most --max_length={config.max_length} units on '
      f'each side, but {pairs.name} has none: raise it.'
    )
  return [sources[i] for i in ids], [targets[i] for i in ids]


def make_model(config: Config, tokenizers: Tokenizers) -> models.EncoderDecoder:
  return writing.make_model(config, *(len(x.vocabulary) for x in tokenizers))


def make_translate(
  config: Config, model: models.EncoderDecoder, tokenizers: Tokenizers
):
  """(params, texts, counted) -> for each its translations, best first.

  A translation is its text and the `decoding.Hypothesis`. What is lost is added
  to `counted`, a Counter that `say_lost` reads.
  """
  write = writing.make_writer(config, model)

  def translate(params, sources, counted):
    ids = [tokenizers.source.encode(text) for text in sources]
    counted['texts'] += len(ids)
    counted['strange'] += sum(bool((x == 0).any()) for x in ids)
    ids, num_cut = data.cut(ids, config.max_length)
    counted['long'] += num_cut
    written = write(params, ids)
    counted['endless'] += sum(not best.ended for best, *_ in written)
    return [
      [(tokenizers.target.join(x.tokens), x) for x in hypotheses]
      for hypotheses in written
    ]

  return translate


def say_lost(
  config: Config, counted: collections.Counter, said_to: TextIO | None = None
) -> None:
  """Prints of how many texts something was not read, or not written."""
  texts = counted['texts']
  if strange := counted['strange']:
    print(
      f'Texts with {config.unit} that were never learnt: {strange:,} of '
      f'{texts:,}.',
      file=said_to,
    )
  if long := counted['long']:
    print(data.cut_report(long, texts, config.max_length), file=said_to)
  if endless := counted['endless']:
    print(
      f'Translations that do not end within --max_written='
      f'{config.max_written}: {endless:,} of {texts:,}.',
      file=said_to,
    )


def measure(config: Config, translate, params, test: parallel.Parallel):
  """The scores of the test part by name, and its translations."""
  counted = collections.Counter()
  best = [found[0] for found in translate(params, test.sources, counted)]
  say_lost(config, counted)
  if len(best) < _FEW:
    print(
      f'BLEU and chrF of so few texts, {len(best)}, say little: measure on '
      f'{_FEW} at least.'
    )
  scores = score([text for text, _ in best], test)
  return {f'test/{name}': value for name, value in scores.items()}, best


def score(written, pairs: parallel.Parallel) -> dict[str, float]:
  """BLEU, chrF and the share exactly right, against one translation each."""
  return texts.text_scores(written, [[target] for target in pairs.targets])


def score_baselines(tokenizers: Tokenizers, ids, train, test):
  """name -> the scores in the test part, of translations without a network.

  Args:
    tokenizers: of both sides.
    ids: (sources, targets) of the training part.
    train, test: the texts.
  """
  likeliest = translations.likeliest_words(*ids)

  def word_by_word(text):
    ids = tokenizers.source.encode(text)
    found = likeliest[ids[ids < len(likeliest)]]
    return tokenizers.target.join(found[found > 0])

  nearest = translations.nearest(
    *(
      [tokenizers.source.split(text) for text in x.sources]
      for x in (train, test)
    )
  )
  ((most, _),) = collections.Counter(train.targets).most_common(1)
  said = {
    'copy of the source': test.sources,
    'most frequent target': [most] * len(test.sources),
    'likeliest word for each word': list(map(word_by_word, test.sources)),
    'translation of the nearest': [train.targets[i] for i in nearest],
  }
  return {name: score(written, test) for name, written in said.items()}


def show(config: Config, run, model, tokenizers, params, test, best) -> None:
  """Prints some translations, and draws where each of their units looked.

  Args:
    config, run, model, tokenizers, params: as they are.
    test: what was translated.
    best: its translations, of `measure`.
  """
  # From all over the part: files are often sorted by length.
  places = np.linspace(0, len(best), _NUM_SHOWN, endpoint=False, dtype=int)
  places = np.unique(places).tolist()
  sources, best = ([x[i] for i in places] for x in (test.sources, best))
  for i, source, (text, _) in zip(places, sources, best, strict=True):
    print(f'\ntext: {source}\nwritten: {text}\nright: {test.targets[i]}')
  if config.attention == 'none':
    return
  written = [hypothesis.tokens for _, hypothesis in best]
  weights = writing.make_attention(config, model)(
    params, [tokenizers.source.encode(text) for text in sources], written
  )
  looks = [
    attention_maps.Look(
      tokenizers.source.split(text)[: config.max_length],
      [*tokenizers.target.vocabulary.decode(tokens), 'end'],
      of_pair,
    )
    for text, tokens, of_pair in zip(sources, written, weights, strict=True)
  ]
  attention_maps.draw(run.path / 'figures' / 'attention.png', looks)


def answers(config: Config, translate, lines: list[str]) -> Iterator[str]:
  """What is printed for lines of text.

  The translation of each line; or, of several, rows of the text, a translation
  and its score.

  Args:
    config: with `n_best`.
    translate: texts -> for each its translations, best first.
    lines: of which an empty one is no text, and stays empty or has no rows.
  """
  asked = [line for line in lines if line.strip()]
  translated = translate(asked) if asked else []
  found = iter(translated)
  for line in lines:
    best = next(found) if line.strip() else ()
    if config.n_best == 1:
      yield best[0][0] if best else ''
      continue
    source = ' '.join(line.split())
    for text, hypothesis in best[: config.n_best]:
      yield f'{source}\t{text}\t{hypothesis.score:.4f}'
