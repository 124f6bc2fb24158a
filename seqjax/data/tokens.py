"""Text to tokens: words, characters, or pieces of words."""

import dataclasses
import functools
import itertools
import json
import os
import pathlib
import re
import sys
import unicodedata
from collections.abc import Iterable

import numpy as np

from seqjax import errors, files
from seqjax.data import vocabulary

UNITS = ('words', 'characters', 'subwords')

# Stands before what follows a blank.
BEGIN = '\N{LOWER ONE EIGHTH BLOCK}'
_NO_BLANK = '\ufdd0'  # For that in a text: no character, so no text has this.

# Only elements that format text, and only with attributes, so that `<stdin>`,
# `<sigh>` and `a <b and c> d` stay.
_TAGS = re.compile(
  '</?(?:a|b|br|center|code|div|em|font|hr|i|img|li|ol|p|pre|small|span|strong|'
  r'sub|sup|table|tbody|td|th|tr|tt|u|ul)(?:\s[^<>=]*=[^<>]*|\s*/?)>'
)
_SURROGATES = re.compile('[\ud800-\udfff]')


def words(text: str) -> list[str]:
  """The words and the marks of a text, in lower case.

  * A word is a run of letters, digits, underscores and the combining marks on
    them. An apostrophe within it, and a dot or a comma between two digits,
    belong to it.
  * Every other character is a token of its own, with the combining marks on it.
  * Blanks and HTML tags (`<br />`, `<a href="...">`) separate, and are no
    tokens; what stands in angle brackets and is no tag of formatted text stays.
  * Characters that are composed in another way (Unicode NFC) are the same, and
    so are a curly and a straight apostrophe.

  >>> words("Don't miss it!<br />'Amélie' (2001): 8.5 of 10.")
  ... # doctest: +NORMALIZE_WHITESPACE
  ["don't", 'miss', 'it', '!', "'", 'amélie', "'", '(', '2001', ')', ':',
   '8.5', 'of', '10', '.']
  """
  text = _TAGS.sub(' ', text.lower()).replace('’', "'")
  return _pattern().findall(unicodedata.normalize('NFC', text))


def spaced_words(text: str) -> list[str]:
  """The words, digits and marks of a text, which joined are the text again.

  A word is a run of letters with the combining marks on them and apostrophes
  within it; every other character is a token of its own. Case is kept. `BEGIN`
  stands before a token that a blank precedes, and before the first; U+FDD0 for
  that character in the text itself. Blanks that follow each other count as one,
  and characters are composed (NFC).

  >>> spaced_words("It's 10.")
  ["▁It's", '▁1', '0', '.']
  """
  text = unicodedata.normalize('NFC', text).replace(BEGIN, _NO_BLANK)
  marked = ''.join(BEGIN + word for word in text.split())
  return _spaced_pattern().findall(marked)


@dataclasses.dataclass(frozen=True)
class Tokenizer:
  """Splits a text into units, and names each by its id.

  Args:
    unit: 'words' (as `words` splits), 'characters' (as they stand), or
      'subwords' (the pieces of `words` that byte-pair encoding finds).
    vocabulary: of the units.
    merges: of subwords, the pairs that become one, in their order.
    spaced: words and subwords are those of `spaced_words`, so that `join` gives
      the text back.

  >>> tokenizer = fit(['A cat.', 'A dog!'], 'words')
  >>> tokenizer.split('A cat!')
  ['a', 'cat', '!']
  >>> tokenizer.vocabulary.decode(tokenizer.encode('a bird.'))
  ['a', '\ufffd', '.']
  >>> tokenizer = fit(["It's 10."], 'words', spaced=True)
  >>> tokenizer.join(tokenizer.encode("10. It's"))
  "10. It's"
  """

  unit: str
  vocabulary: vocabulary.Vocabulary
  merges: tuple[tuple[str, str], ...] = ()
  spaced: bool = False

  def __post_init__(self):
    if self.unit not in UNITS:
      raise errors.unknown('unit', self.unit, UNITS)
    symbols = set(self.vocabulary.symbols)
    for left, right in self.merges:
      if not {left, right, left + right} <= symbols:
        raise ValueError(
          f'expected symbols for {left!r}, {right!r} and the two in one.'
        )

  def split(self, text: str) -> list[str]:
    """The tokens of a text, those without a symbol included.

    A character that no subword has is a token U+FFFD.
    """
    if self.unit == 'characters':
      return list(text)
    if self.unit == 'words':
      return spaced_words(text) if self.spaced else words(text)
    marked = _marked_words(text, self.spaced)
    return list(itertools.chain.from_iterable(map(self._pieces, marked)))

  def encode(self, text: str) -> np.ndarray:
    """The ids [N] int32 of the N tokens of a text."""
    characters = self.unit == 'characters'
    return self.vocabulary.encode(text if characters else self.split(text))

  def join(self, ids) -> str:
    """The text of ids [N], of characters or where words are spaced."""
    text = ''.join(self.vocabulary.decode(ids))
    if self.unit == 'characters':
      return text
    if not self.spaced:
      raise ValueError('expected a tokenizer whose words are spaced.')
    text = text.replace(BEGIN, ' ').replace(_NO_BLANK, BEGIN)
    return text.removeprefix(' ')

  def save(self, folder: str | os.PathLike) -> None:
    """Writes `vocabulary.json` and `tokenizer.json` into a folder."""
    folder = pathlib.Path(folder)
    record = {'unit': self.unit, 'merges': self.merges, 'spaced': self.spaced}
    self.vocabulary.save(folder / 'vocabulary.json')
    files.atomic_write(folder / 'tokenizer.json', json.dumps(record) + '\n')

  @classmethod
  def load(cls, folder: str | os.PathLike) -> 'Tokenizer':
    """Reads what `save` wrote; UserError where it is missing or damaged."""
    folder = pathlib.Path(folder)
    symbols = vocabulary.Vocabulary.load(folder / 'vocabulary.json').symbols

    def make(record):
      kind = (
        vocabulary.CharacterVocabulary
        if record['unit'] == 'characters'
        else vocabulary.Vocabulary
      )
      merges = tuple(map(tuple, record['merges']))
      spaced = record.get('spaced', False)  # Not in older runs.
      return cls(record['unit'], kind(symbols), merges, spaced)

    return vocabulary.load_json(folder / 'tokenizer.json', make)

  @functools.cached_property
  def _pieces(self):
    """A marked word -> its pieces."""
    bpe = _library().models.BPE(
      vocab={s: i for i, s in enumerate(self.vocabulary.symbols)},
      merges=list(self.merges),
      unk_token=vocabulary.UNKNOWN,
    )

    # A text has few words that differ, and a call costs more than the cutting.
    @functools.cache
    def pieces(word):
      return [piece.value for piece in bpe.tokenize(word)]

    return pieces


def fit(
  texts: Iterable[str],
  unit: str,
  min_count: int = 1,
  max_size: int | None = None,
  spaced: bool = False,
) -> Tokenizer:
  """The tokenizer whose vocabulary is that of `texts`.

  Args:
    texts: of the training part only, as for every vocabulary.
    unit: one of `UNITS`.
    min_count: what occurs less often, a pair of subwords too, has no symbol.
    max_size: V at most, the unknown symbol included. Subwords need it: pairs
      become one until there are so many symbols.
    spaced: as of a `Tokenizer`.

  Raises:
    UserError: nothing occurs that often; the unit is not known; subwords
      without `max_size`, or without the package `tokenizers`.

  Source: Sennrich, Haddow and Birch (2016), byte-pair encoding of words.
  """
  if unit == 'words':
    tokens = map(spaced_words if spaced else words, texts)
    return Tokenizer(
      unit,
      vocabulary.word_vocabulary(tokens, min_count, max_size),
      spaced=spaced,
    )
  if unit == 'characters':
    text = ''.join(texts)
    return Tokenizer(
      unit, vocabulary.character_vocabulary(text, min_count, max_size)
    )
  if unit == 'subwords':
    return _fit_subwords(texts, min_count, max_size, spaced)
  raise errors.unknown('unit', unit, UNITS)


def _fit_subwords(texts, min_count, max_size, spaced):
  if max_size is None:
    raise errors.UserError(
      'expected a largest number of subwords, up to which they are made: '
      '8,000, for example.'
    )
  library = _library()
  lines = [' '.join(_marked_words(text, spaced)) for text in texts]
  letters = vocabulary.character_vocabulary(
    ''.join(lines).replace(' ', ''), min_count, max_size
  ).symbols[1:]
  tokenizer = library.Tokenizer(library.models.BPE())
  tokenizer.pre_tokenizer = library.pre_tokenizers.WhitespaceSplit()
  tokenizer.train_from_iterator(
    lines,
    library.trainers.BpeTrainer(
      vocab_size=max_size,
      min_frequency=min_count,
      special_tokens=[vocabulary.UNKNOWN],
      # These and no others, which the package alone would choose at random
      # among those that are equally frequent.
      initial_alphabet=list(letters),
      limit_alphabet=len(letters),
      show_progress=False,
    ),
  )
  bpe = json.loads(tokenizer.to_str())['model']
  return Tokenizer(
    'subwords',
    vocabulary.Vocabulary(tuple(sorted(bpe['vocab'], key=bpe['vocab'].get))),
    tuple(map(tuple, bpe['merges'])),
    spaced,
  )


def _marked_words(text, spaced):
  # The package takes no half of a surrogate pair, which a terminal may give.
  text = _SURROGATES.sub(vocabulary.UNKNOWN, text)
  return spaced_words(text) if spaced else [BEGIN + x for x in words(text)]


def _library():
  """The package `tokenizers`, which not everybody needs."""
  try:
    import tokenizers
  except ImportError as error:
    raise errors.UserError(
      f'subwords need the package tokenizers ({error}): pip install '
      'tokenizers, or begin with SEQJAX_EXTRAS=text ./launch.sh.'
    ) from error
  return tokenizers


@functools.cache
def _pattern():
  marks = _combining_marks()
  return re.compile(
    rf"\w+(?:(?:{marks}+|'(?=\w)|(?<=\d)[.,](?=\d))\w*)*|\S{marks}*"
  )


@functools.cache
def _spaced_pattern():
  marks, letter = _combining_marks(), r'[^\W\d_]'
  return re.compile(
    rf"{BEGIN}?(?:{letter}(?:{letter}|{marks}|['’](?={letter}))*|\S{marks}*)"
  )


@functools.cache
def _combining_marks():
  """What matches one of them."""
  # `re` has no class of the combining marks, without which the words of Hindi,
  # say, fall to pieces.
  points = np.array(
    [
      point
      for point in range(sys.maxunicode + 1)
      if unicodedata.category(chr(point)).startswith('M')
    ]
  )
  runs = np.split(points, np.flatnonzero(np.diff(points) > 1) + 1)
  return '[' + ''.join(f'{chr(r[0])}-{chr(r[-1])}' for r in runs) + ']'
