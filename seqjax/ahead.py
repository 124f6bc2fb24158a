"""Imports ahead of their use, in a thread: some take seconds."""

import importlib
import threading


def load(module: str) -> threading.Thread:
  """Begins to import a module; who imports it later waits for no more.

  >>> load('json').join()
  """
  thread = threading.Thread(
    target=importlib.import_module, args=(module,), name=module, daemon=True
  )
  thread.start()
  return thread
