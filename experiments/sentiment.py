"""One label for a whole text: sentiment, intent, topic.

Words, a recurrent stack, and what its outputs say together; texts of any length
in batches of few shapes.

Source: the LSTM classifier of Raschka et al. (2022), chapter 15; attention
pooling as Yang et al. (2016).
Command: ./launch.sh sentiment
Data: sentences of the Python language reference (here 3.11), with their words
in order or shuffled: the words alone do not tell.
Expected: 0.79 of the test sentences; a bag of words has 0.50.
Hardware: two CPU cores, 35 seconds.
"""

import dataclasses
import os
import sys

import numpy as np

from seqjax import baselines, data, experiment, models
from seqjax.data import labelled, registered, tokens, truncation
from seqjax.data.text import word_order
from seqjax.experiment import classification, inputs

field = experiment.field

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(classification.Config):
  steps: int = 1500
  hidden_size: int = 64
  dropout_rate: float = 0.3
  bidirectional: bool = True
  pooling: str = 'max'
  schedule: str = 'cosine'
  dataset: str = field(
    'word_order',
    'texts to learn from, where no --train_file is given: word_order, '
    'imdb_reviews, or another set that tfds has prepared',
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
    'texts with labels: .tsv, .csv or .jsonl (.gz and .xz are opened), or a '
    'folder that holds one folder of .txt files per label',
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
  text_column: str = field('text', 'column of the texts', group='data')
  label_column: str = field('label', 'column of the labels', group='data')
  unit: str = field(
    'words',
    'what a text is made of; subwords need SEQJAX_EXTRAS=text',
    group='data',
    choices=tokens.UNITS,
  )
  min_count: int = field(
    2,
    'units rarer than this in the training part are read as unknown',
    group='data',
    minimum=1,
  )
  max_vocabulary: int = field(
    20_000,
    'how many units the model knows, the most frequent ones; 5,000 to 50,000',
    group='data',
    minimum=2,
    maximum=2**24,
  )
  max_length: int = field(
    400,
    'units of a text that are read; 100 to 1000',
    group='data',
    minimum=1,
    maximum=10**6,
  )
  keep: str = field(
    'end',
    'what is read of a longer text',
    group='data',
    choices=tuple(truncation.KEEPS),
  )
  embedding_size: int = field(
    64, 'width of the embedding; 32 to 300', minimum=1, maximum=2**16
  )
  word_dropout_rate: float = field(
    0.1,
    'probability that a unit is read as unknown; 0 to 0.3',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )
  text: str = field('', 'text to label', group='predict', kind='runtime')
  text_file: str = field(
    '',
    'texts to label: .txt, one per line, or the text column of a table',
    group='predict',
    kind='runtime',
    is_path=True,
  )


# --- Data ---------------------------------------------------------------------


def read_file(config: Config, path: str) -> labelled.Labelled:
  if os.path.isdir(path):
    return data.class_folders(path)
  return data.table(path, config.text_column, config.label_column)


def read_parts(config: Config) -> dict[str, labelled.Labelled]:
  """The parts 'train', maybe 'valid', and, where there is one, 'test'."""
  if files := inputs.files(config):
    return {part: read_file(config, path) for part, path in files.items()}
  if config.dataset == 'word_order':
    three = word_order.word_order(data.python_reference(), config.data_seed)
    return dict(zip(('train', 'valid', 'test'), three, strict=True))
  return {
    part: registered.labelled(config.dataset, part, config.data_dir)
    for part in ('train', 'test')
  }


def with_valid(config: Config, parts):
  """The parts, with a validation part held out where there was none."""
  if 'valid' in parts:
    return parts
  train = parts['train']
  ids = data.hold_out(train.labels, config.valid_fraction, config.data_seed)
  divided = (labelled.take(train, i, train.name) for i in ids)
  return inputs.with_valid(parts, *divided)


def encode(config: Config, tokenizer, texts, said_to=None):
  """The ids of each text; prints what they lost."""
  whole = [tokenizer.encode(text) for text in texts]
  sequences = inputs.cut(whole, config.max_length, config.keep, said_to)
  if num_empty := sum(len(ids) == 0 for ids in sequences):
    print(f'Empty texts: {num_empty:,} of {len(whole):,}.', file=said_to)
  return sequences


def make_part(config: Config, tokenizer, names, texts) -> classification.Part:
  sequences = encode(config, tokenizer, texts.texts)
  return classification.make_part(sequences, texts.labels, names)


# --- Model --------------------------------------------------------------------


def make_model(config: Config, vocab_size: int, num_classes: int):
  return models.Classifier(
    num_classes=num_classes,
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
    pooling=config.pooling,
    vocab_size=vocab_size,
    embedding_size=config.embedding_size,
  )


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  read = read_parts(config)
  sha256 = experiment.digest([part.sha256 for part in read.values()])
  texts = with_valid(config, read)
  names = labelled.label_names(*texts.values())
  for note in (note for part in read.values() for note in part.notes):
    print(note)
  sizes = ', '.join(f'{len(x.texts):,} to {n}' for n, x in texts.items())
  print(f'{texts["train"].name}: {sizes}; labels {" | ".join(names)}')

  tokenizer = tokens.fit(
    texts['train'].texts, config.unit, config.min_count, config.max_vocabulary
  )
  parts = {
    name: make_part(config, tokenizer, names, part)
    for name, part in texts.items()
  }
  vocab_size = len(tokenizer.vocabulary)
  last = list(parts)[-1]
  known = {
    'majority': baselines.majority(parts['train'].targets, parts[last].targets),
    f'bag of {config.unit}': baselines.bag_of_ngrams(
      parts['train'], parts[last], vocab_size
    ),
  }
  print(
    f'{vocab_size:,} {config.unit}. Baselines, {last} accuracy: '
    + ', '.join(f'{name} {share:.4f}' for name, share in known.items())
  )
  model = make_model(config, vocab_size, len(names))
  symbols = tokenizer.vocabulary.symbols
  classification.check(config, run, model, parts['train'], symbols)

  run.record_data(sha256)
  tokenizer.save(run.path)
  labelled.save_names(run.path / 'labels.json', names)
  found = classification.fit(config, run, model, parts, names, known)
  print(
    'Ask it: ./launch.sh sentiment --mode=predict --text="..." '
    f'--workdir={run.path}'
  )
  return found


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The tokenizer, the labels, sequences -> predictions, and the parameters."""
  tokenizer = tokens.Tokenizer.load(run.path)
  names = labelled.load_names(run.path / 'labels.json')
  model = make_model(config, len(tokenizer.vocabulary), len(names))
  params = classification.restore(config, run, model, np.zeros(1, np.int32))
  predict = classification.make_predict(config, model)
  return tokenizer, names, predict, params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  tokenizer, names, predict, params = restore(config, run)
  read = read_parts(config)
  run.record_data(experiment.digest([part.sha256 for part in read.values()]))
  texts = with_valid(config, read)
  labelled.load_names(run.path / 'labels.json', *texts.values())
  parts = {
    name: make_part(config, tokenizer, names, part)
    for name, part in texts.items()
    if name != 'train'
  }
  return classification.score(predict, params, parts)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row per text: its label, all probabilities, what counted."""
  inputs.check_prediction(config.text, config.text_file, '"..."')
  texts = (config.text,)
  if config.text_file:
    texts = data.texts(config.text_file, config.text_column).texts
  tokenizer, names, run_model, params = restore(config, run)
  sequences = encode(config, tokenizer, texts, said_to=sys.stderr)
  probabilities, attention = run_model(params, sequences)
  counted = (
    [f'{config.unit} that counted'] if config.pooling == 'attention' else []
  )
  print('\t'.join(['label', *names, *counted]))
  for text, p, weights in zip(texts, probabilities, attention, strict=True):
    row = [names[p.argmax()], *(f'{x:.4f}' for x in p)]
    if weights is not None:
      units = [tokenizer.split(text)]
      (units,), _ = data.cut(units, config.max_length, config.keep)
      row.append(classification.attended(units, weights))
    print('\t'.join(row))


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'sentiment', Config, MODES)
