"""Pictures of files, and what there is to say against them."""

import os
from unittest import mock

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
    found = pictures.read(path, 4)
    np.testing.assert_array_equal(found.pixels, whole)
    self.assertEqual(found.remarks, {})
    found = pictures.read(path, 7)
    self.assertEqual(found.pixels.shape, (7, 7, colours))
    self.assertEqual(found.remarks, {'scaled to 7 x 7': ', from 4 x 4'})

  def test_all_of_a_picture_is_seen_whatever_its_shape(self):
    pixels = np.zeros((4, 40), np.uint8)
    pixels[:, :2] = pixels[:, -2:] = 255
    found = pictures.read(self.save('wide.png', pixels), 20).pixels[..., 0]
    self.assertEqual(found.shape, (20, 20))
    self.assertGreater(found[:, [0, -1]].min(), 100)
    self.assertLess(found[:, 3:-3].max(), 10)

  def test_colours_are_as_one_asks(self):
    grey, coloured = self.save('g.png', GREY), self.save('c.png', COLOURED)
    found = pictures.read(grey, 4, 3).pixels
    self.assertEqual(found.shape, (4, 4, 3))
    np.testing.assert_array_equal(found[..., 0], found[..., 2])
    found = pictures.read(coloured, 4, 1)
    self.assertEqual(found.pixels.shape, (4, 4, 1))
    self.assertIn('coloured, made grey', found.remarks)

  def test_what_a_camera_held_upright_is_upright(self):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turned a quarter.
    plain = self.save('a.png', COLOURED[:4])
    turned = self.save('b.png', COLOURED[:4], exif=exif)
    np.testing.assert_array_equal(
      pictures.read(turned, 4).pixels,
      np.rot90(pictures.read(plain, 4).pixels, -1),
    )

  @parameterized.parameters(('L', 1), ('RGB', 3))
  def test_what_is_transparent_is_laid_on_white(self, mode, colours):
    image = Image.fromarray(COLOURED[:4]).convert(mode)
    plain = np.asarray(image).reshape(4, 4, colours)
    alpha = np.full((4, 4), 255, np.uint8)
    alpha[0], alpha[1] = 0, 51
    image.putalpha(Image.fromarray(alpha))
    path = self.folder / 'clear.png'
    image.save(path)
    found = pictures.read(path, 4)
    self.assertEqual(found.remarks, {'transparent, laid on white': ''})
    self.assertEqual(found.pixels.shape, (4, 4, colours))
    self.assertTrue((found.pixels[0] == 255).all())
    blended = 0.2 * plain[1] + 0.8 * 255
    np.testing.assert_allclose(found.pixels[1], blended, atol=1)
    np.testing.assert_array_equal(found.pixels[2:], plain[2:])

  def test_an_opaque_picture_stays_as_it_is(self):
    image = Image.fromarray(COLOURED[:4])
    image.putalpha(255)
    path = self.folder / 'opaque.png'
    image.save(path)
    found = pictures.read(path, 4)
    self.assertEqual(found.remarks, {})
    np.testing.assert_array_equal(found.pixels, COLOURED[:4])

  @parameterized.parameters('P', '1')
  def test_one_colour_may_stand_for_transparent(self, mode):
    pixels = np.zeros((4, 4), np.uint8)
    pixels[2:] = 255
    image = Image.fromarray(pixels).convert(mode)
    path = self.folder / 'clear.png'
    image.save(path, transparency=0)
    found = pictures.read(path, 4)
    self.assertIn('transparent, laid on white', found.remarks)
    self.assertTrue((found.pixels == 255).all())

  def test_what_pillow_warns_of_is_a_remark(self):
    image = Image.fromarray(COLOURED[:4])
    path = self.folder / 'a.jpg'
    # A table of one entry, which is not there.
    image.save(path, exif=b'Exif\0\0II*\0\x08\0\0\0\1\0')
    (what,) = pictures.read(path, 4).remarks
    self.assertStartsWith(what, 'read with a warning (Corrupt EXIF data')

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

  @parameterized.parameters('LAB', 'CMYK', 'YCbCr')
  def test_other_colours_become_ours(self, mode):
    path = self.folder / 'a.tiff'
    data = (128).to_bytes() * 24 * (4 if mode == 'CMYK' else 3)
    Image.frombytes(mode, (4, 6), data).save(path)
    for colours in (1, 3):
      found = pictures.read(path, 5, colours).pixels
      self.assertEqual(found.shape, (5, 5, colours))

  @parameterized.parameters(20, 11)  # A warning of Pillow, and an error.
  def test_a_picture_too_large_is_a_sentence(self, most):
    path = self.save('large.png', GREY)
    with (
      mock.patch.object(Image, 'MAX_IMAGE_PIXELS', most),
      self.assertRaisesRegex(errors.UserError, f'at most {most} .*large.png'),
    ):
      pictures.read(path, 4)

  def test_what_was_written_is_read(self):
    for name, pixels in (('g', GREY[:4, :, None]), ('c', COLOURED[:4])):
      path = self.folder / 'samples' / f'{name}.png'
      pictures.write(path, pixels)
      np.testing.assert_array_equal(pictures.read(path, 4).pixels, pixels)


class ShelfTest(folder_case.FolderTestCase):
  def test_a_folder_has_the_pictures_of_its_folders(self):
    (self.folder / 'old').mkdir()
    for name in ('b.PNG', 'old/a.jpg'):
      Image.fromarray(COLOURED).save(self.folder / name)
    self.write('captions.csv', 'image,caption\n')
    shelf = pictures.shelf(self.folder)
    self.assertEqual(shelf.names, {'b.PNG', 'old/a.jpg'})
    np.testing.assert_array_equal(
      shelf.read('b.PNG', 5, 1).pixels,
      pictures.read(self.folder / 'b.PNG', 5, 1).pixels,
    )

  def test_what_is_no_picture_is_left_out_and_counted(self):
    Image.fromarray(COLOURED).save(self.folder / 'a.png')
    self.assertEqual(pictures.shelf(self.folder).notes, ())
    for name in ('a.pdf', 'a.txt', '._a.png', 'none'):
      self.write(name, 'x')
    os.mkfifo(self.folder / 'fifo.png')
    (self.folder / 'dangling.png').symlink_to('nothing')
    (self.folder / 'folder.png').mkdir()
    (self.folder / 'link.png').symlink_to('a.png')
    shelf = pictures.shelf(self.folder)
    self.assertEqual(shelf.names, {'a.png', 'link.png'})
    (note,) = shelf.notes
    self.assertIn('no pictures, left out: 6, the first ._a.png', note)

  @parameterized.parameters((np.stack([GREY] * 3), 1), (COLOURED[None], 3))
  def test_an_npz_has_them_by_number(self, images, colours):
    path = self.folder / 'all.npz'
    np.savez(path, images=images)
    shelf = pictures.shelf(path)
    self.assertEqual(shelf.names, set(map(str, range(len(images)))))
    self.assertEqual(shelf.read('0', 5).pixels.shape, (5, 5, colours))
    self.assertEqual(shelf.read('0', 5, 3).pixels.shape, (5, 5, 3))

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
