"""Described fields: what a flag means, what it takes, and how it says no."""

import dataclasses
import difflib
import functools
import math
import os
import typing
from collections.abc import Callable, Iterable
from typing import Any

from seqjax import errors

_Ints = tuple[int, ...]
_KINDS = ('identity', 'extendable', 'runtime', 'measuring')
_PARSERS = {
  bool: lambda text: {'true': True, 'false': False}[text.lower()],
  int: int,
  float: float,
  str: str,
  _Ints: lambda text: tuple(map(int, text.split(','))) if text else (),
}
_LONGEST_SHOWN = 60  # characters of a value that is refused
_NOUNS = {
  bool: 'true or false',
  int: 'an integer',
  float: 'a finite number',
  str: 'text',
  _Ints: 'integers, separated by commas, each',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Field:
  """All that is known of one field of a Config. Written with `field`."""

  name: str
  type: Any
  default: Any
  help: str
  group: str
  kind: str | Callable[[Any], str]
  choices: Iterable[str] | Callable[[], Iterable[str]] | None
  minimum: float | None
  maximum: float | None
  above: float | None
  below: float | None
  or_all: bool
  is_path: bool
  traced: bool

  def options(self) -> tuple[str, ...]:
    """The names to choose from; () where there is no such list."""
    choices = self.choices() if callable(self.choices) else self.choices
    return tuple(choices or ())

  def expected(self) -> str:
    """What the field takes, as it follows 'expected': 'an integer above 3'."""
    if options := self.options():
      return f'one of {", ".join(options)}'
    limits = {
      'of at least': self.minimum,
      'above': self.above,
      'at most': self.maximum,
      'below': self.below,
    }
    bounds = [f'{word} {x}' for word, x in limits.items() if x is not None]
    noun = _NOUNS[self.type] if bounds else _NOUNS[self.type].split(', each')[0]
    words = ' '.join([noun, ' and '.join(bounds)]).rstrip()
    return f'{words}, or -1 for all' if self.or_all else words

  def parse(self, text: str) -> Any:
    """The value of what a person typed. Raises `UserError`."""
    try:
      return self.check(_PARSERS[self.type](text))
    except (KeyError, ValueError):  # UserError is one: say it of the text.
      raise self._wrong(text) from None

  def check(self, value: Any) -> Any:
    """The value in the field's own type. Raises `UserError`.

    An integer becomes the float, and a list (JSON has no tuples) the tuple
    that it stands for, so that equal settings are equal in every form.
    """
    if self.type is float and type(value) is int and abs(value) < 2**53:
      value = float(value)
    if self.type == _Ints and isinstance(value, list):
      value = tuple(value)
    if self.options():
      valid = value in self.options()
    elif self.type == _Ints:
      valid = isinstance(value, tuple) and all(map(self._is_number, value))
    elif self.type in (int, float):
      valid = self._is_number(value)
    elif self.type is str:
      valid = isinstance(value, str) and _is_utf8(value)
    else:
      valid = isinstance(value, self.type)
    if not valid:
      raise self._wrong(value)
    if self.is_path and value:
      value = os.path.abspath(os.path.expanduser(value))
    return value

  def _is_number(self, x) -> bool:
    if isinstance(x, bool) or not isinstance(
      x, float if self.type is float else int
    ):
      return False
    if self.or_all and x == -1:
      return True
    return (
      math.isfinite(x)
      and (self.type is not float or _is_float32(x))
      and (self.minimum is None or x >= self.minimum)
      and (self.maximum is None or x <= self.maximum)
      and (self.above is None or x > self.above)
      and (self.below is None or x < self.below)
    )

  def _wrong(self, value) -> errors.UserError:
    text = shown(value)
    if len(text) > _LONGEST_SHOWN:
      text = f'{text[:_LONGEST_SHOWN]}...'
    sentence = f'--{self.name}={text}: expected {self.expected()}.'
    near = difflib.get_close_matches(str(value), self.options(), n=1)
    return errors.UserError(
      f"{sentence} Did you mean '{near[0]}'?" if near else sentence
    )


def _is_float32(x: float) -> bool:
  """Whether x is neither infinite nor zero where the program computes."""
  return x == 0 or 1.2e-38 < abs(x) < 3.4e38


def _is_utf8(text: str) -> bool:
  """Whether the text can be written: no NUL, no half of a surrogate pair."""
  return '\0' not in text and not any('\ud800' <= c <= '\udfff' for c in text)


def shown(value: Any) -> str:
  """The value as one types it after the flag's '='.

  >>> shown((128, 64)), shown(True), shown(0.002)
  ('128,64', 'true', '0.002')
  """
  if isinstance(value, bool):
    return str(value).lower()
  if isinstance(value, tuple | list):
    return ','.join(map(str, value))
  return str(value)


def field(
  default: Any,
  help: str,
  *,
  group: str = 'model',
  kind: str | Callable[[Any], str] = 'identity',
  choices: Iterable[str] | Callable[[], Iterable[str]] | None = None,
  minimum: float | None = None,
  maximum: float | None = None,
  above: float | None = None,
  below: float | None = None,
  or_all: bool = False,
  is_path: bool = False,
  traced: bool = False,
) -> Any:
  """Describes a field of a `Config`: bool, int, float, str or tuple[int, ...].

  Args:
    default: the value without a flag.
    help: the meaning, the unit and the typical range; shown by `--help`.
    group: the heading of `--help` that it stands under.
    kind: 'identity', what makes the run the run it is: it is part of the run's
      name, and a resume refuses another value; 'extendable', what a resume may
      change; 'runtime', what only the command says; 'measuring', the same where
      it may change a number: it stands beside the metrics in result.json. Or a
      function of the config to one of them.
    choices: the names allowed. A function is called when they are needed, so
      that a registry is imported late.
    minimum: the least value allowed; `maximum` the greatest. Of each element,
      where the field is a tuple.
    above: the value must be greater than this; `below`, less.
    or_all: -1 is allowed too and means all there is.
    is_path: the value becomes absolute, so that a run is found again from
      another directory.
    traced: a number that enters the compiled step as an array: but for whether
      it is zero, runs with different values share a program.
  """
  if not callable(kind) and kind not in _KINDS:
    raise ValueError(f'kind={kind!r}: expected one of {", ".join(_KINDS)}.')
  described = dict(locals())  # Holds the arguments and nothing else yet.
  del described['default']
  return dataclasses.field(default=default, metadata={'seqjax': described})


@functools.cache
def declared(config_class: type) -> dict[str, Field]:
  """The fields of a Config class by name, those of its bases first.

  A class that gives a field of its base another default only (`steps: int =
  3000`) keeps the description of the base.

  Raises:
    TypeError: the class is no dataclass, a field has no description, or its
      type is none that a flag can carry.
  """
  if '__dataclass_fields__' not in vars(config_class):
    raise TypeError(
      f'{config_class.__qualname__} must be decorated with '
      '@dataclasses.dataclass(frozen=True), as its base is.'
    )
  types = typing.get_type_hints(config_class)
  found = {}
  for name, plain in config_class.__dataclass_fields__.items():
    described = [
      base.__dataclass_fields__[name].metadata['seqjax']
      for base in config_class.__mro__
      if name in vars(base).get('__dataclass_fields__', {})
      and 'seqjax' in base.__dataclass_fields__[name].metadata
    ]
    if not described or types[name] not in _PARSERS:
      raise TypeError(
        f'{config_class.__qualname__}.{name}: expected a bool, int, float, str '
        'or tuple[int, ...] described by experiment.field(default, help).'
      )
    found[name] = Field(
      name=name, type=types[name], default=plain.default, **described[0]
    )
  return found
