"""An experiment from the command line to its exit code."""

from seqjax.experiment.build import check, plan, recurrent
from seqjax.experiment.command import resolve
from seqjax.experiment.config import Config, kind, settings
from seqjax.experiment.fields import Field, declared, field
from seqjax.experiment.flags import help_text, parse
from seqjax.experiment.main import main
from seqjax.experiment.naming import digest, run_id
from seqjax.experiment.run_directory import RunDirectory

__all__ = [
  'Config',
  'Field',
  'RunDirectory',
  'check',
  'declared',
  'digest',
  'field',
  'help_text',
  'kind',
  'main',
  'parse',
  'plan',
  'recurrent',
  'resolve',
  'run_id',
  'settings',
]
