"""A folder to put files of arrays into."""

import pathlib
import tempfile

from absl.testing import parameterized

from seqjax import array_files, errors

ENDINGS = ('.safetensors', '.npz')
# What a person is told to do, as patterns.
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
