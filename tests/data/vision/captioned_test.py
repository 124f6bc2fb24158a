"""Captions and their pictures: what is read, and what is refused."""

import folder_case
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

from seqjax import errors
from seqjax.data import buckets
from seqjax.data.vision import captioned

RNG = np.random.RandomState(0)
PICTURES = RNG.randint(1, 256, (5, 4, 4, 3)).astype(np.uint8)
CSV = """image,caption
2.png,A dog .
10.png,"A cat, asleep"
2.png,Two dogs .
"""


class ReadTest(folder_case.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.pictures = self.folder / 'images'
    self.pictures.mkdir()
    for name, pixels in (
      ('2', PICTURES[0]),
      ('10', PICTURES[1]),
      ('grey', PICTURES[2, ..., 0]),
    ):
      Image.fromarray(pixels).save(self.pictures / f'{name}.png')

  def read(self, size=4, **texts):
    paths = {
      part: str(self.write(f'{part}.csv', text)) for part, text in texts.items()
    }
    return captioned.read(self.pictures, paths, size)

  def test_several_captions_of_a_picture_stand_together(self):
    train = self.read(train=CSV)['train']
    self.assertEqual(train.names, ('2.png', '10.png'))
    self.assertEqual(
      train.captions, (('A dog .', 'Two dogs .'), ('A cat, asleep',))
    )
    np.testing.assert_array_equal(train.pictures, PICTURES[:2])
    (note,) = train.notes
    self.assertIn('without a caption, left out: 1, the first grey.png', note)

  def test_the_file_of_flickr8k_is_a_table(self):
    path = self.write('captions.txt', CSV)
    found = captioned.read(self.pictures, {'train': str(path)}, 4)['train']
    self.assertEqual(found.sha256, self.read(train=CSV)['train'].sha256)

  def test_a_grey_picture_among_coloured_ones_is_said(self):
    grey = 'image,caption\ngrey.png,fog\n'
    found = self.read(train=CSV, test=grey)['test']
    self.assertEqual(
      found.notes,
      (
        'Pictures of test grey among coloured ones, read as coloured: 1 of 1, '
        'the first grey.png.',
      ),
    )
    for colour in range(3):
      np.testing.assert_array_equal(
        found.pictures[0, ..., colour], PICTURES[2, ..., 0]
      )
    alone = self.read(train=grey)['train']
    self.assertEqual(alone.pictures.shape, (1, 4, 4, 1))
    self.assertNotIn('grey among', ' '.join(alone.notes))

  def test_what_was_done_to_pictures_is_said_of_each_part(self):
    alpha = np.full((4, 4, 1), 99, np.uint8)
    clear = np.concatenate([PICTURES[3], alpha], axis=-1)
    Image.fromarray(clear).save(self.pictures / 'clear.png')
    (self.pictures / 'notes.pdf').write_text('None of the table.')
    table = 'image,caption\nclear.png,glass\n'
    found = self.read(size=3, train=CSV, valid=table)
    size = '3 x 3: {} of {}, the first {}.png, from 4 x 4.'
    self.assertEqual(
      found['train'].notes[0],
      f'Pictures of train scaled to {size.format(2, 2, 2)}',
    )
    self.assertEqual(
      found['valid'].notes,
      (
        'Pictures of valid transparent, laid on white: 1 of 1, the first '
        'clear.png.',
        f'Pictures of valid scaled to {size.format(1, 1, "clear")}',
      ),
    )

  def test_an_npz_is_read_by_number(self):
    path = self.folder / 'all.npz'
    np.savez(path, images=PICTURES)
    table = self.write('a.tsv', 'caption\timage\nlast\t4\nfirst\t0\n')
    found = captioned.read(path, {'train': str(table)}, 4)['train']
    np.testing.assert_array_equal(found.pictures, PICTURES[[0, 4]])
    self.assertEqual(found.captions, (('first',), ('last',)))

  @parameterized.named_parameters(
    ('missing', '2.png,a\nx.png,b\ny.png,c', '2 of 3 .* of x.png, .*line 3'),
    ('empty', '2.png,a\n10.png, ', 'train.csv, line 3: expected a caption'),
    ('cells', '2.png,a,b', 'line 2: expected 2 cells'),
    ('none', '', 'expected a text per row'),
  )
  def test_a_table_that_does_not_fit_is_a_sentence(self, rows, words):
    with self.assertRaisesRegex(errors.UserError, words):
      self.read(train=f'image,caption\n{rows}\n')

  def test_a_column_that_is_not_there_is_a_sentence(self):
    with self.assertRaisesRegex(errors.UserError, "Unknown column 'image'"):
      self.read(train='file,caption\n2.png,a\n')

  def test_a_picture_in_two_parts_is_a_sentence(self):
    with self.assertRaisesRegex(
      errors.UserError, '1 of test are in train as well; the first is 10.png'
    ):
      self.read(train=CSV, test='image,caption\n10.png,A cat\ngrey.png,fog\n')

  def test_a_damaged_picture_is_named(self):
    (self.pictures / '10.png').write_bytes(b'x')
    with self.assertRaisesRegex(errors.UserError, 'images/10.png cannot'):
      self.read(train=CSV)


def whole():
  captions = [['a', 'b c'], ['d'], ['e'], ['f'], ['g']]
  return captioned.collect(PICTURES, captions, 'vwxyz', 'five', ['Said.'])


class PartsTest(absltest.TestCase):
  def test_the_hash_is_of_pixels_and_captions(self):
    other = PICTURES.copy()
    other[4, 3, 3, 2] ^= 1
    five = whole()
    made = {
      captioned.collect(*x, five.names, 'other').sha256
      for x in (
        (PICTURES, five.captions),
        (other, five.captions),
        (PICTURES.reshape(5, 4, 2, 6), five.captions),
        (PICTURES, [['a b', 'c'], *five.captions[1:]]),
      )
    }
    self.assertLen(made, 4)
    self.assertIn(five.sha256, made)

  def test_what_is_held_out_keeps_its_captions(self):
    rest, held_out = captioned.hold_out(whole(), 0.4, data_seed=1)
    self.assertLen(rest.names, 3)
    self.assertLen(held_out.names, 2)
    self.assertEqual((rest.notes, held_out.notes), (('Said.',), ()))
    for part in (rest, held_out):
      for i, name in enumerate(part.names):
        place = 'vwxyz'.index(name)
        self.assertEqual(part.captions[i], whole().captions[place])
        np.testing.assert_array_equal(part.pictures[i], PICTURES[place])
    self.assertCountEqual(rest.names + held_out.names, 'vwxyz')

  def test_one_picture_cannot_be_parted(self):
    with self.assertRaisesRegex(errors.UserError, 'cannot hold out'):
      captioned.hold_out(captioned.take(whole(), [0], 'one'), 0.1)


class CaptionBatchesTest(absltest.TestCase):
  def test_each_caption_stands_beside_its_picture(self):
    owners = [0, 0, 3]
    targets = [np.array(x, np.int32) for x in ([7, 8], [9], [4, 5, 6])]
    plan = buckets.Buckets([3, 2, 4], 2, 1, shuffle=False)
    batches = captioned.caption_batches(PICTURES, owners, targets, 10, plan)
    first, second = batches(0), batches(1)
    np.testing.assert_array_equal(first.inputs.pictures, PICTURES[[0, 0]])
    np.testing.assert_array_equal(
      first.inputs.written.T, [[10, 7, 8, 0], [10, 9, 0, 0]]
    )
    np.testing.assert_array_equal(
      first.targets.T, [[7, 8, 10, 0], [9, 10, 0, 0]]
    )
    np.testing.assert_array_equal(first.mask.sum(axis=0), [3, 2])
    np.testing.assert_array_equal(first.weights, first.mask)
    np.testing.assert_array_equal(first.resets[:, 0], [1, 0, 0, 0])
    np.testing.assert_array_equal(second.inputs.pictures[0], PICTURES[3])
    self.assertFalse(second.inputs.pictures[1].any())
    self.assertFalse(second.weights[:, 1].any())


if __name__ == '__main__':
  absltest.main()
