import errno
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import time
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized

from seqjax import errors
from seqjax.training import checkpoints

_ROOT = pathlib.Path(__file__).parents[2]
_DISK_FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
_format = checkpoints.checkpoint_format
_write = _format.write

# Saves step after step, and says which are durable, until it is killed.
_WRITER = """
import sys
import numpy as np
from seqjax.training import checkpoints

def state(step):
  return {'w': np.random.default_rng(step).normal(size=(50, 60))}

saved = checkpoints.Checkpoints(sys.argv[1], fingerprint='f')
step, found = saved.restore(state(0)) or (0, state(0))
assert (found['w'] == state(step)['w']).all(), step
while True:
  saved.save(step := step + 1, state(step))
  if step > 1:
    print(step - 1, flush=True)  # Landed, or this save would not have begun.
"""


def _state(seed=0):
  rng = np.random.default_rng(seed)
  return {
    'params': {
      'w': jnp.asarray(rng.normal(size=(3, 4)), jnp.float32),
      'b': jnp.asarray(rng.normal(size=5), jnp.bfloat16),
    },
    'step': np.array(seed, np.int64),
    'key': jax.random.key_data(jax.random.key(seed)),
    'is_done': jnp.array([True, False]),
    'none': (jnp.zeros((0, 2)), ()),
  }


def _damage(folder):
  for path in folder.rglob('*'):
    if path.is_file():
      path.write_bytes(bytes(path.stat().st_size))


class CheckpointsTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    folder = tempfile.TemporaryDirectory()
    self.addCleanup(folder.cleanup)
    self.directory = pathlib.Path(folder.name, 'run', 'checkpoints')
    self.said = []

  def _open(self, **kwargs):
    opened = checkpoints.Checkpoints(
      self.directory, report=self.said.append, **{'fingerprint': 'f'} | kwargs
    )
    self.addCleanup(opened.close)
    return opened

  def _saved(self, *steps, **kwargs):
    opened = self._open(**kwargs)
    for step in steps:
      opened.save(step, _state(step))
    opened.wait()
    return opened

  def _assert_restores(self, step, opened=None):
    found_step, found = (opened or self._open()).restore(_state())
    self.assertEqual(found_step, step)
    state = _state(step)
    self.assertEqual(jax.tree.structure(found), jax.tree.structure(state))
    for leaf, expected in zip(
      jax.tree.leaves(found), jax.tree.leaves(state), strict=True
    ):
      self.assertIs(type(leaf), type(expected))
      self.assertEqual(leaf.dtype, expected.dtype)
      np.testing.assert_array_equal(leaf, expected)

  def _names(self):
    return sorted(os.listdir(self.directory))


class SaveRestoreTest(CheckpointsTest):
  def test_the_newest_step_comes_back_bit_for_bit(self):
    opened = self._saved(1, 2, 10)
    self._assert_restores(10, opened)
    self._assert_restores(10)
    self.assertEqual(self._names(), ['10', '2'])
    self.assertEqual(opened.latest_step(), 10)
    self.assertEmpty(self.said)

  def test_where_nothing_was_saved_there_is_nothing(self):
    opened = self._open()
    self.assertIsNone(opened.latest_step())
    self.assertIsNone(opened.restore(_state()))
    opened.wait()
    self.assertFalse(self.directory.exists())

  def test_a_template_needs_no_values(self):
    self._saved(3)
    template = jax.tree.map(
      lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), _state()
    )
    template['step'] = np.zeros((), np.int64)  # JAX has no 64 bits here.
    step, found = self._open().restore(template)
    self.assertEqual(step, 3)
    self.assertIsInstance(found['params']['w'], jax.Array)
    np.testing.assert_array_equal(
      found['params']['w'], _state(3)['params']['w']
    )

  def test_a_leaf_is_placed_as_the_template_is(self):
    device = jax.devices()[0]
    self._saved(3)
    template = _state()
    template['key'] = jax.device_put(template['key'], device)
    _, found = self._open().restore(template)
    self.assertTrue(found['key'].committed)
    self.assertFalse(found['is_done'].committed)

  def test_buffers_may_be_donated_or_overwritten_at_once(self):
    update = jax.jit(lambda x: x * 0 - 1, donate_argnums=0)
    opened = self._open()
    for step in range(1, 6):
      jax_array = jnp.full((200, 300), step, jnp.float32)
      numpy_array = np.full((100, 50), step)
      opened.save(step, {'j': jax_array, 'n': numpy_array})
      numpy_array[:] = -1
      update(jax_array).block_until_ready()
      opened.wait()
      _, found = opened.restore(
        {'j': np.zeros((200, 300), np.float32), 'n': np.zeros((100, 50), int)}
      )
      np.testing.assert_array_equal(found['j'], np.float32(step))
      np.testing.assert_array_equal(found['n'], step)

  def test_a_step_on_disk_is_not_written_again(self):
    opened = self._saved(3)
    opened.save(3, _state(4))
    self._assert_restores(3, opened)

  def test_a_step_older_than_the_newest_is_refused(self):
    opened = self._saved(3)
    with self.assertRaisesRegex(ValueError, 'step 2 is older .* of step 3'):
      opened.save(2, _state(2))

  def test_a_roll_back_discards_what_is_newer(self):
    opened = self._saved(2, 4, 9, keep=3)
    opened.discard_after(4)
    self.assertEqual(self._names(), ['2', '4'])
    opened.save(5, _state(5))
    self._assert_restores(5, opened)

  def test_what_is_asked_for_stays_and_so_does_the_newest_anchor(self):
    opened = self._open()
    for step in range(1, 9):
      opened.save(step, _state(step), anchor=step in (1, 3), kept=[2])
    opened.wait()
    self.assertEqual(opened.steps(), [2, 3, 7, 8])
    opened.discard_to_anchor()
    self.assertEqual(opened.steps(), [2, 3])

  def test_without_an_anchor_a_roll_back_leads_to_the_beginning(self):
    opened = self._open()
    opened.save(5, _state(5), anchor=False)
    opened.discard_to_anchor()
    self.assertEqual(opened.steps(), [])

  def test_no_roll_back_leads_to_what_is_damaged(self):
    opened = self._saved(1, 2)
    opened.save(3, _state(3), anchor=False, kept=[1])
    opened.wait()
    for path in (self.directory / '2' / 'meta').rglob('*'):
      if path.is_file():
        path.write_bytes(b'')
    opened.discard_to_anchor()
    self.assertEqual(self._names(), ['1', '2.damaged'])
    self.assertIn('The checkpoint of step 2 is damaged', self.said[0])

  def test_step_0_is_an_anchor_as_any_other(self):
    opened = self._saved(0)
    for step in 1, 2, 3:
      opened.save(step, _state(step), anchor=False)
    opened.discard_to_anchor()
    self.assertEqual(opened.steps(), [0])

  def test_fewer_than_two_are_refused(self):
    with self.assertRaisesRegex(ValueError, 'keep=1: expected at least 2'):
      checkpoints.Checkpoints(self.directory, fingerprint='f', keep=1)

  def test_another_run_is_refused_and_nothing_is_renamed(self):
    self._saved(1, 2)
    with self.assertRaisesRegex(errors.UserError, 'is f, expected g'):
      self._open(fingerprint='g').restore(_state())
    with self.assertRaisesRegex(errors.UserError, 'x is missing'):
      self._open().restore(_state() | {'x': np.ones(3)})
    self.assertEqual(self._names(), ['1', '2'])
    self.assertEmpty(self.said)


class DamageTest(CheckpointsTest):
  def test_the_one_before_is_restored_and_the_damaged_kept(self):
    self._saved(1, 2)
    _damage(self.directory / '2')
    self._assert_restores(1)
    self.assertEqual(self._names(), ['1', '2.damaged'])
    self.assertLen(self.said, 1)
    self.assertStartsWith(self.said[0], 'The checkpoint of step 2 is damaged; ')
    self.assertIn(str(self.directory / '2.damaged'), self.said[0])
    self.assertNotIn('\n', self.said[0])

  def test_a_second_damaged_step_gets_another_name(self):
    self._saved(1, 2)
    for names in ['1', '2.damaged'], ['1', '2.damaged', '2.damaged-2']:
      _damage(self.directory / '2')
      opened = self._open()
      self._assert_restores(1, opened)
      self.assertEqual(self._names(), names)
      opened.save(2, _state(2))
      opened.close()
    self._assert_restores(2)

  def test_if_all_are_damaged_the_run_does_not_begin_anew(self):
    self._saved(1, 2)
    _damage(self.directory)
    for _ in range(2):  # Nor when the command is given a second time.
      with self.assertRaisesRegex(
        errors.UserError, 'damaged and kept: 2. .* choose another --workdir'
      ):
        self._open().restore(_state())
    self.assertEqual(self._names(), ['1.damaged', '2.damaged'])
    self.assertLen(self.said, 2)

  def test_a_bad_template_is_not_taken_for_damage(self):
    self._saved(1)
    with self.assertRaises(TypeError):
      self._open().restore({'w': 1.0})
    self.assertEqual(self._names(), ['1'])


class ReadOnlyTest(CheckpointsTest):
  def test_a_reader_leaves_a_writer_alone(self):
    self._saved(1, 2)
    (self.directory / f'3{_format.TEMPORARY}').mkdir()
    _damage(self.directory / '2')
    before = self._names()
    self._assert_restores(1, self._open(read_only=True))
    self.assertEqual(self._names(), before)
    self.assertIn('passed over', self.said[0])

  def test_if_all_are_damaged_it_says_so(self):
    self._saved(1, 2)
    _damage(self.directory)
    with self.assertRaisesRegex(errors.UserError, 'damaged and kept: 2'):
      self._open(read_only=True).restore(_state())

  def test_it_cannot_save(self):
    with self.assertRaisesRegex(ValueError, 'read_only'):
      self._open(read_only=True).save(1, _state())


class FailedSaveTest(CheckpointsTest):
  def test_an_error_in_the_background_is_raised_once(self):
    opened = self._open()
    with mock.patch.object(_format, 'write', side_effect=RuntimeError('boom')):
      opened.save(1, _state(1))
      with self.assertRaisesRegex(RuntimeError, 'boom'):
        opened.save(2, _state(2))
    opened.save(2, _state(2))
    self._assert_restores(2, opened)

  def test_close_raises_it_too(self):
    opened = checkpoints.Checkpoints(self.directory, fingerprint='f')
    with mock.patch.object(_format, 'write', side_effect=RuntimeError('boom')):
      opened.save(1, _state(1))
      with self.assertRaisesRegex(RuntimeError, 'boom'):
        opened.close()

  def test_a_disk_that_is_full_for_a_moment_is_not_mentioned(self):
    opened = self._open()
    with mock.patch.object(
      _format, 'write', side_effect=[_DISK_FULL, None]
    ) as write:
      opened.save(1, _state(1))
      opened.wait()
    self.assertEqual(write.call_count, 2)
    self.assertEmpty(self.said)

  def test_training_goes_on_with_a_full_disk(self):
    opened = self._saved(1)
    with mock.patch.object(_format, 'write', side_effect=_DISK_FULL):
      opened.save(2, _state(2))
      opened.save(3, _state(3))
      self.assertRegex(
        self.said[0], 'step 2 was not .* full.* Training goes on'
      )
      with self.assertRaisesRegex(errors.UserError, 'step 3 was not .* full'):
        opened.wait()
    self.assertLen(self.said, 1)
    self._assert_restores(1, opened)
    opened.save(4, _state(4))
    self._assert_restores(4, opened)

  def test_a_step_that_could_not_be_fsynced_is_withdrawn(self):
    opened = self._saved(1)

    def write_and_fail(*args, **kwargs):
      _write(*args, **kwargs)
      raise _DISK_FULL

    with mock.patch.object(_format, 'write', side_effect=write_and_fail):
      opened.save(2, _state(2))
      with self.assertRaises(errors.UserError):
        opened.wait()
    self.assertEqual(self._names(), ['1'])

  def test_a_real_limit_on_files_leaves_the_older_and_no_remains(self):
    opened = self._open()
    opened.save(1, {'w': np.ones(3)})
    opened.wait()
    random = np.random.default_rng(0).normal(size=20_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, hard))
    try:
      opened.save(2, {'w': random})
      with self.assertRaisesRegex(errors.UserError, 'step 2 was not'):
        opened.wait()
    finally:
      resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    self.assertEqual(self._names(), ['1'])


class KillTest(CheckpointsTest):
  def test_a_kill_at_any_moment_loses_no_durable_step(self):
    environment = os.environ | {'PYTHONPATH': str(_ROOT)}
    environment['JAX_PLATFORMS'] = 'cpu'
    rng = np.random.default_rng(0)
    durable = 0
    for _ in range(3):
      with subprocess.Popen(
        [sys.executable, '-c', _WRITER, self.directory],
        stdout=subprocess.PIPE,
        env=environment,
        text=True,
      ) as process:
        first = process.stdout.readline()
        time.sleep(rng.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        durable = int((first + process.stdout.read()).split()[-1])
      self.assertEqual(process.returncode, -signal.SIGKILL)
      step, found = self._open().restore({'w': np.zeros((50, 60))})
      self.assertGreaterEqual(step, durable)
      expected = np.random.default_rng(step).normal(size=(50, 60))
      np.testing.assert_array_equal(found['w'], expected)
      self.assertEmpty(self.said)


if __name__ == '__main__':
  absltest.main()
