"""Tests for seqjax.array_files: writing."""

import json
import os
from unittest import mock

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from array_folder import ENDINGS, FileTest

from seqjax import array_files, errors


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
