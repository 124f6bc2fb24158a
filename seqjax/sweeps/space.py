"""The space of a sweep: the settings of each trial.

  --grid=cell=lstm,gru                      each of these
  --grid=hidden_sizes=64;128,64             lists are separated by ';'
  --sample=learning_rate=log(1e-4,1e-2)     drawn, with --trials=N
  --sample=hidden_size=integer(16,256)      or uniform(low,high)
  --sample=cell=choice(lstm,gru)            or choice(64;128,64) of lists

Grids are multiplied. Every point of them gets the same N draws, so that two
cells compare at the same learning rates.
"""

import dataclasses
import itertools
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from seqjax import errors
from seqjax.experiment import config as configs
from seqjax.experiment import fields

SAMPLERS = ('halton', 'random')
# Significant digits of what is drawn: enough to tell values apart, few enough
# to type.
_DIGITS = 4


@dataclasses.dataclass(frozen=True)
class Grid:
  """The values that a field takes, one after another."""

  name: str
  values: tuple[Any, ...]


@dataclasses.dataclass(frozen=True)
class Range:
  """What a field is drawn from.

  Attributes:
    name: of the field.
    kind: 'choice', 'integer', 'log' or 'uniform'.
    values: those to choose from; else the least and the greatest.
    at: maps [0, 1) to the values.
  """

  name: str
  kind: str
  values: tuple[Any, ...]
  at: Callable[[float], Any]


@dataclasses.dataclass(frozen=True)
class Space:
  """Every trial of a sweep, in an order of its own.

  Attributes:
    config_class: of the experiment.
    fixed: what all trials have, by name.
    grids: multiplied; the first changes slowest.
    ranges: drawn together.
    trials: draws at each point of the grids; 1 without `ranges`.
    seed: of the draws.
    sampler: 'halton' fills the ranges evenly (Halton 1960, scrambled), 'random'
      draws independently.

  Example:
    >>> grid = parse_grid(configs.Config, 'learning_rate=1e-3,3e-3')
    >>> list(Space(configs.Config, {'seed': 7}, (grid,)))
    [{'seed': 7, 'learning_rate': 0.001}, {'seed': 7, 'learning_rate': 0.003}]
  """

  config_class: type[configs.Config]
  fixed: Mapping[str, Any]
  grids: Sequence[Grid] = ()
  ranges: Sequence[Range] = ()
  trials: int = 1
  seed: int = 0
  sampler: str = 'halton'

  def __post_init__(self):
    names = [*self.fixed, *(x.name for x in (*self.grids, *self.ranges))]
    for name in names:
      if names.count(name) > 1:
        raise errors.UserError(
          f'--{name} is given twice. Give it once: as a flag, a --grid or a '
          '--sample.'
        )
    if self.trials < 1:
      raise errors.UserError(f'--trials={self.trials}: expected at least 1.')
    if self.ranges and self.sampler not in SAMPLERS:
      raise errors.unknown('sampler', self.sampler, SAMPLERS)
    if self.trials > 1 and not self.ranges:
      raise errors.UserError(
        f'--trials={self.trials} says how often to draw, and there is no '
        '--sample to draw from. For several seeds, --grid=seed=0,1,2.'
      )

  def __len__(self) -> int:
    return self.trials * math.prod(len(grid.values) for grid in self.grids)

  def __iter__(self) -> Iterator[dict[str, Any]]:
    """Gives what each trial sets, by name.

    Raises:
      UserError: an experiment does not take what two of the settings say
        together.
    """
    points = self._points()
    names = [grid.name for grid in self.grids]
    for point in itertools.product(*(grid.values for grid in self.grids)):
      for us in points:
        drawn = {
          x.name: x.at(float(u)) for x, u in zip(self.ranges, us, strict=True)
        }
        trial = {**self.fixed, **dict(zip(names, point, strict=True)), **drawn}
        self.config_class(**trial)
        yield trial

  def _points(self) -> np.ndarray:
    """Where each draw lies in the ranges, [trials, ranges] in [0, 1)."""
    shape = self.trials, len(self.ranges)
    if self.sampler == 'halton' and self.ranges:
      from scipy.stats import qmc  # Half a second.

      return qmc.Halton(len(self.ranges), rng=self.seed).random(self.trials)
    return np.random.default_rng(self.seed).random(shape)


def parse_grid(config_class: type[configs.Config], text: str) -> Grid:
  """The grid of 'name=a,b,c'.

  Raises:
    UserError: the field is unknown or none to sweep over, or takes no such
      value.

  >>> parse_grid(configs.Config, 'hidden_sizes=64;128,64').values
  ((64,), (128, 64))
  """
  field, said = _field(config_class, 'grid', text)
  values = _values(field, said)
  for value in values:
    if values.count(value) > 1:
      raise errors.UserError(
        f'--grid={text}: {fields.shown(value)} is there twice. For several '
        'runs of the same settings, --grid=seed=0,1,2.'
      )
  return Grid(field.name, values)


def parse_sample(config_class: type[configs.Config], text: str) -> Range:
  """The range of 'name=log(low,high)', uniform, integer, or 'choice(a,b,c)'.

  Raises:
    UserError: as of `parse_grid`; or the range is empty, or has no logarithm.

  >>> parse_sample(configs.Config, 'learning_rate=log(1e-4,1e-2)').at(0.5)
  0.001
  """
  field, said = _field(config_class, 'sample', text)
  match = re.fullmatch(r'\s*(\w+)\((.*)\)\s*', said)
  if not match or match[1] not in _RANGES:
    raise errors.UserError(
      f'--sample={text}: expected {field.name}=log(low,high), uniform(low,high)'
      ', integer(low,high) or choice(a,b,c).'
    )
  return Range(field.name, match[1], *_RANGES[match[1]](field, match[2], text))


def _field(config_class, flag, text) -> tuple[fields.Field, str]:
  """The field that is meant, and what is said of it."""
  name, equals, said = text.partition('=')
  name, declared = name.strip(), fields.declared(config_class)
  if not equals:
    raise errors.UserError(f'--{flag}={text}: expected --{flag}=name=...')
  if name not in declared:
    raise errors.unknown('field', name, declared)
  field = declared[name]
  if not sweepable(field):
    raise errors.UserError(
      f'--{flag}={text}: --{name} changes no result, so trials cannot differ '
      'in it. Give it once, as a flag.'
    )
  return field, said


def sweepable(field: fields.Field) -> bool:
  """Whether trials may differ in a field: it is part of what a run is."""
  # What is extendable in some runs, as --steps, is identity in others.
  return callable(field.kind) or field.kind == 'identity'


def _values(field, said) -> tuple[Any, ...]:
  # A text may hold commas of its own.
  lists = field.type == tuple[int, ...] or (field.type is str and ';' in said)
  separator = ';' if lists else ','
  return tuple(field.parse(part.strip()) for part in said.split(separator))


def _choice(field, said, text):
  del text
  values = _values(field, said)
  return values, lambda u: values[int(u * len(values))]


def _bounds(field, said, text) -> tuple[Any, Any]:
  if field.type not in (int, float):
    raise errors.UserError(
      f'--sample={text}: --{field.name} is no number. Say choice(a,b,c).'
    )
  parts = said.split(',')
  if len(parts) != 2:
    raise errors.UserError(
      f'--sample={text}: expected two numbers, (low,high).'
    )
  low, high = (field.parse(part.strip()) for part in parts)
  if low >= high:
    raise errors.UserError(
      f'--sample={text}: expected the lesser number first.'
    )
  return low, high


def _uniform(field, said, text):
  low, high = _bounds(field, said, text)
  return (low, high), lambda u: rounded(low + u * (high - low), low, high)


def _log(field, said, text):
  low, high = _bounds(field, said, text)
  if low <= 0:
    raise errors.UserError(
      f'--sample={text}: {low} has no logarithm. Begin above 0, or say '
      'uniform(low,high).'
    )
  return (low, high), lambda u: rounded(low * (high / low) ** u, low, high)


def _integer(field, said, text):
  if field.type is not int:
    raise errors.UserError(
      f'--sample={text}: --{field.name} is no integer. Say uniform(low,high) '
      'or log(low,high).'
    )
  low, high = _bounds(field, said, text)
  return (low, high), lambda u: low + int(u * (high - low + 1))


def rounded(x: float, low: float, high: float) -> float:
  """The value with few digits, within the range; an integer between integers.

  >>> rounded(0.00123456, 1e-4, 1e-2), rounded(2.6, 1, 9)
  (0.001235, 3)
  """
  near = round(x) if type(low) is int else float(f'{x:.{_DIGITS}g}')
  return min(max(near, low), high)


_RANGES = {
  'choice': _choice,
  'integer': _integer,
  'log': _log,
  'uniform': _uniform,
}
