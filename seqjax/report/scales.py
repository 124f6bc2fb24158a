"""Where values of any kind stand on an axis."""

import math
import statistics
from collections.abc import Collection, Iterable
from typing import Any

from seqjax.experiment import fields
from seqjax.report import figures

# So many values have a tick each; of more, round numbers have.
_MOST_TICKS = 6
# Labels closer together than this would touch.
_APART = 0.13
_LONGEST = 18  # characters of a label
_WIDTH = 0.022  # of a character of a label, at least
# Of the range, where the middle of values lies that were drawn by logarithm.
_MIDDLE = 0.35


class Scale:
  """Places values between 0 and 1: numbers by size, all else one by one.

  Numbers that span a decade, most of them near its lower end, stand by their
  logarithm. Where they do, and one of a few is 0 and has none, they stand one
  by one, in order.

  Args:
    values: at least one, of one type.
    logarithm: whether it may be used.

  Attributes:
    values: those that differ, in order.
    is_strip: whether they stand one by one.

  Example:
    >>> scale = Scale([0.01, 1.0, 0.1])
    >>> [round(scale.at(x), 3) for x in scale.values]
    [0.0, 0.5, 1.0]
    >>> Scale(['lstm', 'gru']).ticks()
    [(0.25, 'gru'), (0.75, 'lstm')]
  """

  def __init__(self, values: Iterable[Any], logarithm: bool = True):
    self.values = sorted(set(values))
    numbers = all(map(_is_number, self.values))
    self._log = numbers and logarithm and is_wide(self.values)
    if self._log:
      low, high = self.values[0], self.values[-1]
      middle = statistics.median_low(self.values)
      self._log = middle - low < _MIDDLE * (high - low)
    skewed = numbers and logarithm and is_wide([x for x in self.values if x])
    self.is_strip = (
      not numbers
      or len(self.values) == 1
      or (skewed and not self._log and len(self.values) <= _MOST_TICKS)
    )

  def at(self, value: Any) -> float:
    """Where a value stands; of a strip, in the middle of its place."""
    if self.is_strip:
      return (self.values.index(value) + 0.5) / len(self.values)
    ends = self.values[0], self.values[-1], value
    low, high, x = map(math.log10, ends) if self._log else ends
    return (x - low) / (high - low)

  def ticks(self) -> list[tuple[float, str]]:
    """Places and what stands at them; '' where there is no room."""
    if self.is_strip:
      return [(self.at(x), _label(x)) for x in self.values]
    ticks, last = [], -math.inf
    for x in self._round_numbers():
      place, label = self.at(x), _label(x)
      room = place - last >= max(_APART, _WIDTH * len(label))
      ticks.append((place, label if room else ''))
      last = place if room else last
    return ticks

  def _round_numbers(self):
    """Numbers worth a tick, in order."""
    from matplotlib import ticker

    low, high = self.values[0], self.values[-1]
    if len(self.values) <= _MOST_TICKS:
      return self.values
    if self._log:
      few = high < 1000 * low
      locator = ticker.LogLocator(subs=(1, 2, 5) if few else (1,))
    else:
      whole = isinstance(low, int)
      locator = ticker.MaxNLocator(5, steps=(1, 2, 5, 10), integer=whole)
    ticks = locator.tick_values(low, high).tolist()
    return [x for x in ticks if low <= x <= high]


def is_wide(numbers: Collection[float]) -> bool:
  """Whether numbers span a decade, and all have a logarithm.

  >>> is_wide([1, 10]), is_wide([1, 9]), is_wide([0, 10]), is_wide([])
  (True, False, False, False)
  """
  return bool(numbers) and 0 < 10 * min(numbers) <= max(numbers)


def _is_number(value) -> bool:
  return type(value) in (int, float)


def _label(value) -> str:
  if _is_number(value):
    return f'{value:.4g}'
  return figures.drawable(short(value, _LONGEST), _LONGEST)


def short(value: Any, longest: int) -> str:
  """A value as it is typed; of a long one both ends, which tell paths apart.

  >>> short((128, 64), 18), short('/home/me/texts/book.txt', 18)
  ('128,64', '/home/me/…book.txt')
  """
  text = fields.shown(value)
  if len(text) <= longest:
    return text
  head = longest // 2
  return f'{text[:head]}…{text[head + 1 - longest :]}'
