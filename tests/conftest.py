"""Strict modes for the whole suite: what is silent elsewhere fails here."""

import os
import pathlib
import sys

# Before jax is imported: no test needs an accelerator, and none may take one.
os.environ.setdefault('JAX_PLATFORMS', 'cpu')
# For `import oracle`: the tests are no package.
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import jax  # noqa: E402
import pytest  # noqa: E402

from seqjax.experiment import ending  # noqa: E402

# How many tests this process has run.
_TESTS = pytest.StashKey[int]()


def pytest_configure(config):
  # Most of the time goes into compiling. The quick suite compiles carelessly;
  # with --slow, as in CI, programs are those that users run.
  if config.option.markexpr == 'not slow':
    jax.config.update('jax_disable_most_optimizations', True)


@pytest.fixture(autouse=True, scope='session')
def _strict():
  jax.config.update('jax_numpy_rank_promotion', 'raise')
  jax.config.update('jax_numpy_dtype_promotion', 'strict')
  jax.config.update('jax_debug_key_reuse', True)
  ending.leave_at_once = sys.exit


@pytest.fixture(autouse=True)
def _few_programs(request):
  """Forgets compiled programs before there are too many.

  Each maps a few areas of memory, of which Linux lets a process have 65,530,
  and ends the one that asks for more.
  """
  yield
  count = request.config.stash.get(_TESTS, 0) + 1
  request.config.stash[_TESTS] = count
  areas = pathlib.Path('/proc/self/maps')
  if count % 20 == 0 and areas.exists():
    if areas.read_text().count('\n') > 10_000:
      jax.clear_caches()
