"""Labelled images, and what there is to say against them."""

import gzip

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.vision import images

RNG = np.random.RandomState(0)
TRAIN = RNG.randint(0, 256, (7, 3, 2)).astype(np.uint8)
TEST = RNG.randint(0, 256, (4, 3, 2)).astype(np.uint8)
LABELS = np.array([0, 2, 1, 1, 0, 2, 5], np.uint8)
FILES = {
  'train-images-idx3-ubyte': TRAIN,
  'train-labels-idx1-ubyte': LABELS,
  't10k-images-idx3-ubyte': TEST,
  't10k-labels-idx1-ubyte': LABELS[:4],
}


def write(path, array):
  sizes = b''.join(size.to_bytes(4, 'big') for size in array.shape)
  content = bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()
  path.write_bytes(gzip.compress(content) if path.suffix == '.gz' else content)


class LabelledImagesTest(parameterized.TestCase):
  def test_the_hash_is_of_sizes_pixels_and_labels(self):
    other_pixels = TRAIN.copy()
    other_pixels[6, 2, 1] ^= 1
    made = [
      images.labelled_images(pixels, labels, 'a').sha256
      for pixels, labels in (
        (TRAIN, LABELS),
        (other_pixels, LABELS),
        (TRAIN.reshape(7, 2, 3), LABELS),
        (TRAIN, LABELS[::-1]),
      )
    ]
    self.assertLen(set(made), 4)
    again = images.labelled_images(
      np.asfortranarray(TRAIN), LABELS.astype(np.int64).tolist(), 'b'
    )
    self.assertEqual(again.sha256, made[0])

  @parameterized.parameters((6,), (8,), (0,))
  def test_more_or_fewer_labels_are_a_sentence(self, num_labels):
    with self.assertRaisesRegex(
      errors.UserError, f'few has 7 images and {num_labels} labels'
    ):
      images.labelled_images(TRAIN, np.zeros(num_labels, int), 'few')

  @parameterized.parameters((0, 3, 2), (7, 0, 2))
  def test_no_image_is_a_sentence(self, *shape):
    with self.assertRaisesRegex(
      errors.UserError, f'none has {" x ".join(map(str, shape))}'
    ):
      images.labelled_images(np.zeros(shape, np.uint8), LABELS, 'none')

  @parameterized.parameters(
    (TRAIN.astype(float), LABELS), (TRAIN[0], LABELS), (TRAIN, LABELS[None])
  )
  def test_what_is_no_image_is_refused(self, pixels, labels):
    with self.assertRaisesRegex(ValueError, r'expected images \[N, H, W\]'):
      images.labelled_images(pixels, labels, 'a')


class DigitsTest(absltest.TestCase):
  def test_the_digits_are_those_of_scikit_learn(self):
    from sklearn import datasets

    digits = datasets.load_digits()
    train, test = images.digits()
    self.assertEqual((len(train.images), len(test.images)), (1437, 360))
    pixels = np.concatenate([train.images, test.images])
    np.testing.assert_array_equal(np.round(pixels / 255 * 16), digits.images)
    self.assertEqual((pixels.min(), pixels.max()), (0, 255))
    np.testing.assert_array_equal(
      np.concatenate([train.labels, test.labels]), digits.target
    )

  def test_the_hash_is_the_same_everywhere(self):
    train, test = images.digits()
    self.assertStartsWith(train.sha256, '903917d29232d097')
    self.assertStartsWith(test.sha256, '334658cbd93ea178')


class IdxFolderTest(folder_case.FolderTestCase):
  def place(self, named=lambda name: name, **other):
    for name, array in FILES.items():
      array = other.get(name.split('-idx')[0].replace('-', '_'), array)
      if array is not None:
        write(self.folder / named(name), array)

  @parameterized.named_parameters(
    ('dash', lambda name: name),
    ('dot', lambda name: name.replace('-idx', '.idx')),
    ('gz', lambda name: f'{name}.gz'),
    ('dot_gz', lambda name: name.replace('-idx', '.idx') + '.gz'),
  )
  def test_the_four_files_are_found(self, named):
    self.place(named)
    train, test = images.idx_folder(self.folder)
    np.testing.assert_array_equal(train.images, TRAIN)
    np.testing.assert_array_equal(test.images, TEST)
    np.testing.assert_array_equal(train.labels, LABELS)
    np.testing.assert_array_equal(test.labels, LABELS[:4])
    self.assertEqual(train.name, f'{self.folder.name}, train')
    self.assertEqual(test.name, f'{self.folder.name}, test')

  def test_a_missing_file_is_named(self):
    self.place(t10k_labels=None)
    with self.assertRaisesRegex(
      errors.UserError, f'{self.folder}, but there is no t10k-labels-idx1-ubyte'
    ):
      images.idx_folder(self.folder)

  def test_a_missing_folder_is_named(self):
    with self.assertRaisesRegex(errors.UserError, 'no/such, but there is no'):
      images.idx_folder('no/such')

  def test_labels_must_be_as_many_as_images(self):
    self.place(t10k_labels=LABELS)
    with self.assertRaisesRegex(
      errors.UserError, 'test has 4 images and 7 labels'
    ):
      images.idx_folder(self.folder)


class NumClassesTest(absltest.TestCase):
  def test_it_counts_to_the_greatest_label(self):
    train = images.labelled_images(TRAIN, LABELS, 'train')
    test = images.labelled_images(TEST, LABELS[:4], 'test')
    self.assertEqual(images.num_classes(train, test), 6)

  def test_a_label_of_the_test_alone_is_a_sentence(self):
    train = images.labelled_images(TRAIN, LABELS, 'seen')
    test = images.labelled_images(TEST, [0, 1, 4, 2], 'new')
    with self.assertRaisesRegex(
      errors.UserError, 'image 2 of new has the label 4, .*seen, .*0, 1, 2, 5'
    ):
      images.num_classes(train, test)

  def test_other_sizes_are_a_sentence(self):
    train = images.labelled_images(TRAIN, LABELS, 'large')
    test = images.labelled_images(TEST[:, :2], LABELS[:4], 'small')
    with self.assertRaisesRegex(
      errors.UserError, 'of large have 3 x 2 pixels and those of small 2 x 2'
    ):
      images.num_classes(train, test)


if __name__ == '__main__':
  absltest.main()
