"""An image read pixel by pixel: sequential and permuted digits.

The label is asked after the last pixel. In the order of the rows neighbours are
near; a permutation, the same for every image, takes that away as well.

Source: Le et al. (2015), arXiv:1504.00941, section 4.2.
Command: ./launch.sh pixels
Data: the 8 x 8 digits of scikit-learn, 64 steps; the last fifth is the test.
Expected: test accuracy 0.947 (0.950 and 0.933 with --seed=1 and 2); logistic
regression on all pixels has 0.911.
Hardware: two CPU cores, 45 seconds.
"""

import dataclasses

import numpy as np

from seqjax import baselines, data, errors, experiment, models
from seqjax.data import labelled, registered
from seqjax.data.vision import images, pixels
from seqjax.experiment import classification

field = experiment.field

# Logistic regression learns from so many images, which takes it long enough.
NUM_BASELINE = 10_000

# --- Config -------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Config(classification.Config):
  steps: int = 2000
  batch_size: int = 64
  cell: str = 'gru'
  learning_rate: float = 3e-3
  schedule: str = 'cosine'
  pooling: str = 'max'
  dropout_rate: float = 0.3
  weight_noise: float = 0.05
  eval_every: int = 200
  dataset: str = field(
    'digits',
    'images to learn from, where no --images_dir is given',
    group='data',
    choices=('digits', 'mnist'),
  )
  data_dir: str = field(
    '',
    'folder of mnist as tfds prepares it; $TFDS_DATA_DIR or '
    '~/tensorflow_datasets where none is given',
    group='data',
    kind='extendable',
    is_path=True,
  )
  images_dir: str = field(
    '',
    'folder with the four idx files of MNIST, or of a set like it; .gz and .xz '
    'are opened',
    group='data',
    is_path=True,
  )
  pixels_per_step: int = field(
    1,
    'pixels that a step reads; the width of an image reads it row by row',
    group='data',
    minimum=1,
    maximum=2**20,
  )
  permuted: bool = field(
    False,
    'read the pixels in one random order, the same for every image',
    group='data',
  )
  permutation_seed: int = field(
    0,
    'another number, another order',
    group='data',
    minimum=0,
    maximum=2**32 - 1,
  )
  image_index: int = field(
    0,
    'image of the test set to look at, from 0',
    group='predict',
    kind='runtime',
    minimum=0,
  )


# --- Data ---------------------------------------------------------------------


def read_images(config: Config) -> tuple[images.Images, images.Images]:
  """The images to learn from and those of the test set."""
  if config.images_dir:
    return images.idx_folder(config.images_dir)
  if config.dataset == 'digits':
    return images.digits()
  train, test = (
    registered.images(config.dataset, split, config.data_dir)
    for split in ('train', 'test')
  )
  return train, test


def as_sequences(config: Config, pictures) -> pixels.PixelSequences:
  """Images [N, H, W] as the model reads them."""
  order = None
  if config.permuted:
    order = pixels.permutation(pictures[0].size, config.permutation_seed)
  return pixels.PixelSequences(pictures, config.pixels_per_step, order)


def make_parts(
  config: Config, train: images.Images, test: images.Images
) -> dict[str, classification.Part]:
  fitted, held_out = data.hold_out(
    train.labels, config.valid_fraction, config.data_seed
  )
  parts = {
    'train': (train.images[fitted], train.labels[fitted]),
    'valid': (train.images[held_out], train.labels[held_out]),
    'test': (test.images, test.labels),
  }
  return {
    name: classification.Part(as_sequences(config, pictures), labels)
    for name, (pictures, labels) in parts.items()
  }


def score_baselines(train: images.Images, test: images.Images):
  """The test accuracy of what reads all pixels at once, or none."""
  features = [
    part.images.reshape(len(part.images), -1) / np.float32(255)
    for part in (train, test)
  ]
  # Drawn: a file may be sorted by label.
  order = np.random.RandomState([0]).permutation(len(train.labels))
  some = np.sort(order[:NUM_BASELINE])
  share = baselines.logistic(
    (features[0][some], train.labels[some]), (features[1], test.labels)
  )
  return {
    'majority': baselines.majority(train.labels, test.labels),
    'logistic regression': share,
  }


# --- Model --------------------------------------------------------------------


def make_model(config: Config, num_classes: int) -> models.Classifier:
  return models.Classifier(
    num_classes=num_classes,
    recurrent=experiment.recurrent(config, bidirectional=config.bidirectional),
    pooling=config.pooling,
  )


# --- Training -----------------------------------------------------------------


def train(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  train, test = read_images(config)
  num_classes = images.num_classes(train, test)
  parts = make_parts(config, train, test)
  steps = parts['train'].sequences[0].shape
  print(
    f'{train.name}: {len(parts["train"].targets):,} images to learn from, '
    f'{len(parts["valid"].targets):,} held out; {test.name}: '
    f'{len(test.labels):,}; {num_classes} labels, {steps[0]} steps of '
    f'{steps[1]} pixels'
  )
  known = score_baselines(train, test)
  print(
    f'Baselines, test accuracy: majority {known["majority"]:.4f}, logistic '
    f'regression on {min(NUM_BASELINE, len(train.labels)):,} images '
    f'{known["logistic regression"]:.4f}'
  )
  model = make_model(config, num_classes)
  classification.check(config, run, model, parts['train'])

  run.record_data(experiment.digest([train.sha256, test.sha256]))
  names = [str(label) for label in range(num_classes)]
  labelled.save_names(run.path / 'labels.json', names)
  metrics = classification.fit(config, run, model, parts, names, known)
  print(f'Look: ./launch.sh pixels --mode=predict --workdir={run.path}')
  return metrics


# --- A trained model ----------------------------------------------------------


def restore(config: Config, run: experiment.RunDirectory):
  """The labels, sequences -> predictions, the parameters, and the images."""
  names = labelled.load_names(run.path / 'labels.json')
  train, test = read_images(config)
  run.record_data(experiment.digest([train.sha256, test.sha256]))
  parts = make_parts(config, train, test)
  model = make_model(config, len(names))
  sequence = parts['test'].sequences[0]
  params = classification.restore(config, run, model, sequence)
  return names, classification.make_predict(config, model), params, parts, test


def evaluate(config: Config, run: experiment.RunDirectory) -> dict[str, float]:
  _, run_model, params, parts, _ = restore(config, run)
  return classification.score(run_model, params, parts)


def predict(config: Config, run: experiment.RunDirectory) -> None:
  """Prints an image of the test set, its label, and what the model says."""
  names, run_model, params, _, test = restore(config, run)
  index = config.image_index
  if index >= len(test.images):
    raise errors.UserError(
      f'--image_index={index}: expected at most {len(test.images) - 1}, the '
      f'last of {test.name}.'
    )
  picture = test.images[index]
  sequences = as_sequences(config, picture[None])
  (probabilities,), _ = run_model(params, sequences)
  print(pixels.as_text(picture))
  print(f'Image {index} of {test.name}, labelled {test.labels[index]}.')
  for k in np.argsort(-probabilities, kind='stable'):
    print(f'{names[k]}  {probabilities[k]:.4f}')


MODES = {'train': train, 'evaluate': evaluate, 'predict': predict}

if __name__ == '__main__':
  experiment.main(__doc__, 'pixels', Config, MODES)
