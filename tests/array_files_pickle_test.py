"""Tests for seqjax.array_files: pickles stay closed."""

import os
import pickle
import zipfile
from unittest import mock

import numpy as np
import pytest
from absl.testing import absltest, parameterized
from array_folder import ANYWHERE, PYTHON, TORCH, FileTest

from seqjax import array_files


class Trap:
  """Makes a folder when it is unpickled."""

  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.mkdir, (str(self.path),)


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


if __name__ == '__main__':
  absltest.main()
