"""Sentences with a tag for every word: columns of CoNLL, and CoNLL-U."""

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from seqjax import errors
from seqjax.data import reading

# --tag_column by name -> the place of the cell.
_COLUMNS = {'last': -1, 'upos': 3, 'xpos': 4}
_CONLLU = 10  # columns, which tabs separate
_CONLLU_ID = re.compile(r'1(-[0-9]+)?|0\.1')  # of a sentence's first row
_SPAN_TAG = re.compile(r'O|[BIES]-.+')


class Tagged(NamedTuple):
  """N sentences whose words have a tag each, and how a run knows them again."""

  sentences: tuple[tuple[str, ...], ...]  # [N][T]
  tags: tuple[tuple[str, ...], ...]  # [N][T]
  name: str
  sha256: str  # of words and tags in their order, however they are stored
  notes: tuple[str, ...] = ()  # sentences on what was left out, or is unusual


def collect(
  tagged: Iterable[tuple[tuple[str, ...], tuple[str, ...]]],
  name: str,
  notes: Iterable[str] = (),
) -> Tagged:
  """Puts sentences together, with their hash.

  Args:
    tagged: words and tags of each sentence, as many of the one as of the other.
    name: what a report calls them.
    notes: as in `Tagged`.

  Example:
    >>> collect([(('It', 'works'), ('PRON', 'VERB'))], 'short').sentences
    (('It', 'works'),)
  """
  tagged = tuple(tagged)
  sentences = tuple(tuple(words) for words, _ in tagged)
  tags = tuple(tuple(tags) for _, tags in tagged)
  content = json.dumps([sentences, tags]).encode()
  digest = hashlib.sha256(content).hexdigest()
  return Tagged(sentences, tags, name, digest, tuple(notes))


def take(tagged: Tagged, ids: Iterable[int]) -> Tagged:
  """Some of the sentences, under the same name.

  Example:
    >>> whole = collect([(('Go',), ('VERB',)), (('He',), ('PRON',))], 'short')
    >>> take(whole, [1]).sentences
    (('He',),)
  """
  rows = [(tagged.sentences[i], tagged.tags[i]) for i in ids]
  return collect(rows, tagged.name, tagged.notes)


def are_spans(tags: Iterable[str]) -> bool:
  """Whether tags mark spans, such as names of persons, and not single words.

  They do where there is O, for outside, and every other tag begins with B-, I-,
  E- or S-: the beginning of a span, its inside, its end, or a span of one word.

  Example:
    >>> are_spans(['O', 'B-person', 'I-person']), are_spans(['NOUN', 'VERB'])
    (True, False)
  """
  tags = set(tags)
  return tags > {'O'} and all(map(_SPAN_TAG.fullmatch, tags))


def tagged_file(path: str | os.PathLike, tag_column: str = '') -> Tagged:
  """A file with one word per line and an empty line between sentences.

  It is CoNLL-U if its name ends in .conllu or its first row has ten columns and
  begins with the id of a word; then the word is in the second column, comments
  are left out, and so are, as the format wants it, rows that are no word:
  ranges such as 1-2, which repeat the words below them, and empty nodes such as
  5.1. In any other file the first column is the word, tabs or else blanks
  separate the columns, and rows that begin with -DOCSTART- are left out.

  Args:
    path: UTF-8 text; .gz and .xz are opened.
    tag_column: 'upos' or 'xpos', of CoNLL-U; 'last'; or a number, counted from
      1. If empty, it is 'upos' in CoNLL-U and 'last' elsewhere.

  Raises:
    UserError: as `reading.read_text`; with the line, where one is broken; or
      there is no such column, or no sentence.
  """
  lines = reading.read_text(path).split('\n')
  is_conllu = _is_conllu(path, lines)
  column = _column(path, tag_column, is_conllu)
  read = _conllu_row if is_conllu else _column_row
  skipped = Counter()
  sentences = [[]]  # of (line number, word, tag)
  width = None
  for number, line in enumerate(lines, 1):
    if not line.strip(' \t'):
      if sentences[-1]:
        sentences.append([])
      width = None
      continue
    place = f'{path}, line {number}'
    cells, kind = read(line, len(sentences[-1]), place)
    if kind:
      skipped[kind] += 1
      continue
    width = width or len(cells)
    if len(cells) != width:
      raise errors.UserError(
        f'{place}: expected {width} columns as in the row before it, got '
        f'{len(cells)}: {_shown(line)}.'
      )
    word = cells[1 if is_conllu else 0]
    if not word:
      raise errors.UserError(f'{place}: expected a word, got {_shown(line)}.')
    sentences[-1].append((number, word, _tag(cells, column, is_conllu, place)))
  sentences = [rows for rows in sentences if rows]
  if not sentences:
    raise errors.UserError(
      f'expected words with tags, one per line, but {path} has none.'
    )
  _check_spans(path, sentences)
  return collect(
    (
      (tuple(word for _, word, _ in rows), tuple(tag for _, _, tag in rows))
      for rows in sentences
    ),
    os.path.basename(path),
    _notes(sentences, skipped),
  )


def _is_conllu(path, lines):
  if reading.suffix(path) == '.conllu':
    return True
  rows = (line for line in lines if line.strip() and not line.startswith('# '))
  cells = next(rows, '').split('\t')
  return len(cells) == _CONLLU and bool(_CONLLU_ID.fullmatch(cells[0]))


def _column(path, name, is_conllu):
  """The place of the tag among the cells."""
  name = name or ('upos' if is_conllu else 'last')
  if name.isdecimal() and len(name) < 5 and int(name) > 1:
    return int(name) - 1
  if name not in _COLUMNS:
    raise errors.unknown(
      'tag column', name, [*_COLUMNS, 'a number of at least 2']
    )
  if name != 'last' and not is_conllu:
    raise errors.UserError(
      f'column {name} is one of CoNLL-U, and {path} has plain columns: name '
      "the tag's by its number, counted from 1, or as 'last'."
    )
  return _COLUMNS[name]


def _conllu_row(line, num_words, place):
  """The cells of a row, and what it is if it is no word."""
  if line.startswith('#'):
    return (), 'comments'
  cells = line.split('\t')
  if len(cells) != _CONLLU:
    raise errors.UserError(
      f'{place}: expected the {_CONLLU} columns of CoNLL-U with tabs between '
      f'them, got {len(cells)}: {_shown(line)}.'
    )
  if re.fullmatch('[0-9]+-[0-9]+', cells[0]):
    return cells, 'ranges of words'
  if re.fullmatch(r'[0-9]+\.[0-9]+', cells[0]):
    return cells, 'empty nodes'
  if cells[0] != str(num_words + 1):
    raise errors.UserError(
      f'{place}: expected {num_words + 1} as the id of the next word in its '
      f'sentence, got {cells[0]!r}.'
    )
  return cells, None


def _column_row(line, num_words, place):
  if '\t' in line:
    cells = [cell.strip(' ') for cell in line.split('\t')]
  else:
    # Not str.split(): a word may hold a no-break space.
    cells = re.split(' +', line.strip(' '))
  if cells[0] == '-DOCSTART-':
    return cells, '-DOCSTART- rows'
  if len(cells) < 2:
    raise errors.UserError(
      f'{place}: expected a word and its tag with a tab or blanks between '
      f'them, got {_shown(line)}.'
    )
  return cells, None


def _tag(cells, column, is_conllu, place):
  if column >= len(cells):
    raise errors.UserError(
      f'{place}: expected the tag in column {column + 1}, but the row has '
      f'{len(cells)} columns.'
    )
  tag = cells[column]
  # In CoNLL-U an underscore says that nobody has filled the cell.
  unfilled = is_conllu and tag == '_' and column in (3, 4)
  if not tag or unfilled:
    raise errors.UserError(
      f'{place}: expected a tag, but that cell of {_shown(cells[0])} is empty.'
    )
  return tag


def _check_spans(path, sentences):
  """Refuses a slip among tags of spans: it would pass for tags of words."""
  tags = {tag for rows in sentences for _, _, tag in rows}
  if 'O' not in tags or not any(tag.startswith('B-') for tag in tags):
    return
  for rows in sentences:
    for number, word, tag in rows:
      if not _SPAN_TAG.fullmatch(tag):
        raise errors.UserError(
          f'{path}, line {number}: expected O, B-... or I-..., as other tags '
          f'of this file are, got {tag!r} for the word {word!r}.'
        )


def _notes(sentences, skipped):
  skipped.pop('comments', None)  # They say nothing of a word.
  notes = [f'left out {count:,} {what}' for what, count in skipped.items()]
  if are_spans(tag for rows in sentences for _, _, tag in rows):
    count = sum(
      tag[0] == 'I' and before[2:] != tag[2:]
      for rows in sentences
      for before, tag in _pairs(rows)
    )
    if count:
      notes.append(
        f'{count:,} spans begin with I- instead of B-, and count as spans'
      )
  return notes


def _pairs(rows):
  """Each tag with the one before it."""
  tags = [tag for _, _, tag in rows]
  return zip(['O', *tags], tags, strict=False)


def _shown(text):
  return repr(text if len(text) <= 40 else f'{text[:40]}...')
