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


@pytest.fixture(autouse=True, scope='session')
def _strict():
  jax.config.update('jax_numpy_rank_promotion', 'raise')
  jax.config.update('jax_numpy_dtype_promotion', 'strict')
  jax.config.update('jax_debug_key_reuse', True)
