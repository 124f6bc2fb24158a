import collections
import errno
import json
import logging
import os
import pathlib
import shutil
import tempfile
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.training import checkpoint_format, orbax_manager

_STEP = 7


def _arrays():
  """More than orbax would inline, so that there are files of all kinds."""
  rng = np.random.default_rng(3)
  return {
    'w': rng.normal(size=(40, 30)).astype(np.float32),
    'b': rng.normal(size=5).astype(jnp.bfloat16),
  }


def _write(directory, step=_STEP, arrays=None, keep=2):
  arrays = _arrays() if arrays is None else arrays
  checkpoint_format.write(directory, step, arrays, fingerprint='f', keep=keep)


def _read(directory, step=_STEP, expected=None, fingerprint='f'):
  expected = _arrays() if expected is None else expected
  return checkpoint_format.read(
    directory, step, expected, fingerprint=fingerprint
  )


def _files(directory):
  return sorted(p for p in directory.rglob('*') if p.is_file())


class _FolderTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.directory = pathlib.Path(folder.name, 'checkpoints')


class WriteReadTest(_FolderTest):
  def test_each_process_of_several_writes_all_of_it(self):
    with (
      mock.patch.object(jax, 'process_count', lambda: 2),
      mock.patch.object(jax, 'process_index', lambda: 1),
    ):
      _write(self.directory)
      found = _read(self.directory)
    for name, array in _arrays().items():
      self.assertEqual(found[name].tobytes(), array.tobytes())

  @parameterized.parameters(
    'float32', 'bfloat16', 'float64', 'int32', 'uint32', 'int64', 'bool'
  )
  def test_every_dtype_and_rank_comes_back_bit_for_bit(self, dtype):
    rng = np.random.default_rng(0)
    shapes = {'a': (3, 4), 'b': (), 'c': (0, 2), 'd': (5,)}
    arrays = {'odd': np.ones(1, bool)}  # So that the next lie unaligned.
    for name, shape in shapes.items():
      arrays[name] = (100 * rng.normal(size=shape)).astype(dtype)
    arrays['transposed'] = arrays['a'].T
    _write(self.directory, arrays=arrays)
    found = _read(self.directory, expected=arrays)
    for name, array in arrays.items():
      self.assertEqual(found[name].dtype, array.dtype)
      self.assertEqual(found[name].shape, array.shape)
      self.assertEqual(found[name].tobytes(), array.tobytes())
      self.assertTrue(found[name].flags.writeable)
      self.assertTrue(found[name].flags.aligned)

  def test_nan_payloads_and_negative_zero_survive(self):
    bits = np.array([0x7FC00001, 0xFFC12345, 0x80000000], np.uint32)
    arrays = {'w': bits.view(np.float32)}
    _write(self.directory, arrays=arrays)
    found = _read(self.directory, expected=arrays)
    np.testing.assert_array_equal(found['w'].view(np.uint32), bits)

  def test_a_compressed_array_is_read_as_well(self):
    arrays = {'w': np.zeros(10_000, np.float32) + 1}
    _write(self.directory, arrays=arrays)
    plain = sum(p.stat().st_size for p in _files(self.directory))
    self.assertGreater(plain, arrays['w'].nbytes)
    as_once = {
      'state': ocp.PyTreeCheckpointHandler(use_ocdbt=False),
      'meta': ocp.JsonCheckpointHandler(),
    }
    with mock.patch.object(orbax_manager, '_handlers', lambda _: as_once):
      _write(self.directory / 'old', arrays=arrays)
    old = sum(p.stat().st_size for p in _files(self.directory / 'old'))
    self.assertLess(old, plain / 4)
    found = _read(self.directory / 'old', expected=arrays)
    np.testing.assert_array_equal(found['w'], arrays['w'])

  def test_only_the_newest_stay(self):
    for step in 1, 2, 10, 11:
      _write(self.directory, step, keep=3)
    self.assertCountEqual(os.listdir(self.directory), ['2', '10', '11'])

  def test_the_remains_of_a_killed_write_are_removed_by_the_next(self):
    remains = self.directory / f'5{checkpoint_format.TEMPORARY}' / 'state'
    remains.mkdir(parents=True)
    (remains / 'data').write_bytes(b'123')
    _write(self.directory)
    self.assertEqual(os.listdir(self.directory), [str(_STEP)])

  def test_remove_temporaries_leaves_what_is_whole(self):
    checkpoint_format.remove_temporaries(self.directory)  # Missing: nothing.
    (self.directory / f'5{checkpoint_format.TEMPORARY}').mkdir(parents=True)
    (self.directory / '4').mkdir()
    checkpoint_format.remove_temporaries(self.directory)
    self.assertEqual(os.listdir(self.directory), ['4'])

  def test_every_file_and_folder_is_fsynced(self):
    synced, fsync = set(), os.fsync

    def record(descriptor):
      synced.add(os.readlink(f'/proc/self/fd/{descriptor}'))
      fsync(descriptor)

    with mock.patch.object(os, 'fsync', record):
      _write(self.directory)
    step = self.directory / str(_STEP)
    folders = [p for p in step.rglob('*') if p.is_dir()]
    needed = [*_files(step), *folders, step, step.parent, step.parent.parent]
    self.assertContainsSubset(map(os.path.realpath, needed), synced)

  def test_reading_changes_nothing_on_disk(self):
    _write(self.directory)
    (self.directory / f'5{checkpoint_format.TEMPORARY}').mkdir()
    before = sorted(self.directory.rglob('*'))
    _read(self.directory)
    self.assertEqual(sorted(self.directory.rglob('*')), before)

  def test_orbax_does_not_log(self):
    with self.assertNoLogs(logging.getLogger('absl'), logging.INFO):
      _write(self.directory)
      _read(self.directory)


class DoesNotFitTest(_FolderTest):
  def setUp(self):
    super().setUp()
    _write(self.directory)

  def _sentence(self, **kwargs):
    with self.assertRaises(errors.UserError) as caught:
      _read(self.directory, **kwargs)
    return str(caught.exception)

  def test_another_fingerprint(self):
    self.assertIn('is f, expected g', self._sentence(fingerprint='g'))

  def test_the_state_of_another_run_is_not_even_read(self):
    shutil.rmtree(self.directory / str(_STEP) / 'state')
    self.assertIn('is f, expected g', self._sentence(fingerprint='g'))

  def test_another_shape(self):
    expected = _arrays() | {'b': np.zeros(6, jnp.bfloat16)}
    self.assertIn(
      'b is bfloat16[5], expected bfloat16[6]',
      self._sentence(expected=expected),
    )

  def test_another_dtype(self):
    expected = _arrays() | {'b': np.zeros(5, np.float16)}
    self.assertIn(
      'b is bfloat16[5], expected float16[5]',
      self._sentence(expected=expected),
    )

  def test_other_names(self):
    expected = {'w': _arrays()['w'], 'c': np.zeros((), np.int32)}
    sentence = self._sentence(expected=expected)
    self.assertIn('b is bfloat16[5], expected nothing', sentence)
    self.assertIn('c is missing, expected int32[]', sentence)

  def test_a_long_list_of_differences_is_cut(self):
    expected = _arrays() | {str(i): np.zeros(2) for i in range(8)}
    sentence = self._sentence(expected=expected)
    self.assertIn('; and 3 more. Choose another --workdir', sentence)

  def test_another_format(self):
    with mock.patch.object(checkpoint_format, '_FORMAT', 9):
      self.assertIn('format is 2, expected 9', self._sentence())


class DamageTest(_FolderTest):
  def setUp(self):
    super().setUp()
    self.whole = self.directory / 'whole'
    _write(self.whole)

  def _read_damaged(self, damage, path):
    """Reads a copy in which one file is damaged: 'same', or what it raised."""
    copy = self.directory / 'copy'
    shutil.copytree(self.whole, copy)
    damage(copy / path.relative_to(self.whole))
    try:
      found = _read(copy)
    except errors.UserError as error:
      self.fail(f'damage to {path} was taken for another run: {error}')
    except Exception as error:
      return str(error)
    finally:
      shutil.rmtree(copy)
    for name, array in _arrays().items():
      self.assertEqual(found[name].tobytes(), array.tobytes(), (damage, path))
    return 'same'

  def test_a_flipped_bit_anywhere_is_found_or_does_not_matter(self):
    rng = np.random.default_rng(5)
    outcomes = collections.Counter()
    for path in _files(self.whole):
      for place in rng.integers(path.stat().st_size, size=6):

        def flip(path, place=place):
          content = bytearray(path.read_bytes())
          content[place] ^= 1 << rng.integers(8)
          path.write_bytes(content)

        outcomes[self._read_damaged(flip, path)] += 1
    # Both hashes are needed, or the test would not have reached the data.
    differing = {f'the SHA-256 of {name} differs' for name in _arrays()}
    self.assertNotEmpty(differing & outcomes.keys())
    self.assertGreater(outcomes['the SHA-256 of its metadata differs'], 0)
    self.assertGreater(outcomes['same'], 0)

  def test_a_cut_file_is_found_or_does_not_matter(self):
    for path in _files(self.whole):
      size = path.stat().st_size
      for damage in (
        lambda path, size=size: os.truncate(path, size // 2),
        lambda path: os.truncate(path, 0),
        os.remove,
        lambda path, size=size: path.write_bytes(bytes(size)),
      ):
        self._read_damaged(damage, path)

  def test_a_size_beyond_all_memory_is_not_asked_for(self):
    def enlarge(path):
      content = json.loads(path.read_text())
      path.write_text(json.dumps(content | {'shape': [10**15]}))

    (path,) = self.whole.rglob('.zarray')
    found = self._read_damaged(enlarge, path)
    self.assertEqual(found, 'its size is [1000000000000000]')

  def test_a_copy_under_another_number_is_damage(self):
    shutil.copytree(self.whole / str(_STEP), self.whole / '8')
    with self.assertRaisesRegex(ValueError, 'a copy of step 7'):
      _read(self.whole, step=8)


class NamedLeavesTest(parameterized.TestCase):
  def test_names_are_key_paths_in_the_order_of_the_leaves(self):
    State = collections.namedtuple('State', ['step', 'params'])
    tree = State(
      jnp.int32(1),
      {'b.c': [jnp.ones(2), np.ones(3)], 'a': (), 'é/': np.ones(4)},
    )
    leaves = checkpoint_format.named_leaves(tree)
    self.assertEqual(
      list(leaves), ['step', 'params/b.c/0', 'params/b.c/1', 'params/é/']
    )
    for found, leaf in zip(leaves.values(), jax.tree.leaves(tree), strict=True):
      self.assertIs(found, leaf)

  @parameterized.parameters(1, 1.0, 'text')
  def test_a_leaf_that_is_no_array_is_refused(self, leaf):
    with self.assertRaisesRegex(TypeError, 'n: expected a JAX or numpy array'):
      checkpoint_format.named_leaves({'n': leaf})

  def test_a_prng_key_is_refused_with_what_to_do(self):
    with self.assertRaisesRegex(TypeError, 'as its `jax.random.key_data`'):
      checkpoint_format.named_leaves({'key': jax.random.key(0)})

  def test_two_leaves_of_one_name_are_refused(self):
    with self.assertRaisesRegex(ValueError, 'the same key path'):
      checkpoint_format.named_leaves(
        {'a': {'b': np.ones(2)}, 'a/b': np.ones(3)}
      )


class IsDiskFullTest(parameterized.TestCase):
  @parameterized.parameters(
    (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), True),
    (OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)), True),
    (ValueError('RESOURCE_EXHAUSTED: ... No space left on device [...]'), True),
    (ValueError('shape differs'), False),
    (OSError(errno.EACCES, os.strerror(errno.EACCES)), False),
  )
  def test_it_is_told_from_the_text(self, error, is_disk_full):
    self.assertEqual(checkpoint_format.is_disk_full(error), is_disk_full)


if __name__ == '__main__':
  absltest.main()
