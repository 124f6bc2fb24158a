"""Words made on the spot, and spelling rules that say how they sound."""

import re

import numpy as np

from seqjax.data.text import cmudict

SIZES = {'train': 4000, 'valid': 400, 'test': 400}

# From the left, the first pattern that fits takes its letters and gives its
# sounds: the form of the rules of Elovitz et al. (1976), NRL Report 7948.
RULES = (
  (r'([bdfglmnprst])(?=\1)', ''),  # Of doubled letters the second sounds.
  ('^kn', 'N'),
  ('^wr', 'R'),
  ('tch|ch', 'CH'),
  ('sh', 'SH'),
  ('th', 'TH'),
  ('ph', 'F'),
  ('ck', 'K'),
  ('ng$', 'NG'),
  ('n(?=[gk])', 'NG'),
  ('qu', 'K W'),
  ('x', 'K S'),
  ('c(?=[eiy])', 'S'),
  ('c', 'K'),
  ('g(?=[eiy])', 'JH'),
  ('(?<=[aeiouy])s(?=[aeiouy])', 'Z'),
  ('(?<=[^aeiou])e$', ''),
  ('ai', 'EY'),
  ('ea|ee', 'IY'),
  ('oa', 'OW'),
  ('oi', 'OY'),
  ('oo', 'UW'),
  ('ou', 'AW'),
  # Long before one consonant and the silent e, weak where two more vowels
  # follow at any distance, and else short.
  ('a(?=[^aeiou]e$)', 'EY'),
  ('e(?=[^aeiou]e$)', 'IY'),
  ('i(?=[^aeiou]e$)', 'AY'),
  ('o(?=[^aeiou]e$)', 'OW'),
  ('u(?=[^aeiou]e$)', 'UW'),
  ('[aeo](?=([^aeiou]+[aeiou]+){2})', 'AH'),
  ('a', 'AE'),
  ('e', 'EH'),
  ('i', 'IH'),
  ('o', 'AA'),
  ('u', 'UH'),
  ('y$', 'IY'),
  ('h', 'HH'),
  ('j', 'JH'),
  ('[bdfgklmnprstvwyz]', None),  # As they are written.
)
# As some say it: no r but before a vowel that sounds.
DROPPED_R = ('r(?=[^aeiouy]|e?$)', '')

_FIRST = (
  *('', 'b', 'c', 'ch', 'd', 'f', 'g', 'h', 'j', 'k', 'kn', 'l', 'm', 'n', 'p'),
  *('ph', 'qu', 'r', 's', 'sh', 'st', 't', 'th', 'tr', 'v', 'w', 'wr', 'y'),
)
_VOWELS = (*'aaeeiioouu', 'ai', 'ea', 'ee', 'oa', 'oi', 'oo', 'ou')
_MIDDLE = (
  *('b', 'c', 'ck', 'd', 'dd', 'f', 'ff', 'g', 'gg', 'l', 'll', 'm', 'mm'),
  *('n', 'ng', 'nk', 'nn', 'p', 'pp', 'ph', 'r', 'rg', 'rm', 'rn', 'rr', 's'),
  *('ss', 'sh', 'st', 't', 'tch', 'th', 'tt', 'v', 'x', 'z'),
)
_LAST = (
  *('', 'ce', 'ck', 'd', 'de', 'ge', 'l', 'le', 'm', 'me', 'n', 'ne', 'ng'),
  *('nt', 'r', 'rd', 're', 's', 'se', 'sh', 'ss', 't', 'tch', 'te', 'th'),
  *('x', 'y'),
)


def spelling_rules(data_seed: int = 0) -> dict[str, cmudict.Dictionary]:
  """Makes the parts 'train', 'valid' and 'test': 4000, 400 and 400 words.

  Words of one to three syllables, none of them twice. Letters sound by what
  stands beside them (c, g, s, two letters for one sound), at the end of the
  word (silent e), or further on (weak vowels). Who knows the rules makes no
  mistake. A word in which some drop an r has two variants.

  Args:
    data_seed: another number, other words; the rules stay.

  Example:
    >>> valid = spelling_rules()['valid']
    >>> valid.words[1], [' '.join(sounds) for sounds in valid.variants[1]]
    ('feffoure', ['F AH F AW R', 'F AH F AW'])
  """
  # Not a Generator: NumPy may change what that draws.
  random = np.random.RandomState([data_seed])
  words = {}  # In the order in which they came.
  while len(words) < sum(SIZES.values()):
    words[_word(random)] = None
  rest = iter(words)
  return {
    part: cmudict.collect(
      (
        (word, sounds)
        for word in (next(rest) for _ in range(size))
        for sounds in pronounce(word)
      ),
      f'spelling_rules {part}',
    )
    for part, size in SIZES.items()
  }


def pronounce(word: str) -> tuple[cmudict.Sounds, ...]:
  """One way to say a word, or two where some drop an r.

  Args:
    word: of the letters a to z, but q only before u.

  >>> [' '.join(sounds) for sounds in pronounce('concern')]
  ['K AA N S EH R N', 'K AA N S EH N']
  """
  both = _sounds(word, RULES), _sounds(word, (DROPPED_R, *RULES))
  return tuple(dict.fromkeys(both))


def _sounds(word, rules):
  sounds, place = [], 0
  while place < len(word):
    for pattern, said in rules:
      # `^` and what looks behind see the whole word from any place in it.
      if found := re.compile(pattern).match(word, place):
        sounds += (found[0].upper() if said is None else said).split()
        place = found.end()
        break
    else:
      raise ValueError(f'expected the letters a to z, got {word!r}.')
  return tuple(sounds)


def _word(random):
  def draw(pieces):
    return pieces[random.randint(len(pieces))]

  word = draw(_FIRST) + draw(_VOWELS)
  for _ in range(random.randint(3)):
    word += draw(_MIDDLE) + draw(_VOWELS)
  return word + draw(_LAST)
