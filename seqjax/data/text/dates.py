"""Dates and numbers in words, and in digits.

    the third of march nineteen eighty four      1984-03-03
    march third, nineteen eighty four            3/3/1984
    twelve thousand three hundred and four       12,304

Each wording has its own way to write digits, so that either side is known from
the other.
"""

import datetime

import numpy as np

from seqjax.data.text import parallel

PARTS = {'train': 0.8, 'valid': 0.1, 'test': 0.1}

_ONES = (
  'zero one two three four five six seven eight nine ten eleven twelve '
  'thirteen fourteen fifteen sixteen seventeen eighteen nineteen'
).split()
_TENS = '- - twenty thirty forty fifty sixty seventy eighty ninety'.split()
_MONTHS = (
  'january february march april may june july august september october '
  'november december'
).split()
_IRREGULAR = {
  'one': 'first',
  'two': 'second',
  'three': 'third',
  'five': 'fifth',
  'eight': 'eighth',
  'nine': 'ninth',
  'twelve': 'twelfth',
}
_FIRST_DAY = datetime.date(1100, 1, 1).toordinal()
_LAST_DAY = datetime.date(2099, 12, 31).toordinal()
_MOST_DIGITS = 6


def dates(num_pairs: int = 10_000, data_seed: int = 0):
  """Dates and numbers, half from words to digits and half from digits to words.

  A date or a number stands in one pair alone, so that no part holds the meaning
  of another's.

  Args:
    num_pairs: of all parts together.
    data_seed: of what is drawn.

  Returns:
    part of `PARTS` -> `parallel.Parallel`.

  Example:
    >>> parts = dates(40)
    >>> {part: len(x.sources) for part, x in parts.items()}
    {'train': 32, 'valid': 4, 'test': 4}
  """
  # Not a Generator: NumPy may change what that draws.
  random = np.random.RandomState([data_seed])
  pairs = {}
  while len(pairs) < num_pairs:
    digits = random.randint(1, _MOST_DIGITS + 1)  # So that all lengths occur.
    number = random.randint(10**digits)
    day = datetime.date.fromordinal(random.randint(_FIRST_DAY, _LAST_DAY + 1))
    kind, backwards = random.randint(3), random.randint(2)
    meaning = number if kind == 2 else day
    pair = (_british, _american, _number)[kind](meaning)
    pairs.setdefault(meaning, pair[::-1] if backwards else pair)
  # Short numbers are soon used up: shuffled, or they would all come first.
  pairs = list(pairs.values())
  pairs = [pairs[i] for i in random.permutation(num_pairs)]
  ends = np.cumsum([round(share * num_pairs) for share in PARTS.values()])
  return {
    part: parallel.collect(pairs[start:end], f'dates and numbers, {part}')
    for part, start, end in zip(PARTS, [0, *ends], ends, strict=False)
  }


def cardinal(number: int) -> str:
  """A number from 0 to 999,999 in words.

  >>> cardinal(12_304)
  'twelve thousand three hundred and four'
  """
  if number < 20:
    return _ONES[number]
  if number < 100:
    return _joined(_TENS[number // 10], number % 10)
  if number < 1000:
    return _joined(f'{_ONES[number // 100]} hundred', number % 100, 'and ')
  rest = number % 1000
  return _joined(
    f'{cardinal(number // 1000)} thousand', rest, 'and ' if rest < 100 else ''
  )


def ordinal(number: int) -> str:
  """A number from 1 to 99 as the place in a row.

  >>> ordinal(3), ordinal(20), ordinal(28)
  ('third', 'twentieth', 'twenty eighth')
  """
  *before, last = cardinal(number).split()
  if last.endswith('y'):
    last = f'{last[:-1]}ie'
  return ' '.join([*before, _IRREGULAR.get(last, f'{last}th')])


def year(number: int) -> str:
  """A year from 1100 to 2099 as it is read.

  >>> year(1984), year(1905), year(2004)
  ('nineteen eighty four', 'nineteen oh five', 'two thousand and four')
  """
  century, rest = divmod(number, 100)
  if century == 20 and rest < 10:
    return cardinal(number)
  if rest == 0:
    return f'{cardinal(century)} hundred'
  return f'{cardinal(century)} {"oh " if rest < 10 else ""}{cardinal(rest)}'


def _joined(words, rest, link=''):
  return f'{words} {link}{cardinal(rest)}' if rest else words


def _british(day):
  month = _MONTHS[day.month - 1]
  words = f'the {ordinal(day.day)} of {month} {year(day.year)}'
  return words, day.isoformat()


def _american(day):
  month = _MONTHS[day.month - 1]
  words = f'{month} {ordinal(day.day)}, {year(day.year)}'
  return words, f'{day.month}/{day.day}/{day.year}'


def _number(number):
  return cardinal(number), f'{number:,}'
