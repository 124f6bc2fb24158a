import hashlib
import pathlib
import tempfile
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from safetensors import numpy as safetensors

from seqjax import errors
from seqjax.training import initial


class Layer(NamedTuple):
  w_x: np.ndarray
  b: np.ndarray


class InitialTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
    rng = np.random.default_rng(3)
    self.params = {
      'params': {
        'layer_0': Layer(
          rng.normal(size=(2, 3)).astype(np.float32), np.ones(3, np.float32)
        ),
        'scores': [rng.normal(size=4).astype(np.float32)],
      }
    }
    self.arrays = {
      'params/scores/0': self.params['params']['scores'][0],
      'params/layer_0/b': self.params['params']['layer_0'].b,
      'params/layer_0/w_x': self.params['params']['layer_0'].w_x,
    }

  def write(self, arrays=None, **metadata):
    path = self.folder / 'initial.safetensors'
    safetensors.save_file(
      self.arrays if arrays is None else arrays,
      path,
      metadata or {'cell': 'lstm', 'cell_options': '{"projection": 3}'},
    )
    return path


class ReadTest(InitialTestCase):
  def test_there_need_be_none(self):
    self.assertIsNone(initial.read(self.folder))
    self.assertIsNone(initial.sha256(self.folder))

  def test_it_gives_all_that_the_file_says(self):
    path = self.write()
    found = initial.read(self.folder)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    self.assertEqual((found.path, found.sha256), (path, digest))
    self.assertEqual(initial.sha256(self.folder), digest)
    self.assertEqual(found.cell, 'lstm')
    self.assertEqual(found.cell_options, {'projection': 3})
    self.assertSameElements(found.arrays, self.arrays)
    for name, array in self.arrays.items():
      np.testing.assert_array_equal(found.arrays[name], array)

  def test_a_cell_may_have_no_options(self):
    self.write(cell='gru')
    self.assertEqual(initial.read(self.folder).cell_options, {})

  @parameterized.parameters(
    dict(cell_options='{}'),
    dict(cell='lstm', cell_options='{'),
    dict(cell='lstm', cell_options='3'),
  )
  def test_metadata_that_name_no_cell_are_a_sentence(self, **metadata):
    self.write(**metadata)
    with self.assertRaisesRegex(errors.UserError, 'does not say of which cell'):
      initial.read(self.folder)

  @parameterized.parameters(np.nan, np.inf, -np.inf)
  def test_numbers_that_are_not_finite_are_refused(self, number):
    self.arrays['params/layer_0/w_x'][1, 2] = number
    self.write()
    with self.assertRaisesRegex(
      errors.UserError, 'params/layer_0/w_x holds numbers that are not finite'
    ):
      initial.read(self.folder)

  def test_a_damaged_file_is_a_sentence(self):
    path = self.write()
    path.write_bytes(path.read_bytes()[:-3])
    with self.assertRaisesRegex(errors.UserError, 'is damaged'):
      initial.read(self.folder)

  def test_a_directory_of_that_name_is_a_sentence(self):
    (self.folder / 'initial.safetensors').mkdir()
    with self.assertRaisesRegex(errors.UserError, 'is a directory'):
      initial.read(self.folder)


class WriteTest(InitialTestCase):
  def test_what_is_written_is_read(self):
    options = {'peephole': True, 'projection': 3, 'activation': 'relu'}
    initial.write(self.folder, self.arrays, 'lstm', options)
    found = initial.read(self.folder)
    self.assertEqual((found.cell, found.cell_options), ('lstm', options))
    for name, array in self.arrays.items():
      np.testing.assert_array_equal(found.arrays[name], array)


class ParamsTest(InitialTestCase):
  def test_they_have_the_structure_of_the_network(self):
    self.write()
    template = jax.eval_shape(lambda: self.params)
    found = initial.read(self.folder).params(template)
    self.assertEqual(jax.tree.structure(found), jax.tree.structure(self.params))
    jax.tree.map(np.testing.assert_array_equal, found, self.params)

  def refused(self, template=None):
    """The sentence that refuses the file."""
    given = initial.read(self.folder)
    with self.assertRaises(errors.UserError) as caught:
      given.params(self.params if template is None else template)
    return str(caught.exception)

  def test_every_difference_is_named(self):
    del self.arrays['params/scores/0']
    self.arrays['params/layer_0/p_i'] = np.zeros(3, np.float32)
    self.arrays['params/layer_0/w_x'] = np.zeros((3, 2), np.float32)
    self.write()
    said = self.refused()
    for part in (
      'params/layer_0/w_x is float32[3,2], expected float32[2,3]',
      'params/layer_0/p_i is float32[3], expected nothing',
      'params/scores/0 is missing, expected float32[4]',
      '--hidden_size',
      '--cell_options',
    ):
      self.assertIn(part, said)

  def test_of_many_differences_five_are_named(self):
    self.arrays |= {f'x{i}': np.zeros(1, np.float32) for i in range(7)}
    self.write()
    said = self.refused()
    self.assertEqual(said.count('expected nothing'), 5)
    self.assertIn('; and 2 more. ', said)

  @parameterized.parameters(
    ('layer_0_initial', '--initial_carry=learned'), ('shortcut_1', '--residual')
  )
  def test_parameters_that_a_flag_adds_name_the_flag(self, name, flag):
    self.write()
    network = self.params['params'] | {name: {'h': np.zeros(2, np.float32)}}
    self.assertIn(f'Leave out {flag}, ', self.refused({'params': network}))
    self.arrays[f'params/{name}/h'] = np.zeros(2, np.float32)
    self.write()
    initial.read(self.folder).params({'params': network})

  @parameterized.parameters(
    (np.float64, np.float32), (np.float32, np.float64), (np.int32, np.float32)
  )
  def test_another_dtype_is_refused(self, found, expected):
    self.write({k: x.astype(found) for k, x in self.arrays.items()})
    said = self.refused(jax.tree.map(lambda x: x.astype(expected), self.params))
    self.assertIn(f'is {found.__name__}[4], expected {expected.__name__}', said)
    self.assertEndsWith(said, 'Write it in the dtype that is expected.')

  @parameterized.parameters(np.float64, jnp.bfloat16)
  def test_the_dtype_of_the_network_is_taken(self, dtype):
    cast = lambda x: x.astype(dtype)
    self.write({k: cast(x) for k, x in self.arrays.items()})
    wanted = jax.tree.map(cast, self.params)
    found = initial.read(self.folder).params(wanted)
    jax.tree.map(np.testing.assert_array_equal, found, wanted)


if __name__ == '__main__':
  absltest.main()
