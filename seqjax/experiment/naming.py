"""Names that follow from settings."""

import hashlib
import json
from typing import Any

from seqjax.experiment import config as configs
from seqjax.experiment import fields


def run_id(config: configs.Config, digits: int = 6) -> str:
  """The name of a run: `<cell>-<6 hex>-s<seed>`, or of more digits.

  The hash is over the identity fields, but for the seed, that differ from
  their default: the same command finds the same run, runs that differ in the
  seed alone stand side by side, and a new field changes no name.
  """
  declared = fields.declared(type(config))
  typed = {
    name: value
    for name, value in configs.settings(config, 'identity').items()
    if name != 'seed' and value != declared[name].default
  }
  return f'{config.cell}-{digest(typed)[:digits]}-s{config.seed}'


def digest(content: Any) -> str:
  """SHA-256, in hex, of the canonical JSON of the content."""
  text = json.dumps(content, sort_keys=True, separators=(',', ':'))
  return hashlib.sha256(text.encode()).hexdigest()
