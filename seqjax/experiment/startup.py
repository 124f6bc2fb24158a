"""What a process that trains sets up once, whatever it trains."""

import os
import pathlib
import stat


def quieten() -> None:
  """Keeps the INFO and WARNING lines of orbax from between our own."""
  from absl import logging

  logging.set_verbosity(logging.ERROR)


def keep_compiled_programs() -> None:
  """Compiles each program once on this machine, unless the user chose where."""
  if 'JAX_COMPILATION_CACHE_DIR' in os.environ:
    return
  import jax

  home = os.environ.get('XDG_CACHE_HOME') or os.path.expanduser('~/.cache')
  path = pathlib.Path(home, 'seqjax', 'xla')
  # It holds machine code, so nobody else may have put it there, or may put
  # another folder in its place.
  others = stat.S_IWGRP | stat.S_IWOTH
  for folder, writers in ((path.parent, stat.S_IWOTH), (path, others)):
    try:
      folder.mkdir(mode=0o700, parents=True, exist_ok=True)
      status = folder.stat()
    except OSError:
      return  # No place to write: compile every time.
    if status.st_uid != os.getuid() or status.st_mode & writers:
      return
  jax.config.update('jax_compilation_cache_dir', str(path))
  jax.config.update('jax_persistent_cache_min_compile_time_secs', 0.5)
