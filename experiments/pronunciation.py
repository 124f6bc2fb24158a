"""Letters to sounds: how a word is said that no dictionary has.

The letters are read both ways, and the sounds written one by one, each with a
look at the letters.

Source: the attention of Luong et al. (2015) for the task of Yao and Zweig
(2015), arXiv:1506.00196: sounds without stress, any listed variant is right,
and the errors of sounds are counted against the nearest variant.
Command: ./launch.sh pronunciation
Data: 4,800 words made on the spot, spelt by rules.
Expected: 0.0075 of the test words wrong; who says each letter as it mostly
sounds has 0.96.
Hardware: two busy CPU cores, 55 seconds of one.

cmudict.dict.xz of cmusphinx, 126,052 words, of which 5 % are held out to test
and 5 % of the rest to validate: 0.299 of the test words wrong, 0.296 with
--mode=evaluate --beam_size=5, and 0.073 of the sounds:
--hidden_size=128 --embedding_size=64 --batch_size=128 --steps=10000
--learning_rate=4e-3 --dropout_rate=0.1 --max_compilations=6; 40 minutes.
"""

import dataclasses
import itertools
import math
import sys
from collections.abc import Iterable

import numpy as np

from seqjax import (
  baselines,
  data,
  errors,
  experiment,
  training,
)
from seqjax.data.text import cmudict, spelling_rules
from seqjax.experiment import inputs, pronunciation, writing
from seqjax.report import figures, score_table

field = experiment.field

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(writing.Config):
  steps: int = 600
  batch_size: int = 64
  hidden_size: int = 64
  embedding_size: int = 32
  learning_rate: float = 1e-2
  schedule: str = 'cosine'
  max_compilations: int = 4
  max_written: int = 40
  length_penalty: float = 0.0  # The most probable way comes first.
  valid_fraction: float = 0.05
  dataset: str = field(
    'spelling_rules',
    'words to learn from, where no --train_file is given',
    group='data',
    choices=('spelling_rules',),
  )
  train_file: str = field(
    '',
    'a word and its sounds per line, as in the CMU Pronouncing Dictionary; .gz '
    'and .xz are opened',
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
    '',
    'the same to measure on, at the end; a share of the training part if empty',
    group='data',
    is_path=True,
  )
  test_fraction: float = field(
    0.05,
    'share of the words that is held out where no --test_file is given; 0.05 '
    'to 0.2',
    group='data',
    above=0,
    below=1,
  )
  text: str = field('', 'words to say', group='predict', kind='runtime')
  text_file: str = field(
    '',
    'words to say, with blanks or line ends between them; without it and '
    '--text standard input',
    group='predict',
    kind='runtime',
    is_path=True,
  )


# --- Data ---------------------------------------------------------------------


def read_parts(config: Config) -> dict[str, cmudict.Dictionary]:
  """The parts 'train', 'valid' and 'test'."""
  files = inputs.files(config)
  if not files:
    return spelling_rules.spelling_rules(config.data_seed)
  parts = {part: cmudict.read(path) for part, path in files.items()}
  for part in ('test', 'valid'):
    if part not in parts:
      whole = parts['train']
      # By the word, with all its variants; words have no class.
      ids = data.hold_out(
        [0] * len(whole.words),
        getattr(config, f'{part}_fraction'),
        config.data_seed,
      )
      parts['train'], parts[part] = (cmudict.take(whole, x) for x in ids)
  return {part: parts[part] for part in ('train', 'valid', 'test')}


def describe(
  config: Config,
  symbols: pronunciation.Symbols,
  parts: dict[str, cmudict.Dictionary],
) -> None:
  """Prints what there is to learn from, and what is unusual in it."""
  notes = (f'{x.name}: {note}.' for x in parts.values() for note in x.notes)
  for note in dict.fromkeys(notes):
    print(note)
  for part, dictionary in parts.items():
    ways = [sounds for _, sounds in cmudict.entries(dictionary)]
    said = [f'{len(dictionary.words):,} words, {len(ways):,} ways to say them']
    said += pronunciation.lost(config, symbols, dictionary.words)
    if long := sum(len(sounds) > config.max_length for sounds in ways):
      said.append(
        f'of more sounds than --max_length, not learnt from: {long:,}'
      )
    heard = set(itertools.chain.from_iterable(ways))
    if strange := heard - set(symbols.sounds.symbols):
      said.append(
        'sounds that there is nothing to learn from, each a mistake: '
        f'{", ".join(sorted(strange))}'
      )
    shared = set(dictionary.words) & set(parts['train'].words)
    if part != 'train' and shared:
      said.append(f'words that are learnt from as well: {len(shared):,}')
    print(f'{part}, {dictionary.name}: {"; ".join(said)}.')


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  symbols = pronunciation.Symbols.of(parts['train'])
  describe(config, symbols, parts)
  known = pronunciation.score_baselines(config, symbols, parts)
  print(score_table.score_table(known))
  sources, targets = pronunciation.encode_entries(
    config, symbols, parts['train']
  )
  batches, plan = writing.make_batches(
    config, sources, targets, len(symbols.sounds), config.data_seed
  )
  print(
    f'{len(symbols.letters):,} letters, {len(symbols.sounds):,} sounds. '
    f'Batches: {plan.report()}'
  )
  model = pronunciation.make_model(config, symbols)
  task = writing.make_task(config, model)
  experiment.check(config, run, task, batches, symbols.letters.symbols)

  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  symbols.save(run)
  say = pronunciation.make_say(config, model, symbols)
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='sounds',
      best='valid/word_error_rate',
      programs=plan.num_programs,
      evaluate=lambda params: pronunciation.measure(
        say, params, symbols, parts, ('valid',)
      ),
    ),
    run.path,
  )
  rates = {name: scores['word_error_rate'] for name, scores in known.items()}
  figures.learning_curves(
    run.path,
    metric='word_error_rate',
    baselines=rates,
    clip_norm=config.clip_norm,
  )
  pronunciation.draw_attention(
    config, run, model, symbols, params, parts['test']
  )
  found = pronunciation.measure(say, params, symbols, parts)
  scores = {
    name.removeprefix('test/'): x
    for name, x in found.items()
    if name.startswith('test/')
  }
  print('', score_table.score_table(known | {'network': scores}), sep='\n')
  verdict = baselines.verdict(scores['word_error_rate'], rates)
  print(
    f'test word error rate {scores["word_error_rate"]:.4f} {verdict}.\n'
    'Let it say words: ./launch.sh pronunciation --mode=predict --text="..." '
    f'--workdir={run.path}'
  )
  return found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The symbols, what says words with them, and the newest parameters."""
  symbols = pronunciation.Symbols.load(run)
  model = pronunciation.make_model(config, symbols)
  one = [np.ones(1, np.int32)]
  batches, _ = writing.make_batches(config, one, one, len(symbols.sounds))
  plan = experiment.plan(config, run, writing.make_task(config, model), batches)
  step, params = training.restore(plan, run.path)
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return symbols, pronunciation.make_say(config, model, symbols), params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  symbols, say, params = restore(config, run)
  return pronunciation.measure(say, params, symbols, parts)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints rows of a word, its sounds, and how probable these are."""
  asked = texts(config)
  symbols, say, params = restore(config, run)
  for text in asked:
    words = text.lower().split()
    for sentence in pronunciation.lost(config, symbols, words):
      print(sentence, file=sys.stderr)
    said = [found[: config.n_best] for found in say(params, words)]
    if endless := sum(not one.ended for found in said for one in found):
      print(
        f'cut at --max_written={config.max_written}: {endless:,}',
        file=sys.stderr,
      )
    for word, found in zip(words, said, strict=True):
      for one in found:
        sounds = ' '.join(symbols.sounds.decode(one.tokens))
        print(f'{word}\t{sounds}\t{math.exp(one.log_prob):.4f}', flush=True)


def texts(config: Config) -> Iterable[str]:
  """The words to say, as many at once as there are already."""
  if config.text and config.text_file:
    raise errors.UserError(
      '--text and --text_file: give one of the two, and not both.'
    )
  if not (config.text or config.text_file):
    return inputs.typed_lines()
  text = config.text or data.text_file(config.text_file).text
  if not text.split():
    raise errors.UserError('expected words to say, got none.')
  return [text]


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'pronunciation', Config, MODES)
