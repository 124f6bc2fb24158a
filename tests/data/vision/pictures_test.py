"""Pictures of files, and what there is to say against them."""

import folder_case
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from seqjax import errors
from seqjax.data.vision import pictures

RNG = np.random.RandomState(0)
GREY = RNG.randint(0, 256, (6, 4)).astype(np.uint8)
COLOURED = RNG.randint(0, 256, (6, 4, 3)).astype(np.uint8)


class ReadTest(folder_case.FolderTestCase):
  def save(self, name, pixels, **options):
    path = self.folder / name
    Image.fromarray(pixels).save(path, **options)
    return path

  @parameterized.parameters((GREY, 1), (COLOURED, 3))
  def test_a_picture_stays_as_it_is_or_is_scaled(self, pixels, colours):
    whole = np.reshape(np.resize(pixels[:4], pixels[:4].shape), (4, 4, -1))
    path = self.save('a.png', pixels[:4])
    np.testing.assert_array_equal(pictures.read(path, 4), whole)
    self.assertEqual(pictures.read(path, 7).shape, (7, 7, colours))

  def test_all_of_a_picture_is_seen_whatever_its_shape(self):
    pixels = np.zeros((4, 40), np.uint8)
    pixels[:, :2] = pixels[:, -2:] = 255
    found = pictures.read(self.save('wide.png', pixels), 20)[..., 0]
    self.assertEqual(found.shape, (20, 20))
    self.assertGreater(found[:, [0, -1]].min(), 100)
    self.assertLess(found[:, 3:-3].max(), 10)

  def test_colours_are_as_one_asks(self):
    grey, coloured = self.save('g.png', GREY), self.save('c.png', COLOURED)
    found = pictures.read(grey, 4, 3)
    self.assertEqual(found.shape, (4, 4, 3))
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    self.assertEqual(pictures.read(coloured, 4, 1).shape, (4, 4, 1))

  def test_what_a_camera_held_upright_is_upright(self):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned a quarter.
    plain = self.save('a.png', COLOURED[:4])
    turned = self.save('b.png', COLOURED[:4], exif=exif)
    np.testing.assert_array_equal(
      pictures.read(turned, 4), np.rot90(pictures.read(plain, 4), -1)
    )

  @parameterized.named_parameters(
    ('text', b'no picture', 'cannot be read as one'),
    ('empty', b'', 'cannot be read as one'),
    ('cut_png', None, 'cannot be read as one'),
  )
  def test_what_is_no_picture_is_a_sentence(self, content, words):
    path = self.save('bad.png', np.tile(COLOURED, (9, 9, 1)))
    path.write_bytes(path.read_bytes()[:200] if content is None else content)
    with self.assertRaisesRegex(errors.UserError, f'{path} {words}'):
      pictures.read(path, 4)

  def test_sixteen_bits_are_a_sentence(self):
    path = self.save('deep.png', GREY.astype(np.uint16) * 200)
    with self.assertRaisesRegex(errors.UserError, 'deep.png has more'):
      pictures.read(path, 4)

  def test_what_was_written_is_read(self):
    for name, pixels in (('g', GREY[:4, :, None]), ('c', COLOURED[:4])):
      path = self.folder / 'samples' / f'{name}.png'
      pictures.write(path, pixels)
      np.testing.assert_array_equal(pictures.read(path, 4), pixels)


class ShelfTest(folder_case.FolderTestCase):
  def test_a_folder_has_the_pictures_of_its_folders(self):
    (self.folder / 'old').mkdir()
    for name in ('b.PNG', 'old/a.jpg'):
      Image.fromarray(COLOURED).save(self.folder / name)
    self.write('captions.csv', 'image,caption\n')
    shelf = pictures.shelf(self.folder)
    self.assertEqual(shelf.names, {'b.PNG', 'old/a.jpg'})
    np.testing.assert_array_equal(
      shelf.read('b.PNG', 5, 1), pictures.read(self.folder / 'b.PNG', 5, 1)
    )

  @parameterized.parameters((np.stack([GREY] * 3), 1), (COLOURED[None], 3))
  def test_an_npz_has_them_by_number(self, images, colours):
    path = self.folder / 'all.npz'
    np.savez(path, images=images)
    shelf = pictures.shelf(path)
    self.assertEqual(shelf.names, set(map(str, range(len(images)))))
    self.assertEqual(shelf.read('0', 5).shape, (5, 5, colours))
    self.assertEqual(shelf.read('0', 5, 3).shape, (5, 5, 3))

  @parameterized.parameters(
    ({'image': GREY[None]}, "Unknown array 'images'. Did you mean 'image'"),
    ({'images': GREY}, r'all.npz are \[6, 4\] of uint8'),
    ({'images': GREY[None].astype(np.float32)}, 'of float32'),
    ({'images': np.zeros((2, 4, 4, 2), np.uint8)}, r'\[2, 4, 4, 2\]'),
    ({'images': np.zeros((0, 4, 4), np.uint8)}, r'\[0, 4, 4, 1\]'),
  )
  def test_other_arrays_are_a_sentence(self, arrays, words):
    path = self.folder / 'all.npz'
    np.savez(path, **arrays)
    with self.assertRaisesRegex(errors.UserError, words):
      pictures.shelf(path)

  def test_a_place_without_pictures_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, 'has none'):
      pictures.shelf(self.folder)
    with self.assertRaisesRegex(errors.UserError, 'no/such is neither'):
      pictures.shelf('no/such')


if __name__ == '__main__':
  absltest.main()
