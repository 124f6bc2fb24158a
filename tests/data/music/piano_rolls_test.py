"""Piano rolls from MATLAB files, what is wrong with them, and moves of them."""

import gzip
import io

import folder_case
import numpy as np
from absl.testing import absltest, parameterized
from scipy import io as scipy_io

from seqjax import data, errors
from seqjax.data.music import piano_rolls


def piece(frames, seed=0):
  random = np.random.default_rng(seed)
  return (random.random((frames, 88)) < 0.05).astype(np.uint8)


def variables(**changed):
  """traindata, validdata and testdata with 3, 2 and 1 pieces."""
  found = {}
  for part, size in (('traindata', 3), ('validdata', 2), ('testdata', 1)):
    found[part] = np.empty((1, size), object)
    for i in range(size):
      found[part][0, i] = piece(5 + 4 * i, seed=size)
  return found | changed


def one(array):
  """A cell array with two pieces, of which the second is given."""
  cells = np.empty((1, 2), object)
  cells[0, 0], cells[0, 1] = piece(4), array
  return cells


class MatFileTest(folder_case.FolderTestCase):
  def save(self, name='music.mat', compressed=True, **changed):
    content = io.BytesIO()
    scipy_io.savemat(content, variables(**changed), do_compression=compressed)
    return self.write(name, content.getvalue())

  @parameterized.parameters(False, True)
  def test_it_reads_what_was_saved(self, compressed):
    parts = piano_rolls.mat_file(self.save(compressed=compressed))
    self.assertEqual(tuple(parts), piano_rolls.PARTS)
    for part, rolls in parts.items():
      expected = variables()[f'{part}data'][0]
      self.assertEqual(rolls.name, f'music.mat {part}data')
      self.assertLen(rolls.pieces, len(expected))
      for found, saved in zip(rolls.pieces, expected, strict=True):
        np.testing.assert_array_equal(found, saved)
        self.assertEqual(found.dtype, np.uint8)

  def test_columns_of_cells_and_other_types_are_the_same(self):
    expected = piano_rolls.mat_file(self.save())
    cells = variables()['traindata'].reshape(3, 1)
    for i, dtype in enumerate((bool, np.float64, np.int16)):
      cells[i, 0] = cells[i, 0].astype(dtype)
    path = self.save('other.mat', traindata=cells)
    path = self.write('other.mat.gz', gzip.compress(path.read_bytes()))
    found = piano_rolls.mat_file(path)
    self.assertEqual(found['train'].sha256, expected['train'].sha256)

  def test_the_hash_is_of_the_notes_and_of_where_pieces_end(self):
    whole = piece(8)
    cuts = ([whole], [whole[:4], whole[4:]], [whole[:3], whole[3:]])
    hashes = {piano_rolls.collect(x, 'music').sha256 for x in cuts}
    moved = piano_rolls.collect([piano_rolls.transpose(whole, 1)], 'music')
    self.assertLen(hashes | {moved.sha256}, 4)

  @parameterized.named_parameters(
    ('width', piece(4)[:, :87], 'piece 2 of m.mat validdata: .* 4 x 87'),
    ('two', np.eye(3, 88) * 2, 'got 2.0 in frame 1, note 1'),
    ('nan', np.full((3, 88), np.nan), 'expected 0 or 1, got nan'),
    ('text', 'do re mi', 'a matrix n x 88, got'),
    ('short', piece(1), 'at least 2 frames.* got 1'),
    ('empty', np.zeros((0, 88)), 'at least 2 frames.* got 0'),
  )
  def test_a_wrong_piece_is_named(self, array, words):
    path = self.save('m.mat', validdata=one(array))
    with self.assertRaisesRegex(errors.UserError, words):
      piano_rolls.mat_file(path)

  def test_other_variables_are_named(self):
    for changed, words in (
      ({'testdata': piece(4)}, 'testdata as a cell array.* 4 x 88 of uint8'),
      ({'testdata': np.empty((1, 0), object)}, 'testdata has none'),
    ):
      with self.assertRaisesRegex(errors.UserError, words):
        piano_rolls.mat_file(self.save(**changed))
    content = io.BytesIO()
    scipy_io.savemat(content, {'train_data': one(piece(4))})
    path = self.write('names.mat', content.getvalue())
    with self.assertRaisesRegex(
      errors.UserError, "'traindata'. Did you mean 'train_data'"
    ):
      piano_rolls.mat_file(path)

  def test_what_is_no_matlab_file_is_one_sentence(self):
    whole = self.save().read_bytes()
    contents = (
      b'',
      b'time,value\n1,2\n' * 20,
      whole[:200],
      whole[:-9],
      # As MATLAB begins a file of version 7.3, which is HDF5 from there on.
      b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM' + b'\x89HDF' * 99,
    )
    for content in contents:
      with self.assertRaisesRegex(errors.UserError, r'of version 5, but .*\.'):
        piano_rolls.mat_file(self.write('wrong.mat', content))
    with self.assertRaisesRegex(errors.UserError, 'did you mean .*wrong.mat'):
      piano_rolls.mat_file(self.folder / 'wrongs.mat')


class MovesTest(parameterized.TestCase):
  def test_excerpts_predict_every_frame_but_the_first_once(self):
    pieces = [piece(n, seed=n) for n in (2, 6, 7, 8, 19)]
    for size in (1, 3, 6, 100):
      parts = piano_rolls.excerpts(pieces, size)
      self.assertBetween(max(len(x) for x in parts), 2, size + 1)
      self.assertGreaterEqual(min(len(x) for x in parts), 2)
      np.testing.assert_array_equal(
        np.concatenate([x[1:] for x in parts]),
        np.concatenate([x[1:] for x in pieces]),
      )
      np.testing.assert_array_equal(
        np.concatenate([x[:-1] for x in parts]),
        np.concatenate([x[:-1] for x in pieces]),
      )

  @parameterized.parameters((5, 5), (-5, -5), (60, 47), (-60, -20), (0, 0))
  def test_a_piece_is_moved_as_far_as_the_keyboard_goes(self, by, expected):
    roll = np.zeros((3, 88), np.uint8)
    roll[[0, 1, 2], [20, 33, 40]] = 1
    found = np.nonzero(piano_rolls.transpose(roll, by))
    np.testing.assert_array_equal(found[0], [0, 1, 2])
    np.testing.assert_array_equal(found[1], np.array([20, 33, 40]) + expected)

  def test_silence_stays_silent(self):
    self.assertFalse(piano_rolls.transpose(np.zeros((3, 88)), 4).any())

  def batches(self, data_seed=0, semitones=3):
    pieces = [piece(n, seed=n)[:, 20:60] for n in (5, 6, 7)]
    pieces = [np.pad(x, ((0, 0), (20, 28))) for x in pieces]
    inputs = [x[:-1] for x in pieces]
    plan = data.Buckets([len(x) for x in inputs], 2, 2)
    plain = data.step_batches(inputs, [x[1:] for x in pieces], plan)
    return plain, piano_rolls.transposed(plain, semitones, data_seed)

  def moves(self, data_seed=0, semitones=3, num_batches=40):
    """How far each row was moved; inputs and targets must agree."""
    plain, moved = self.batches(data_seed, semitones)
    found = []
    for index in range(num_batches):
      before, after = plain(index), moved(index)
      np.testing.assert_array_equal(before.mask, after.mask)
      for row in np.flatnonzero(before.mask.any(axis=0)):
        by = [
          k
          for k in range(-semitones, semitones + 1)
          if np.array_equal(
            np.roll(before.inputs[:, row], k, axis=1), after.inputs[:, row]
          )
          and np.array_equal(
            np.roll(before.targets[:, row], k, axis=1), after.targets[:, row]
          )
        ]
        self.assertLen(by, 1)
        found += by
    return found

  def test_every_row_is_moved_by_a_number_of_its_own(self):
    moves = self.moves()
    counts = np.bincount(np.array(moves) + 3, minlength=7)
    self.assertEqual(len(counts), 7)
    self.assertGreater(counts.min(), 0)
    # Two rows of one batch differ in most batches.
    _, moved = self.batches()
    self.assertNotEqual(moves[::2], moves[1::2])

  def test_moves_are_a_function_of_seed_and_index(self):
    self.assertEqual(self.moves(), self.moves())
    self.assertNotEqual(self.moves(), self.moves(data_seed=1))
    _, moved = self.batches()
    later, again = moved(7), moved(7)
    np.testing.assert_array_equal(later.inputs, again.inputs)


if __name__ == '__main__':
  absltest.main()
