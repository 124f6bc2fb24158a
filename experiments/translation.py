"""A text in, the same in another language out; or dates in words, and digits.

The source is read both ways, and the translation written token by token, each
with a look at the source.

Source: Bahdanau, Cho and Bengio (2015); attention of Luong, Pham and Manning
(2015). Pieces of words as Sennrich, Haddow and Birch (2016). BLEU and chrF of
texts as people read them, case included, by sacrebleu.
Command: ./launch.sh translation
Data: dates and numbers in words to be written in digits, and the other way.
Expected: 0.99 of the test part exactly right; the translation of the nearest
text to learn from has a BLEU of 23.5.
Hardware: two CPU cores, a minute.

Tatoeba, English to Spanish, 2,000 sentences held out with all 2,338 of their
translations: BLEU 38.1, and 39.6 with --beam_size=5 (the nearest: 19.8), after
8,000 steps: --train_file=spa.txt.xz --unit=subwords --max_vocabulary=4000
--min_count=2 --hidden_size=256 --embedding_size=256 --tied --batch_size=32
--steps=8000 --learning_rate=2e-3 --dropout_rate=0.2 --max_length=40
--valid_fraction=0.005 --test_fraction=0.019 --eval_every=1000
"""

import collections
import dataclasses
import functools
import itertools
import sys
from collections.abc import Iterable

import numpy as np

from seqjax import baselines, data, errors, experiment, training
from seqjax.data import registered
from seqjax.data.text import dates, parallel
from seqjax.experiment import inputs, outputs, translating, writing
from seqjax.metrics import texts
from seqjax.report import figures, score_table

field = experiment.field

_PARTS = ('train', 'valid', 'test')

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(translating.Config):
  steps: int = 600
  batch_size: int = 64
  cell: str = 'gru'
  embedding_size: int = 64
  learning_rate: float = 5e-3
  schedule: str = 'cosine'
  eval_every: int = 200
  max_compilations: int = 4
  max_written: int = 60
  dataset: str = field(
    'dates',
    'pairs to learn from, where no --train_file is given: dates, or a set that '
    'tfds has prepared',
    group='data',
  )
  data_dir: str = field(
    '',
    'folder of what tfds names; $TFDS_DATA_DIR or ~/tensorflow_datasets where '
    'none is given',
    group='data',
    kind='extendable',
    is_path=True,
  )
  train_file: str = field(
    '',
    'a text, a tab and its translation per line; or, with --train_target_file, '
    'a text per line; .gz and .xz are opened',
    group='data',
    is_path=True,
  )
  train_target_file: str = field(
    '',
    'the translation of each line of --train_file',
    group='data',
    is_path=True,
  )
  valid_file: str = field(
    '',
    'the same to validate on; a share of the training part if empty',
    group='data',
    is_path=True,
  )
  valid_target_file: str = field(
    '', 'as --train_target_file', group='data', is_path=True
  )
  test_file: str = field(
    '',
    'the same to measure on, at the end; a share of the training part if empty',
    group='data',
    is_path=True,
  )
  test_target_file: str = field(
    '', 'as --train_target_file', group='data', is_path=True
  )
  valid_fraction: float = field(
    0.02,
    'share of the different source texts that is held out, with all their '
    'translations, where there is no part to validate on',
    group='data',
    above=0,
    below=1,
  )
  test_fraction: float = field(
    0.02, 'the same of the part to measure on', group='data', above=0, below=1
  )
  reverse: bool = field(
    False, 'translate the second text of each pair to the first', group='data'
  )
  text: str = field('', 'text to translate', group='translate', kind='runtime')
  text_file: str = field(
    '',
    'texts to translate, one per line; without it and --text standard input',
    group='translate',
    kind='runtime',
    is_path=True,
  )
  output: str = field(
    '',
    'file of the translations, which are printed if empty',
    group='translate',
    kind='runtime',
    is_path=True,
  )


# --- Data ---------------------------------------------------------------------


def read_file(config: Config, part: str, path: str) -> parallel.Parallel:
  if target_path := getattr(config, f'{part}_target_file'):
    return parallel.two_files(path, target_path)
  return parallel.two_columns(path)


def read_parts(config: Config) -> dict[str, parallel.Parallel]:
  """The parts 'train', 'valid' and 'test'."""
  files = inputs.files(config)
  for part in _PARTS:
    if getattr(config, f'{part}_target_file') and part not in files:
      raise errors.UserError(
        f'--{part}_target_file goes with --{part}_file: name that too.'
      )
  if files:
    parts = {part: read_file(config, part, files[part]) for part in files}
  elif config.dataset == 'dates':
    parts = dates.dates(data_seed=config.data_seed)
  else:
    parts = registered.pairs(config.dataset, config.data_dir)
  if config.reverse:
    parts = {part: parallel.swapped(x) for part, x in parts.items()}
  for part in ('test', 'valid'):
    if part not in parts:
      fraction = getattr(config, f'{part}_fraction')
      parts['train'], parts[part] = parallel.hold_out(
        parts['train'], fraction, config.data_seed
      )
  return {part: parts[part] for part in _PARTS}


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  translating.describe(parts)
  tokenizers = translating.Tokenizers.of(config, parts['train'])
  ids = {
    part: translating.encode(config, tokenizers, parts[part])
    for part in ('train', 'valid')
  }
  source, target = (x.vocabulary for x in tokenizers)
  batches, plan = writing.make_batches(
    config, *ids['train'], len(target), config.data_seed
  )
  print(
    f'{len(source):,} {config.unit} are read, {len(target):,} '
    f'{tokenizers.target.unit} written. Batches: {plan.report()}'
  )
  model = translating.make_model(config, tokenizers)
  task = writing.make_task(config, model)
  experiment.check(config, run, task, batches, source.symbols)
  known = translating.score_baselines(
    tokenizers, ids['train'], parts['train'], parts['test']
  )

  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  tokenizers.save(run)
  teach = writing.make_evaluate(config, task, ids, len(target))
  params, _ = training.fit(
    experiment.plan(
      config,
      run,
      task,
      batches,
      unit='tokens',
      best='valid/nats_per_token',
      programs=plan.num_programs,
      evaluate=lambda params: teach(params, ('valid',)),
    ),
    run.path,
  )
  figures.learning_curves(
    run.path, metric='nats_per_token', clip_norm=config.clip_norm
  )
  test = parts['test']
  translate = translating.make_translate(config, model, tokenizers)
  found, best = translating.measure(config, translate, params, test)
  translating.show(config, run, model, tokenizers, params, test, best)
  scores = {name.removeprefix('test/'): x for name, x in found.items()}
  print('', score_table.score_table(known | {'network': scores}), sep='\n')
  print(f'Measured by {texts.signatures([[x] for x in test.targets])}.')
  verdict = baselines.verdict(
    scores['bleu'],
    {name: x['bleu'] for name, x in known.items()},
    higher_is_better=True,
  )
  print(f'test bleu {scores["bleu"]:.2f} {verdict}.')
  print(
    'Let it translate: ./launch.sh translation --mode=translate --text="..." '
    f'--workdir={run.path}'
  )
  return teach(params, ('valid',)) | found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The tokenizers, the model, its task, and the newest parameters."""
  tokenizers = translating.Tokenizers.load(run)
  model = translating.make_model(config, tokenizers)
  task = writing.make_task(config, model)
  some = [np.zeros(1, np.int32)]
  end = len(tokenizers.target.vocabulary)
  batches, _ = writing.make_batches(config, some, some, end)
  step, params = training.restore(
    experiment.plan(config, run, task, batches), run.path
  )
  print(f'{run.path} at step {step:,}', file=sys.stderr)
  return tokenizers, model, task, params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  parts = read_parts(config)
  run.record_data(experiment.digest([x.sha256 for x in parts.values()]))
  tokenizers, model, task, params = restore(config, run)
  end = len(tokenizers.target.vocabulary)
  ids = {'valid': translating.encode(config, tokenizers, parts['valid'])}
  teach = writing.make_evaluate(config, task, ids, end)
  translate = translating.make_translate(config, model, tokenizers)
  found, _ = translating.measure(config, translate, params, parts['test'])
  return teach(params, ('valid',)) | found


def translate(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a line for each line of the text, or rows with --n_best."""
  asked = lines(config)
  if config.output:
    outputs.check(config.output)
  tokenizers, model, _, params = restore(config, run)
  run_model = translating.make_translate(config, model, tokenizers)
  counted = collections.Counter()
  translate = functools.partial(run_model, params, counted=counted)
  rows = itertools.chain.from_iterable(
    translating.answers(config, translate, some) for some in asked
  )
  try:
    if config.output:
      outputs.write(config.output, ''.join(f'{row}\n' for row in rows))
      print(config.output)
    else:
      for row in rows:
        print(row, flush=True)
  finally:  # Of what was typed, too, until somebody stopped it.
    translating.say_lost(config, counted, sys.stderr)


def lines(config: Config) -> Iterable[list[str]]:
  """The lines to translate, as many at once as there are already."""
  if config.text and config.text_file:
    raise errors.UserError('--text and --text_file: give one of the two.')
  if config.text_file:
    text = data.text_file(config.text_file).text
    return [text.removesuffix('\n').split('\n')]
  if config.text:
    return [config.text.split('\n')]
  return ([line] for line in inputs.typed_lines())


MODES = {'train': train, 'evaluate': evaluate, 'translate': translate}

if __name__ == '__main__':
  experiment.main(__doc__, 'translation', Config, MODES)
