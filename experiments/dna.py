"""What a nucleotide or protein sequence is, told letter by letter.

A recurrent network reads it both ways; a motif may lie anywhere, in parts.

Source: the splice junctions of Towell, Noordewier and Shavlik (1990), UCI.
Command: ./launch.sh dna
Data: random DNA with the two parts of the start of a gene; their order and
distance tell, and short words do not, however they are counted.
Expected: all of the 400 sequences held out; 5-mers have 0.53.
Hardware: two CPU cores, 15 seconds.

Splice junctions in ten folds (accuracy 0.968, 13 minutes of CPU time):
./launch.sh dna --train_file=splice.csv --num_folds=10 --num_layers=2
--dropout_rate=0.1 --word_dropout_rate=0.15 --steps=2250 --eval_every=750
"""

import dataclasses
import sys

import numpy as np

from seqjax import baselines, data, errors, experiment, models
from seqjax.data import labelled
from seqjax.data.text import motifs, nucleotides
from seqjax.experiment import classification, cross_validation, inputs

field = experiment.field

# Lengths of the words that the baselines count.
WORD_LENGTHS = (1, 3, 5)

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(cross_validation.Config):
  steps: int = 600
  cell: str = 'gru'
  hidden_size: int = 64
  bidirectional: bool = True
  pooling: str = 'max'
  learning_rate: float = 4e-3
  schedule: str = 'cosine'
  dataset: str = field(
    'gapped_motif',
    'sequences to learn from, where no --train_file is given',
    group='data',
    choices=('gapped_motif',),
  )
  train_file: str = field(
    '',
    'sequences with labels: .fasta, .fa, .fna, .faa, .data (UCI), .csv, .tsv '
    'or .jsonl; .gz and .xz are opened',
    group='data',
    is_path=True,
  )
  test_file: str = field(
    '', 'the same to measure on, at the end', group='data', is_path=True
  )
  sequence_column: str = field('sequence', 'column of a table', group='data')
  label_column: str = field('class', 'column of a table', group='data')
  alphabet: str = field(
    'dna',
    'letters that may occur; those that stand for several belong to it',
    group='data',
    choices=tuple(nucleotides.ALPHABETS),
  )
  max_length: int = field(
    1000,
    'letters of a sequence that are read, from its start; 50 to 1000',
    group='data',
    minimum=1,
    maximum=10**6,
  )
  embedding_size: int = field(
    16,
    'width of the embedding of a letter; 0 for one-hot; 4 to 64',
    minimum=0,
    maximum=2**16,
  )
  word_dropout_rate: float = field(
    0.0,
    'probability that a letter is read as unknown; 0 to 0.3',
    group='regularisation',
    minimum=0,
    traced=True,
    below=1,
  )
  text: str = field('', 'sequence to label', group='predict', kind='runtime')
  text_file: str = field(
    '',
    'sequences to label: .txt, one per line, or as --train_file',
    group='predict',
    kind='runtime',
    is_path=True,
  )

  def __post_init__(self):
    super().__post_init__()
    if self.test_file and (self.num_folds or not self.train_file):
      raise errors.UserError(
        '--test_file goes with --train_file and without --num_folds.'
      )
    if self.word_dropout_rate and not self.embedding_size:
      raise errors.UserError(
        '--word_dropout_rate and --embedding_size=0 do not go together.'
      )


# --- Data ---------------------------------------------------------------------


def read_file(config: Config, path: str, label_column) -> labelled.Labelled:
  return nucleotides.sequence_file(
    path,
    config.alphabet,
    sequence_column=config.sequence_column,
    label_column=label_column,
  )


def read_parts(config: Config) -> dict[str, labelled.Labelled]:
  """The parts 'train' and, where there is one, 'test'."""
  if not config.train_file:
    return {'train': motifs.gapped_motif(data_seed=config.data_seed)}
  files = {'train': config.train_file, 'test': config.test_file}
  return {
    part: read_file(config, path, config.label_column)
    for part, path in files.items()
    if path
  }


def split(config: Config, read) -> dict[str, dict[str, labelled.Labelled]]:
  """The parts of each training, by its place in the run's directory."""
  train = read['train']
  ids = cross_validation.split(config, train.labels)
  return {
    place: inputs.with_valid(
      read, *(labelled.take(train, part, train.name) for part in divided)
    )
    for place, divided in ids.items()
  }


def encode(config: Config, vocabulary, texts, said_to=None):
  """Each sequence as ids or one-hot; prints what they lost."""
  texts = inputs.cut(texts, config.max_length, said_to=said_to)
  if unknown := sorted(set().union(*texts) - set(vocabulary.symbols)):
    print('Not in the training part, read as unknown:', *unknown, file=said_to)
  sequences = [vocabulary.encode(text) for text in texts]
  if config.embedding_size:
    return sequences
  return [np.eye(len(vocabulary), dtype=np.float32)[ids] for ids in sequences]


def make_part(config: Config, vocabulary, names, part) -> classification.Part:
  sequences = encode(config, vocabulary, part.texts)
  return classification.make_part(sequences, part.labels, names)


# --- Model --------------------------------------------------------------------


def make_model(config: Config, vocabulary, num_classes: int):
  return models.Classifier(
    num_classes=num_classes,
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
    pooling=config.pooling,
    vocab_size=len(vocabulary) if config.embedding_size else 0,
    embedding_size=config.embedding_size,
  )


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  cross_validation.check(config, run)
  read = read_parts(config)
  sha256 = experiment.digest([part.sha256 for part in read.values()])
  texts = split(config, read)
  names = [labelled.label_names(*parts.values()) for parts in texts.values()]
  found = {
    place: train_one(config, run, sha256, place, texts[place], names[0])
    for place in cross_validation.to_train(config, run)
  }
  metrics = cross_validation.summary(found)
  print(
    f'Ask it: ./launch.sh dna --mode=predict --text=ACGT --workdir={run.path}'
  )
  if config.num_folds:
    print(
      f'Accuracy {metrics["valid/accuracy"]:.4f}, the mean of '
      f'{len(found)} of {config.num_folds} folds.'
    )
  return metrics


def train_one(config, run, sha256, place, texts, names) -> dict[str, float]:
  """Trains in one place of the run's directory; returns the metrics."""
  sizes = ', '.join(f'{len(x.texts):,} to {n}' for n, x in texts.items())
  if config.num_folds:
    print(f'Fold {place.rpartition("/")[2]} of 0 to {config.num_folds - 1}.')
  print(f'{texts["train"].name}: {sizes}; labels {" | ".join(names)}')
  last = list(texts)[-1]
  known_texts = set(texts['train'].texts)
  if repeated := sum(text in known_texts for text in texts[last].texts):
    print(f'{repeated:,} sequences to {last} also stand in the training part.')
  vocabulary = data.character_vocabulary(''.join(texts['train'].texts))
  parts = {
    name: make_part(config, vocabulary, names, part)
    for name, part in texts.items()
  }
  known = make_baselines(vocabulary, texts, parts, last)
  print(
    f'{len(vocabulary)} symbols. Baselines, {last} accuracy: '
    + ', '.join(f'{name} {share:.4f}' for name, share in known.items())
  )
  model = make_model(config, vocabulary, len(names))
  classification.check(config, run, model, parts['train'], vocabulary.symbols)

  run.record_data(sha256)
  directory = cross_validation.begin(run, place)
  vocabulary.save(directory / 'vocabulary.json')
  labelled.save_names(run.path / 'labels.json', names)
  return classification.fit(
    config, run, model, parts, names, known, directory=directory
  )


def make_baselines(vocabulary, texts, parts, last) -> dict[str, float]:
  """The accuracy of the most frequent label, and of counted words."""
  train, test = (
    ([vocabulary.encode(x) for x in texts[part].texts], parts[part].targets)
    for part in ('train', last)
  )
  return {'majority': baselines.majority(train[1], test[1])} | {
    f'{length}-mers': baselines.bag_of_ngrams(
      train, test, len(vocabulary), order=length
    )
    for length in WORD_LENGTHS
    if length <= baselines.largest_order(len(vocabulary))
  }


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory, place, num_classes):
  """The vocabulary, sequences -> predictions, and the parameters."""
  directory = run.path / place
  vocabulary = data.CharacterVocabulary.load(directory / 'vocabulary.json')
  model = make_model(config, vocabulary, num_classes)
  sequence = encode(config, vocabulary, vocabulary.symbols[1])[0]
  params = classification.restore(config, run, model, sequence, directory)
  return vocabulary, classification.make_predict(config, model), params


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  read = read_parts(config)
  run.record_data(experiment.digest([part.sha256 for part in read.values()]))
  names = labelled.load_names(run.path / 'labels.json', *read.values())
  found = {}
  for place, texts in split(config, read).items():
    vocabulary, predict, params = restore(config, run, place, len(names))
    parts = {
      name: make_part(config, vocabulary, names, part)
      for name, part in texts.items()
      if name != 'train'
    }
    found[place] = classification.score(predict, params, parts)
  return cross_validation.summary(found)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints a row per sequence: its label and all probabilities.

  Of a cross-validation, the mean of what the models of all folds say.
  """
  inputs.check_prediction(config.text.strip(), config.text_file, 'ACGT')
  if config.text_file:
    read = read_file(config, config.text_file, None)
    texts, places = read.texts, read.places
  else:
    places = ('--text',)
    texts = (nucleotides.sequence(config.text, config.alphabet, *places),)
  names = labelled.load_names(run.path / 'labels.json')
  answers = []
  for place in config.places:
    vocabulary, run_model, params = restore(config, run, place, len(names))
    sequences = encode(config, vocabulary, texts, said_to=sys.stderr)
    answers.append(run_model(params, sequences)[0])
  print('\t'.join(['label', *names, 'sequence']))
  for p, place in zip(np.mean(answers, axis=0), places, strict=True):
    print('\t'.join([names[p.argmax()], *(f'{x:.4f}' for x in p), place]))


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'dna', Config, MODES)
