"""Tests for seqjax.exchange.array_files."""

import io
import json
import os
import pathlib
import pickle
import tempfile
import zipfile
from unittest import mock

import jax.numpy as jnp
import numpy as np
import pytest
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.exchange import array_files

ENDINGS = ('.safetensors', '.npz')
TORCH = (
  r'in torch, safetensors\.torch\.save_file\(model\.state_dict\(\), '
  r"'weights\.safetensors'\)"
)
KERAS = (
  r"in Keras, np\.savez\('weights\.npz', "
  r'\*\*\{w\.path: w for w in model\.weights\}\)'
)
PYTHON = r"in Python, np\.savez\('weights\.npz', \*\*arrays\)"
ANYWHERE = f'{TORCH}; {KERAS}; {PYTHON}'


class Trap:
  """Makes a folder when it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.mkdir, (str(self.path),)


class FileTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))

  def put(self, name, data):
    path = self.folder / name
    path.write_bytes(data)
    return path

  def content(self, ending, arrays, metadata=None):
    path = self.folder / f'content{ending}'
    array_files.write(path, arrays, metadata or {})
    data = path.read_bytes()
    path.unlink()
    return data

  def refuses(self, path, sentence):
    with self.assertRaisesRegex(errors.UserError, sentence) as caught:
      array_files.read(path)
    self.assertIn(str(path), str(caught.exception))


class RoundTripTest(FileTest):
  @parameterized.product(
    ending=(*ENDINGS, '.NPZ'),
    dtype=('float64', 'float32', 'float16', '>f4', 'int8', 'uint64', 'bool'),
    shape=((), (0, 3), (5,), (2, 3, 4)),
  )
  def test_values_shapes_and_dtypes_come_back(self, ending, dtype, shape):
    array = np.random.default_rng(0).integers(0, 99, shape).astype(dtype)
    path = self.folder / f'weights{ending}'
    array_files.write(path, {'w': array})
    got = array_files.read(path).arrays['w']
    self.assertEqual(got.dtype.newbyteorder('='), array.dtype.newbyteorder('='))
    np.testing.assert_array_equal(got, array, strict=dtype != '>f4')
    self.assertTrue(got.flags.writeable)

  @parameterized.parameters(*ENDINGS)
  def test_a_transpose_and_a_slice_come_back(self, ending):
    square = np.arange(24.0).reshape(4, 6)
    arrays = {'transpose': square.T, 'slice': square[::-2, 1::3]}
    path = self.folder / f'weights{ending}'
    array_files.write(path, arrays)
    got = array_files.read(path).arrays
    for name, array in arrays.items():
      np.testing.assert_array_equal(got[name], array)

  @parameterized.parameters(*ENDINGS)
  def test_any_name_comes_back(self, ending):
    names = ['file', 'allow_pickle', 'w', 'w.npy', '', 'a/b.c', '/a', 'Gewöhn']
    arrays = {name: np.full(2, i) for i, name in enumerate(names)}
    path = self.folder / f'weights{ending}'
    array_files.write(path, arrays)
    got = array_files.read(path).arrays
    self.assertCountEqual(got, names)
    for i, name in enumerate(names):
      np.testing.assert_array_equal(got[name], [i, i])

  @parameterized.parameters(*ENDINGS)
  def test_metadata_comes_back(self, ending):
    path = self.folder / f'weights{ending}'
    for metadata in ({}, {'cell': 'lstm', 'naïve': '"\n'}):
      array_files.write(path, {'w': np.ones(2)}, metadata)
      arrays, got = array_files.read(path)
      self.assertEqual(got, metadata)
      self.assertEqual(list(arrays), ['w'])

  def test_metadata_in_an_npz_is_the_json_of_an_array(self):
    path = self.folder / 'weights.npz'
    array_files.write(path, {'w': np.ones(2)}, {'cell': 'gru'})
    with np.load(path) as archive:
      self.assertEqual(archive['__metadata__'].shape, ())
      self.assertEqual(
        json.loads(str(archive['__metadata__'])), {'cell': 'gru'}
      )
    array_files.write(path, {'w': np.ones(2)})
    with np.load(path) as archive:
      self.assertEqual(archive.files, ['w'])

  def test_bfloat16_comes_back_from_safetensors(self):
    path = self.folder / 'weights.safetensors'
    array = np.asarray(jnp.asarray([1.5, -2.0], jnp.bfloat16))
    array_files.write(path, {'w': array})
    np.testing.assert_array_equal(
      array_files.read(path).arrays['w'], array, strict=True
    )

  @parameterized.parameters(*ENDINGS)
  def test_arrays_of_jax_are_written(self, ending):
    path = self.folder / f'weights{ending}'
    array_files.write(path, {'w': jnp.arange(3)})
    np.testing.assert_array_equal(array_files.read(path).arrays['w'], [0, 1, 2])

  @parameterized.parameters(*ENDINGS)
  def test_the_same_arrays_give_the_same_bytes(self, ending):
    arrays = {'b': np.zeros(3), 'a': np.ones((2, 3))}
    with mock.patch('time.time', return_value=1e9):
      first = self.content(ending, arrays, {'cell': 'lstm'})
    self.assertEqual(first, self.content(ending, arrays, {'cell': 'lstm'}))

  @parameterized.parameters(*ENDINGS)
  def test_what_is_read_is_no_view_of_the_file(self, ending):
    path = self.folder / f'weights{ending}'
    array_files.write(path, {'w': np.ones(1000)})
    got = array_files.read(path).arrays['w']
    with open(path, 'r+b') as file:
      file.write(bytes(path.stat().st_size))
    np.testing.assert_array_equal(got, np.ones(1000))

  def test_a_tilde_is_the_home_folder(self):
    with mock.patch.dict(os.environ, HOME=str(self.folder)):
      array_files.write('~/weights.npz', {'w': np.ones(2)})
      array_files.read('~/weights.npz')
    self.assertEqual(os.listdir(self.folder), ['weights.npz'])


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


class PickleTest(FileTest):
  def setUp(self):
    super().setUp()
    self.sprung = self.folder / 'sprung'
    self.trap = Trap(self.sprung)
    self.addCleanup(lambda: self.assertFalse(self.sprung.exists()))

  @parameterized.product(
    name=(
      ('model.pt', TORCH),
      ('model.bin', TORCH),
      ('model.pkl', PYTHON),
      ('model.joblib', PYTHON),
      ('model.safetensors', ANYWHERE),
      ('model.npz', ANYWHERE),
      ('model', ANYWHERE),
    ),
    protocol=(2, 3, 4, 5),
  )
  def test_a_pickle_is_refused_unopened(self, name, protocol):
    name, advice = name
    path = self.put(name, pickle.dumps(self.trap, protocol))
    self.refuses(
      path,
      r'expected a \.safetensors or \.npz file, but .* is a pickle, which may '
      rf'run any code when it is opened\. Save its .*: {advice}\.$',
    )

  @parameterized.parameters(0, 1)
  def test_an_old_pickle_is_refused_by_its_ending(self, protocol):
    path = self.put('model.pkl', pickle.dumps(self.trap, protocol))
    self.refuses(path, rf'is neither.*: {PYTHON}\.$')

  @parameterized.parameters('model.pt', 'model.npz', 'model.safetensors')
  def test_the_zip_of_torch_is_refused_unopened(self, name):
    path = self.folder / name
    with zipfile.ZipFile(path, 'w') as archive:
      archive.writestr('archive/data.pkl', pickle.dumps(self.trap))
      archive.writestr('archive/data/0', bytes(8))
    with mock.patch.object(zipfile.ZipFile, 'open') as opened:
      self.refuses(path, rf'is a pickle, .*: {TORCH}\.$')
    opened.assert_not_called()

  def test_a_pickle_inside_an_npz_is_not_opened(self):
    path = self.folder / 'w.npz'
    np.savez(path, w=np.array([self.trap], object))
    self.refuses(path, "'w' has dtype object")
    with zipfile.ZipFile(path, 'w') as archive:
      archive.writestr('w.npy', pickle.dumps(self.trap))
    self.refuses(path, r'w\.npy holds no array')

  @parameterized.parameters(True, False)
  def test_what_torch_saves_is_refused_and_its_advice_works(self, is_zip):
    torch = pytest.importorskip('torch')
    model = torch.nn.GRU(3, 4)
    for name in ('model.pt', 'model.safetensors'):
      path = self.folder / name
      torch.save(
        model.state_dict(), path, _use_new_zipfile_serialization=is_zip
      )
      self.refuses(path, f'is a pickle, .*{TORCH}')

    import safetensors.torch

    safetensors.torch.save_file(model.state_dict(), path)
    arrays = array_files.read(path).arrays
    self.assertCountEqual(arrays, model.state_dict())
    for name, tensor in model.state_dict().items():
      np.testing.assert_array_equal(arrays[name], tensor.numpy(), strict=True)


class WriteTest(FileTest):
  def refuses_to_write(self, path, sentence, arrays=None, metadata=None):
    arrays = {'w': np.ones(2)} if arrays is None else arrays
    before = sorted(os.listdir(self.folder))
    with self.assertRaisesRegex(errors.UserError, sentence):
      array_files.write(path, arrays, metadata or {})
    self.assertEqual(sorted(os.listdir(self.folder)), before)

  @parameterized.parameters(
    ('w.pt', r"Unknown ending '\.pt'\. Known: \.npz, \.safetensors\."),
    ('w', r"Unknown ending ''"),
    ('w.safetensor', r"Did you mean '\.safetensors'"),
  )
  def test_an_unknown_ending(self, name, sentence):
    self.refuses_to_write(self.folder / name, sentence)

  @parameterized.parameters(*ENDINGS)
  def test_where_nothing_can_be_written(self, ending):
    path = self.folder / 'none' / f'w{ending}'
    sentence = r'cannot write .*There is no folder .*none\.$'
    self.refuses_to_write(path, sentence)
    path = self.folder / f'folder{ending}'
    path.mkdir()
    self.refuses_to_write(
      path, r'cannot write .*: Is a directory\. Name a file'
    )
    path = self.put('file', b'') / f'w{ending}'
    self.refuses_to_write(path, 'cannot write .*: Not a directory')

  @parameterized.parameters(*ENDINGS)
  def test_a_full_disk_leaves_the_old_file(self, ending):
    path = self.folder / f'w{ending}'
    array_files.write(path, {'w': np.zeros(2)})
    with mock.patch.object(os, 'fsync', side_effect=OSError(28, 'Disk full')):
      self.refuses_to_write(path, r'cannot write .*: Disk full\.$')
    np.testing.assert_array_equal(array_files.read(path).arrays['w'], [0, 0])

  @parameterized.parameters(*ENDINGS)
  def test_no_arrays_at_all(self, ending):
    path = self.folder / f'w{ending}'
    self.refuses_to_write(path, 'expected arrays .*none', arrays={})

  @parameterized.product(
    ending=ENDINGS, array=(['a'], [None], np.ones(2, jnp.float8_e4m3fn))
  )
  def test_an_array_that_is_no_number(self, ending, array):
    path = self.folder / f'w{ending}'
    self.refuses_to_write(path, "'odd' has dtype", arrays={'odd': array})

  def test_a_number_that_the_format_does_not_have(self):
    bfloat16 = {'w': jnp.ones(2, jnp.bfloat16)}
    sentence = r"cannot write .*'w' is bfloat16, .*Write \.safetensors, or"
    self.refuses_to_write(self.folder / 'w.npz', sentence, bfloat16)
    sentence = r'cannot write .*complex128.*Convert it, or write \.npz\.'
    path = self.folder / 'w.safetensors'
    self.refuses_to_write(path, sentence, {'w': np.ones(2, complex)})

  @parameterized.parameters(*ENDINGS)
  def test_an_array_by_the_name_of_the_metadata(self, ending):
    path = self.folder / f'w{ending}'
    arrays = {'__metadata__': np.ones(2)}
    self.refuses_to_write(path, "'__metadata__' is what .*rename", arrays)

  @parameterized.parameters(*ENDINGS)
  def test_metadata_that_is_no_strings(self, ending):
    path = self.folder / f'w{ending}'
    sentence = r"expected strings by name as metadata of .*, got \{'a': 1\}"
    self.refuses_to_write(path, sentence, metadata={'a': 1})


if __name__ == '__main__':
  absltest.main()
