"""An experiment by its command line, in a folder of its own."""

import contextlib
import io
import json
import os
import pathlib
import signal
import tempfile
from unittest import mock

import jax
from absl import logging
from absl.testing import parameterized
from jax.experimental.compilation_cache import compilation_cache

from seqjax import experiment
from seqjax.training import signals


class ExperimentTestCase(parameterized.TestCase):
  """A subclass names its `module`; its tests share one folder."""

  module = None

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    folder = cls.enterClassContext(tempfile.TemporaryDirectory())
    cls.enterClassContext(contextlib.chdir(folder))
    cls.enterClassContext(
      mock.patch.dict(os.environ, JAX_COMPILATION_CACHE_DIR='unused')
    )
    # The runs of a test case are mostly the same programs: compiled once.
    for name, value in {
      'jax_compilation_cache_dir': os.path.join(folder, 'programs'),
      'jax_persistent_cache_min_compile_time_secs': 0,
    }.items():
      cls.addClassCleanup(jax.config.update, name, getattr(jax.config, name))
      jax.config.update(name, value)
    cls.addClassCleanup(compilation_cache.reset_cache)
    compilation_cache.reset_cache()
    # What a command changes in its process.
    cls.addClassCleanup(logging.set_verbosity, logging.get_verbosity())
    for signum in signals.SIGNALS:
      cls.addClassCleanup(signal.signal, signum, signal.getsignal(signum))

  @classmethod
  def main(cls, *argv):
    """Exit code, stdout and stderr of a command."""
    module, out, err = cls.module, io.StringIO(), io.StringIO()
    name = module.__name__.rpartition('.')[2]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
      try:
        experiment.main(module.__doc__, name, module.Config, module.MODES, argv)
      except SystemExit as end:
        return end.code, out.getvalue(), err.getvalue()

  def result(self, run='run'):
    return json.loads(pathlib.Path(run, 'result.json').read_text())

  def assert_refused(self, words, settings, *arguments):
    """Of settings that the arguments change, one sentence that holds the words.

    No run has begun, or the next command would take it for its own.
    """
    names = {x.split('=')[0] for x in arguments}
    kept = [x for x in settings if x.split('=')[0] not in names]
    workdir = tempfile.mkdtemp(prefix='refused_', dir='.')
    code, _, err = self.main(*kept, *arguments, f'--workdir={workdir}')
    self.assertEqual(code, 1, err)
    self.assertStartsWith(err, 'error: ')
    self.assertIn(words.lower(), err.lower())
    self.assertEqual(err.count('\n'), 1)
    self.assertFalse(pathlib.Path(workdir, 'config.json').exists())
