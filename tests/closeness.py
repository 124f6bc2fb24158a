"""How near two trees of numbers must be, leaf by leaf."""

import jax
import numpy as np
import oracle


def assert_close(ours, theirs, rtol=1e-5, what=''):
  """Every entry within `rtol` of the largest one of its leaf."""
  for path, a, b in _pairs(ours, theirs):
    atol = rtol * np.abs(b).max(initial=0)
    np.testing.assert_allclose(a, b, 0, atol, err_msg=f'{what}{path}')


def assert_close_in_norm(ours, theirs, rtol, what=''):
  """The difference within `rtol` of the norm; of complex numbers the real."""
  for path, a, b in _pairs(ours, theirs):
    a, b = np.asarray(a, np.float64), np.real(b)
    error = np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-300)
    assert error <= rtol, f'{what}{path}: {error:.2g}'


def _pairs(ours, theirs):
  ours, theirs = map(oracle.as_dicts, (ours, theirs))
  for (path, a), b in zip(
    jax.tree.leaves_with_path(ours), jax.tree.leaves(theirs), strict=True
  ):
    yield jax.tree_util.keystr(path), np.asarray(a), np.asarray(b)
