"""Tests for seqjax.ahead."""

import importlib
import pathlib
import sys
import tempfile

from absl.testing import absltest

from seqjax import ahead


class AheadTest(absltest.TestCase):
  def test_a_module_is_there_when_it_is_asked_for(self):
    folder = self.enterContext(tempfile.TemporaryDirectory())
    name = 'imported_ahead'
    text = 'import time\ntime.sleep(0.3)\nvalue = 7\n'
    pathlib.Path(folder, f'{name}.py').write_text(text)
    sys.path.insert(0, folder)
    self.addCleanup(sys.path.remove, folder)
    self.addCleanup(sys.modules.pop, name, None)
    thread = ahead.load(name)
    self.assertTrue(thread.is_alive())  # The caller goes on meanwhile.
    self.assertEqual(importlib.import_module(name).value, 7)
    thread.join()


if __name__ == '__main__':
  absltest.main()
