"""Files as the format describes them, and the ways in which they are wrong."""

import gzip
import lzma
import math

import folder_case
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.data.vision import idx


def content(array):
  sizes = b''.join(size.to_bytes(4, 'big') for size in array.shape)
  return bytes((0, 0, 8, array.ndim)) + sizes + array.tobytes()


CUBE = np.random.RandomState(0).randint(0, 256, (5, 3, 400)).astype(np.uint8)


class ReadTest(folder_case.FolderTestCase):
  def read(self, content, num_axes=3, name='a'):
    path = self.folder / name
    path.write_bytes(content)
    return idx.read(path, num_axes)

  @parameterized.parameters(
    ('a', bytes), ('a.gz', gzip.compress), ('a.xz', lzma.compress)
  )
  def test_the_array_comes_back(self, name, pack):
    array = self.read(pack(content(CUBE)), name=name)
    self.assertEqual(array.dtype, np.uint8)
    np.testing.assert_array_equal(array, CUBE)

  @parameterized.parameters((0,), (7,), (2, 0, 3), (1, 1, 1, 2))
  def test_it_may_have_any_shape(self, *shape):
    array = np.arange(math.prod(shape), dtype=np.uint8).reshape(shape)
    read = self.read(content(array), len(shape))
    self.assertEqual(read.shape, shape)
    np.testing.assert_array_equal(read, array)

  @parameterized.named_parameters(
    ('labels', content(CUBE[0, 0]), r'00 00 08 01.*1 axis.*another of the set'),
    ('floats', b'\0\0\x0d\x03' + bytes(30), '00 00 0d 03: it is of another'),
    ('text', b'0,1,2', '30 2c 31 2c: it is of another kind'),
    ('archive', gzip.compress(content(CUBE)), r'1f 8b .* end in \.gz'),
    ('nothing', b'', 'of another kind'),
    ('half_magic', b'\0\0\x08', '00 00 08: it is of another kind'),
  )
  def test_another_magic_is_a_sentence(self, content, words):
    with self.assertRaisesRegex(
      errors.UserError, f'3 axes .* 00 00 08 03, but those of .*a are .*{words}'
    ):
      self.read(content)

  @parameterized.named_parameters(
    (
      'header',
      content(CUBE)[:15],
      'header of 16 .*a ends after 15',
    ),
    ('values', content(CUBE)[:-1], '5 x 3 x 400 = 6,000 .*a has 5,999'),
    ('more', content(CUBE) + b'\0', '5 x 3 x 400 = 6,000 .*a has 6,001'),
  )
  def test_another_size_is_a_sentence(self, content, words):
    with self.assertRaisesRegex(errors.UserError, words):
      self.read(content)

  def test_a_damaged_archive_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'damaged'):
      self.read(gzip.compress(content(CUBE))[:-9], name='a.gz')

  def test_a_missing_file_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'b does not exist'):
      idx.read(self.folder / 'b', 3)


if __name__ == '__main__':
  absltest.main()
