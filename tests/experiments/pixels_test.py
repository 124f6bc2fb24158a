"""Images end to end, small: one run is trained and used by most tests."""

import os
import pathlib
from unittest import mock

import experiment_case
import numpy as np
from absl.testing import absltest, parameterized

from experiments import pixels
from seqjax.data.vision import images
from seqjax.training import logs

SMALL = (
  '--images_dir=set',
  '--hidden_size=8',
  '--batch_size=7',
  '--pixels_per_step=2',
  '--learning_rate=0.05',
  '--pooling=last',
  '--weight_noise=0',
  '--dropout_rate=0',
  '--eval_every=20',
  '--valid_fraction=0.2',
)
NUM_TRAIN, NUM_TEST = 60, 21


def bars(count, seed):
  """Images of 4 x 6: the label is which half has the bright column."""
  random = np.random.RandomState(seed)
  labels = np.arange(count, dtype=np.uint8) % 2
  pictures = random.randint(0, 50, (count, 4, 6)).astype(np.uint8)
  columns = random.randint(0, 3, count) + 3 * labels
  pictures[np.arange(count), :, columns] = 250
  return pictures, labels


def write_set(folder, num_train, num_test, last_label=0):
  """The four files of idx."""
  folder.mkdir()
  for part, count, seed in (('train', num_train, 0), ('t10k', num_test, 1)):
    pictures, labels = bars(count, seed)
    if part == 't10k':
      labels[-1] = last_label
    for what, array in (('images', pictures), ('labels', labels)):
      sizes = b''.join(size.to_bytes(4, 'big') for size in array.shape)
      path = folder / f'{part}-{what}-idx{array.ndim}-ubyte'
      path.write_bytes(bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes())


class PixelsTest(experiment_case.ExperimentTestCase):
  """In a folder with a set of images and a finished run, `run`."""

  module = pixels

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    write_set(pathlib.Path('set'), NUM_TRAIN, NUM_TEST)
    cls.trained = cls.main(*SMALL, '--workdir=run', '--steps=40')

  def test_it_ends_well_and_shows_what_it_did(self):
    code, out, err = self.trained
    self.assertEqual((code, err), (0, ''), out)
    for part in (
      '48 images to learn from, 12 held out; set, test: 21; 2 labels, 12 steps '
      'of 2 pixels',
      'majority 0.5238',
      'logistic regression on 60 images',
      '(1 program)',
      'done at step 40',
    ):
      self.assertIn(part, out)

  def test_it_learns(self):
    lines = logs.read_metrics(pathlib.Path('run', 'metrics.jsonl'))
    name = 'valid/nats_per_sequence'
    valid = [x[name] for x in lines if name in x]
    self.assertLen(valid, 3)
    self.assertGreater(valid[0], 0.5)
    self.assertLess(valid[2], 0.2)
    self.assertGreater(self.result()['metrics']['test/accuracy'], 0.9)

  def test_evaluation_repeats_the_numbers_at_any_batch_size(self):
    expected = [f'{k} {v:.4g}' for k, v in self.result()['metrics'].items()]
    for size in (1, 7, 64):
      code, out, err = self.main(
        '--workdir=run', '--mode=evaluate', f'--eval_batch_size={size}'
      )
      self.assertEqual((code, err), (0, 'run at step 40\n'))
      self.assertEqual(out.splitlines()[1:], sorted(expected))

  def test_a_prediction_shows_the_image_and_every_label(self):
    code, out, err = self.main(
      '--workdir=run', '--mode=predict', '--image_index=3'
    )
    self.assertEqual((code, err), (0, 'run at step 40\n'))
    *picture, title, first, second = out.splitlines()
    self.assertLen(picture, 4)
    bright = bars(NUM_TEST, 1)[0][3].argmax(axis=1)
    for row, column in zip(picture, bright, strict=True):
      self.assertEqual(row[2 * column : 2 * column + 2], '@@')
    self.assertEqual(title, 'Image 3 of set, test, labelled 1.')
    self.assertEqual(first.split()[0], '1')
    chances = [float(line.split()[1]) for line in (first, second)]
    self.assertGreater(chances[0], 0.5)
    self.assertAlmostEqual(sum(chances), 1, places=3)

  def test_an_image_beyond_the_last_is_a_sentence(self):
    code, _, err = self.main(
      '--workdir=run', '--mode=predict', '--image_index=21'
    )
    self.assertEqual(code, 1)
    self.assertIn('expected at most 20, the last of set, test', err)

  def test_other_images_are_not_of_this_run(self):
    path = pathlib.Path('set', 't10k-labels-idx1-ubyte')
    labels = path.read_bytes()
    try:
      path.write_bytes(labels[:-1] + b'\1')
      code, _, err = self.main('--workdir=run', '--mode=evaluate')
    finally:
      path.write_bytes(labels)
    self.assertEqual(code, 1)
    self.assertIn('trained on other data', err)

  def test_a_permutation_is_of_every_image_and_of_its_seed(self):
    parts = []
    for argv in (
      {},
      {'permuted': True},
      {'permuted': True, 'permutation_seed': 1},
    ):
      config = pixels.Config(images_dir='set', **argv)
      parts.append(pixels.make_parts(config, *pixels.read_images(config)))
    for name in ('train', 'valid', 'test'):
      plain, *others = (x[name].sequences for x in parts)
      for permuted in others:
        for before, after in zip(plain, permuted, strict=True):
          np.testing.assert_array_equal(np.sort(before, 0), np.sort(after, 0))
          self.assertTrue((before != after).any())
    one, other = (x['test'].sequences[0] for x in parts[1:])
    self.assertTrue((one != other).any())

  def test_the_parts_are_what_their_names_say(self):
    train, test = (bars(n, seed) for n, seed in ((NUM_TRAIN, 0), (NUM_TEST, 1)))
    config = pixels.Config(images_dir='set')
    parts = pixels.make_parts(config, *pixels.read_images(config))
    learnt = [*parts['train'].sequences, *parts['valid'].sequences]
    for sequences, (pictures, _) in (
      (parts['test'].sequences, test),
      (learnt, train),
    ):
      read = np.array(sequences).reshape(len(pictures), -1) * 255
      flat = pictures.reshape(len(pictures), -1)
      np.testing.assert_array_equal(
        np.sort(read.astype(np.uint8), axis=0), np.sort(flat, axis=0)
      )

  def test_a_permuted_run_ends_well(self):
    code, out, err = self.main(
      *SMALL, '--permuted', '--workdir=permuted', '--steps=0'
    )
    self.assertEqual((code, err), (0, ''), out)

  def test_mnist_is_what_tfds_has_prepared(self):
    made = [images.labelled_images(*bars(n, n), f'm {n}') for n in (9, 4)]
    config = pixels.Config(dataset='mnist', data_dir='/here')
    with mock.patch.object(
      pixels.registered, 'images', side_effect=made
    ) as read:
      train, test = pixels.read_images(config)
    self.assertEqual((train, test), tuple(made))
    self.assertEqual(
      [call.args for call in read.call_args_list],
      [('mnist', 'train', '/here'), ('mnist', 'test', '/here')],
    )

  @parameterized.named_parameters(
    ('missing', '--images_dir=ste', 'no train-images-idx3-ubyte'),
    ('unseen', '--images_dir=odd', 'image 2 of odd, test has the label 7'),
    ('one_label', '--images_dir=one', 'of one, train have only 0'),
    ('step', '--pixels_per_step=5', 'divide the 24 pixels of an image, got 5'),
    ('share', '--valid_fraction=0.001', 'cannot hold out'),
    ('cell', '--cell=conv_lstm_1d', 'takes one example [W, C]'),
    ('name', '--dataset=mnits', "Did you mean 'mnist'"),
  )
  def test_the_users_mistake_is_one_sentence(self, argument, words):
    if not os.path.exists('odd'):
      write_set(pathlib.Path('odd'), 10, 3, last_label=7)
      write_set(pathlib.Path('one'), 1, 1)
    self.assert_refused(words, SMALL, argument)


if __name__ == '__main__':
  absltest.main()
