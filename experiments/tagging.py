"""A tag for every word: parts of speech, names of things, kinds of tokens.

Each word is read as a whole and letter by letter, both ways; sentences of any
length stand in batches of few shapes.

Source: the tagger of Lample et al. (2016).
Command: ./launch.sh tagging
Data: tokens of the Python standard library (here 3.11) with their kinds.
Expected: 0.992 of the test words right; each word's most frequent tag has
0.776.
"""

import collections
import dataclasses
import itertools
import re
import sys

from seqjax import (
  baselines,
  data,
  errors,
  experiment,
  models,
  training,
)
from seqjax.data.text import conll, python_source
from seqjax.experiment import inputs, tagging
from seqjax.report import figures

field = experiment.field

# The words of a text as English corpora have them: `do n't`, `it 's`, `3.50`.
_WORDS = re.compile(
  r"\d+(?:[.,:]\d+)+|[@#]?\w+?(?=n['’]t\b)|n['’]t\b|['’]\w+|[@#]?\w+|[^\w\s]"
)

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(tagging.Config):
  steps: int = 600
  dropout_rate: float = 0.3
  schedule: str = 'cosine'
  bidirectional: bool = True
  dataset: str = field(
    'python_source',
    'sentences to learn from, where no --train_file is given',
    group='data',
    choices=('python_source',),
  )
  train_file: str = field(
    '',
    'a word and its tag per line, an empty line between sentences, or CoNLL-U; '
    '.gz and .xz are opened',
    group='data',
    is_path=True,
  )
  valid_file: str = field(
    '',
    'the same to validate on; a share of the training part if empty',
    group='data',
    is_path=True,
  )
  test_file: str = field(
    '', 'the same to measure on, at the end', group='data', is_path=True
  )
  tag_column: str = field(
    '',
    'where the tag is: upos or xpos of CoNLL-U, last, or a number from 2; if '
    'empty, upos of CoNLL-U and else the last',
    group='data',
  )
  embedding_size: int = field(
    64, 'width of the embedding of words; 32 to 300', minimum=1, maximum=2**16
  )
  character_embedding_size: int = field(
    32, 'width of the embedding of letters; 16 to 64', minimum=1, maximum=2**16
  )
  character_hidden_size: int = field(
    32,
    'units that read the letters of a word, each way; 0 reads none; 25 to 100',
    minimum=0,
    maximum=2**16,
  )
  head: str = field(
    'softmax',
    'softmax decides word by word; crf, a conditional random field, on the '
    'whole sentence',
    choices=models.tagger.HEADS,
  )
  word_dropout_rate: float = field(
    0.1,
    'probability that a word is read as unknown, but for its letters; 0 to 0.5',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )
  text: str = field('', 'sentence to tag', group='predict', kind='runtime')
  text_file: str = field(
    '',
    'sentences to tag, one per line; or words in a file as --train_file',
    group='predict',
    kind='runtime',
    is_path=True,
  )


# --- Data ---------------------------------------------------------------------


def read_parts(config: Config) -> dict[str, data.Tagged]:
  """The parts 'train', 'valid' and, where there is one, 'test'."""
  files = inputs.files(config)
  if not files:
    return {part: data.python_tokens(part) for part in python_source.PARTS}
  parts = {
    part: data.tagged_file(path, config.tag_column)
    for part, path in files.items()
  }
  if 'valid' in parts:
    return parts
  whole = parts['train']
  # Sentences have no class of which each part should have its share.
  ids = data.hold_out(
    [0] * len(whole.tags), config.valid_fraction, config.data_seed
  )
  return inputs.with_valid(parts, *(conll.take(whole, part) for part in ids))


def describe(config: Config, parts: dict[str, data.Tagged]) -> None:
  """Prints what there is to learn from, and what is unusual in it."""
  known = set(itertools.chain.from_iterable(parts['train'].tags))
  for part, tagged in parts.items():
    words = list(itertools.chain.from_iterable(tagged.sentences))
    said = [f'{len(tagged.tags):,} sentences, {len(words):,} words']
    said += tagged.notes
    if long := sum(len(x) > config.max_length for x in tagged.tags):
      said.append(
        f'longer than --max_length={config.max_length} and read in pieces: '
        f'{long:,}'
      )
    if long := sum(len(word) > config.max_word_length for word in words):
      said.append(
        f'words longer than --max_word_length={config.max_word_length}, which '
        f'lose their middle: {long:,}'
      )
    tags = collections.Counter(itertools.chain.from_iterable(tagged.tags))
    if strange := sorted(set(tags) - known):
      said.append(
        'words whose tag there is nothing to learn from, each a mistake: '
        f'{sum(tags[x] for x in strange):,} ({", ".join(strange)})'
      )
    print(f'{part}, {tagged.name}: {"; ".join(said)}.')


# --- Model --------------------------------------------------------------------


def make_model(config: Config, symbols: tagging.Symbols) -> models.Tagger:
  reads_letters = config.character_hidden_size > 0
  letters = dataclasses.replace(
    config, hidden_sizes=(max(config.character_hidden_size, 1),)
  )
  return models.Tagger(
    num_tags=len(symbols.tags),
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
    vocab_size=len(symbols.words),
    embedding_size=config.embedding_size,
    head=config.head,
    characters_vocab_size=len(symbols.characters) if reads_letters else 0,
    character_embedding_size=config.character_embedding_size,
    character_recurrent=experiment.recurrent(letters, bidirectional=True),
  )


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  describe(config, parts)
  metric = tagging.metric_of(config, parts['train'])
  *_, last = parts
  guesses = baselines.most_frequent_tags(
    (parts['train'].sentences, parts['train'].tags), parts[last].sentences
  )
  known = tagging.score(parts[last].tags, guesses, metric)[metric]
  known = {'most frequent tag of each word': known}
  for name, value in known.items():
    print(f'Baseline, {last} {metric}: {name} {value:.4f}')
  symbols = tagging.Symbols.of(config, parts['train'])
  batches, plan = tagging.make_batches(config, symbols, parts['train'])
  print(
    f'{len(symbols.words):,} words, {len(symbols.characters):,} characters, '
    f'{len(symbols.tags)} tags. Batches: {plan.report()}'
  )
  model = make_model(config, symbols)
  task = models.tagger.task(model)
  experiment.check(config, run, task, batches, symbols.words.symbols)

  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  symbols.save(run)
  tag = tagging.make_tagger(config, model, symbols)
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='words',
      best=f'valid/{metric}',
      higher_is_better=True,
      programs=plan.num_programs,
      evaluate=lambda params: tagging.measure(
        tag, params, parts, metric, ('valid',)
      ),
    ),
    run.path,
  )
  figures.learning_curves(
    run.path, metric=metric, baselines=known, clip_norm=config.clip_norm
  )
  found = tagging.measure(tag, params, parts, metric)
  value = found[f'{last}/{metric}']
  verdict = baselines.verdict(value, known, higher_is_better=True)
  print(f'{last} {metric} {value:.4f} {verdict}.')
  print(f'Let it tag: ./launch.sh tagging --mode=predict --workdir={run.path}')
  return found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """What `tagging.make_tagger` gives, and the newest parameters."""
  symbols = tagging.Symbols.load(run)
  model = make_model(config, symbols)
  one = conll.collect([(('?',), symbols.tags[:1])], 'a sentence')
  batches, _ = tagging.make_batches(config, symbols, one)
  plan = experiment.plan(config, run, models.tagger.task(model), batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return tagging.make_tagger(config, model, symbols), params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  tag, params = restore(config, run)
  metric = tagging.metric_of(config, parts['train'])
  return tagging.measure(tag, params, parts, metric)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row per word: the word, its tag, and the tag's probability."""
  inputs.check_prediction(config.text, config.text_file, '"..."')
  text = config.text
  if config.text_file:
    text = data.text_file(config.text_file).text.removesuffix('\n')
  if config.text_file and '\t' in text:
    sentences = data.tagged_file(config.text_file, config.tag_column).sentences
  elif config.train_file:
    sentences = [_WORDS.findall(line) for line in text.split('\n')]
  else:
    sentences = python_source.words(text)
  if not any(sentences):
    raise errors.UserError('expected words to tag, got none.')
  tag_all, params = restore(config, run)
  for words, tags in zip(sentences, tag_all(params, sentences), strict=True):
    for word, (tag, p) in zip(words, tags, strict=True):
      print(f'{word}\t{tag}\t{p:.4f}')
    print()


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'tagging', Config, MODES)
