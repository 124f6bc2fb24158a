"""Tests for seqjax.array_files: reading."""

import io
import zipfile
from unittest import mock

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from array_folder import ANYWHERE, ENDINGS, KERAS, PYTHON, TORCH, FileTest

from seqjax import array_files


class ReadTest(FileTest):
  @parameterized.product(
    ending=ENDINGS, name=('model.bin', 'model', 'model.npz', 'm.safetensors')
  )
  def test_the_content_decides(self, ending, name):
    data = self.content(ending, {'w': np.ones(2)})
    arrays = array_files.read(self.put(name, data)).arrays
    np.testing.assert_array_equal(arrays['w'], np.ones(2))

  def test_a_header_that_begins_as_a_pickle_does_is_safetensors(self):
    # The header's length is a multiple of 8; 0x80 is 128.
    data = self.content('.safetensors', {'w': np.ones(2)}, {'a': 'b' * 45})
    self.assertEqual(data[0], 0x80)
    array_files.read(self.put('weights.safetensors', data))

  def test_numpys_own_files_are_read(self):
    path = self.folder / 'weights.npz'
    fortran = np.asfortranarray([[1, 2], [3, 4]])
    for save in (np.savez, np.savez_compressed):
      save(path, w=np.ones(2), fortran=fortran)
      arrays, metadata = array_files.read(path)
      self.assertEqual(metadata, {})
      np.testing.assert_array_equal(arrays['w'], [1, 1])
      np.testing.assert_array_equal(arrays['fortran'], [[1, 2], [3, 4]])

  def test_a_file_that_holds_too_much_is_not_unpacked(self):
    path = self.folder / 'w.npz'
    halves = {'first': np.zeros(2**19, np.uint8), 'second': np.zeros(2**19)}
    self.enterContext(mock.patch.object(array_files, '_MAX_BYTES', 2**20))
    np.savez_compressed(path, **halves)
    with mock.patch.object(np.lib.npyio.NpzFile, '__getitem__') as unpack:
      self.refuses(path, 'more than 1,048,576 bytes are compressed in it')
    unpack.assert_not_called()
    np.savez_compressed(path, first=halves['first'])
    self.assertLen(array_files.read(path).arrays['first'], 2**19)
    np.savez(path, **halves)  # No more than the file has.
    self.assertLen(array_files.read(path).arrays, 2)

  def test_no_such_file(self):
    self.refuses(self.folder / 'w.npz', r'cannot read .*: No such file .*y\.$')
    self.put('weights.npz', b'')
    self.refuses(self.folder / 'wieghts.npz', r'Did you mean .*/weights\.npz\?')

  def test_no_such_folder(self):
    path = self.folder / 'none' / 'w.npz'
    self.refuses(path, r'cannot read .*There is no folder .*none\.$')

  def test_a_folder(self):
    self.refuses(self.folder, r'cannot read .*Is a directory\. Name a file in')

  def test_what_cannot_be_opened(self):
    path = self.put('w.npz', b'PK')
    with mock.patch('builtins.open', side_effect=PermissionError(13, 'Denied')):
      self.refuses(path, r'cannot read .*w\.npz: Denied\.$')
    self.refuses(path / 'inside', 'cannot read .*Not a directory')
    self.refuses(self.folder / ('w' * 999), 'cannot read .*name too long')

  @parameterized.parameters('w.npz', 'w.safetensors', 'w.pt')
  def test_an_empty_file(self, name):
    self.refuses(self.put(name, b''), 'expected a file of arrays, .*is empty')

  @parameterized.parameters(
    ('model.txt', ANYWHERE),
    ('model', ANYWHERE),
    ('model.pt', TORCH),
    ('model.pth', TORCH),
    ('model.bin', TORCH),
    ('model.CKPT', TORCH),
    ('model.h5', KERAS),
    ('model.hdf5', KERAS),
    ('model.keras', KERAS),
    ('model.pkl', PYTHON),
    ('model.pickle', PYTHON),
    ('model.joblib', PYTHON),
  )
  def test_neither_format(self, name, advice):
    other_zip = io.BytesIO()
    with zipfile.ZipFile(other_zip, 'w') as archive:
      archive.writestr('config.json', '{}')
    for data in (b'x', b'\x89HDF\r\n\x1a\n' + bytes(9), other_zip.getvalue()):
      self.refuses(
        self.put(name, data),
        r'expected a \.safetensors or \.npz file, but .* is neither\. '
        f'Save its arrays where it was made: {advice}\\.$',
      )

  @parameterized.parameters('w.npz', 'w.safetensors')
  def test_neither_format_by_a_name_that_promises_one(self, name):
    for data in (b'<html>', b'\xff' * 8 + b'{', b'PK'):
      self.refuses(
        self.put(name, data),
        r'is damaged, .*begins as neither \.safetensors nor \.npz.*fetch it',
      )

  @parameterized.parameters(*ENDINGS)
  def test_a_cut_file_however_much_is_left(self, ending):
    data = self.content(ending, {'w': np.ones((2, 3)), 'v': np.ones(2)})
    for size in range(1, len(data)):
      path = self.put(f'w{ending}', data[:size])
      self.refuses(path, r'damaged, cut short .*\(.+\): fetch')

  def test_a_flipped_bit_in_an_npz(self):
    data = self.content('.npz', {'w': np.arange(9.0)})
    at = data.index(np.arange(9.0).tobytes()) + 20
    data = data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :]
    self.refuses(self.put('w.npz', data), 'is damaged, .*Bad CRC-32')

  @parameterized.parameters(
    # What NumPy raises at each: TypeError, TokenError, MemoryError, none.
    (b"\x93NUMPY\1\0\x0e\0{1:2,'descr':3}", 'is damaged'),
    (b'\x93NUMPY\1\0\x0f\0{"descr": "<f4",', 'is damaged'),
    (
      b"\x93NUMPY\1\0\x45\0{'descr': '<f4', 'fortran_order': False, "
      b"'shape': (10000000000000000,)}  ",
      'is damaged',
    ),
    (b'no array', r'is damaged, .*w\.npy holds no array'),
  )
  def test_a_damaged_array_in_a_whole_zip(self, member, sentence):
    path = self.folder / 'w.npz'
    with zipfile.ZipFile(path, 'w') as archive:
      archive.writestr('w.npy', member)
    self.refuses(path, sentence)

  def test_an_error_without_words_is_named_by_its_type(self):
    path = self.put('w.npz', self.content('.npz', {'w': np.ones(2)}))
    with mock.patch.object(np, 'load', side_effect=EOFError):
      self.refuses(path, r'is damaged, .*\(EOFError\)')

  def test_no_arrays_at_all(self):
    np.savez(self.folder / 'w.npz')
    self.refuses(self.folder / 'w.npz', 'expected arrays .*there are none')
    np.savez(self.folder / 'w.npz', __metadata__='{}')
    self.refuses(self.folder / 'w.npz', 'expected arrays .*there are none')
    path = self.put('w.safetensors', b'\x02' + bytes(7) + b'{}')
    self.refuses(path, 'expected arrays .*there are none')

  @parameterized.parameters(
    (np.array(['a']), '<U1'),
    (np.array([b'a']), r'\|S1'),
    (np.array(['2020-01-01'], 'M8[D]'), r'datetime64\[D\]'),
    (np.array([1], 'm8[s]'), r'timedelta64\[s\]'),
    (np.array([(1, 2)], 'i4,i4'), r"\[\('f0', '<i4'\), \('f1', '<i4'\)\]"),
    (np.array([{}]), 'object'),
    (np.asarray(jnp.ones(2, jnp.bfloat16)), r'\|V2'),
  )
  def test_an_array_that_is_no_number(self, array, dtype):
    np.savez(self.folder / 'w.npz', fine=np.ones(2), odd=array)
    self.refuses(
      self.folder / 'w.npz',
      f"expected numbers in .*, but 'odd' has dtype {dtype}: leave it out",
    )

  def test_a_number_that_numpy_does_not_have(self):
    header = b'{"odd":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}'
    length = len(header).to_bytes(8, 'little')
    path = self.put('w.safetensors', length + header + b'0')
    self.refuses(path, "expected numbers in .*'odd' has dtype F8_E4M3")

  @parameterized.parameters('{"a": 1}', '["a"]', '3')
  def test_metadata_that_is_no_strings(self, text):
    np.savez(self.folder / 'w.npz', w=np.ones(2), __metadata__=text)
    self.refuses(self.folder / 'w.npz', 'expected strings by name as metadata')

  def test_metadata_that_is_no_json(self):
    np.savez(self.folder / 'w.npz', w=np.ones(2), __metadata__='{')
    self.refuses(self.folder / 'w.npz', 'is damaged')


if __name__ == '__main__':
  absltest.main()
