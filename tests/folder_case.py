"""A test with a folder of its own, and files in it."""

import pathlib
import tempfile

from absl.testing import parameterized


class FolderTestCase(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.folder = pathlib.Path(
      self.enter_context(tempfile.TemporaryDirectory())
    )

  def write(self, name, data):
    """The path of a file with these bytes, or this text."""
    path = self.folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path
