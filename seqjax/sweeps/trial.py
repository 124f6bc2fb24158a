"""One trial of a sweep: what it sets, where it is, and how it ended."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from seqjax.experiment import config as configs
from seqjax.experiment import fields, naming

# How a trial may end: with metrics; with numbers that stayed not finite; with
# an error of its own; or with its worker, by no fault of its own perhaps.
STATUSES = ('done', 'diverged', 'failed', 'lost')


# Of the hash in a name: so many trials stand side by side that the six of a run
# alone would soon be the same for two.
_DIGITS = 10


@dataclasses.dataclass(frozen=True)
class Trial:
  """A run of an experiment, made by `make`.

  Attributes:
    name: of its directory within that of the sweep, as of `naming.run_id`.
    settings: what a person would type for it, by name; never the workdir.
    program: trials that have it in common differ in numbers alone.
    steps: updates in all; with the name, what a trial is counted by.
  """

  name: str
  settings: Mapping[str, Any]
  program: str
  steps: int

  @property
  def key(self) -> tuple[str, int]:
    return self.name, self.steps


@dataclasses.dataclass(frozen=True)
class Outcome:
  """How a trial ended.

  Attributes:
    status: of `STATUSES`.
    metrics: as in result.json; none but where it is done.
    seconds: from its start to its end.
    error: the sentence, where it is not done.
  """

  status: str
  metrics: Mapping[str, float]
  seconds: float
  error: str = ''


def make(
  config_class: type[configs.Config], settings: Mapping[str, Any]
) -> Trial:
  """The trial of some settings.

  Raises:
    UserError: the experiment does not take them.

  Example:
    >>> make(configs.Config, {'learning_rate': 0.01, 'seed': 7}).name[-3:]
    '-s7'
  """
  config = config_class(**settings)
  return Trial(
    naming.run_id(config, _DIGITS),
    dict(settings),
    program(config),
    config.steps,
  )


def program(config: configs.Config) -> str:
  """Names the compiled program of a run.

  Numbers that enter it as arrays do not change it, but for whether they are
  zero: a rate of zero draws no mask.

  >>> a, b = configs.Config(seed=1), configs.Config(learning_rate=1e-5)
  >>> program(a) == program(b) != program(configs.Config(cell='gru'))
  True
  """
  made_of = configs.settings(config, 'identity')
  for name, field in fields.declared(type(config)).items():
    if field.traced and name in made_of:
      made_of[name] = name == 'seed' or made_of[name] != 0
  return naming.digest(made_of)[:12]
