"""Stories and questions in the format of bAbI, and as plain lines.

  1 Mary moved to the bathroom.
  2 John went to the hallway.
  3 Where is Mary?<TAB>bathroom<TAB>1

A story begins where the number is 1. Behind a question stand its answer (of
several words with commas between them: one answer) and the numbers of the lines
that say it. A question is about all sentences before it, and is none of them.
"""

import glob
import os
import pathlib
import re

from seqjax import errors
from seqjax.data import labelled, reading
from seqjax.data.text import questions

_LINE = re.compile(r'([0-9]{1,9}) +(\S.*)')
_MARKS = ('?', '\N{FULLWIDTH QUESTION MARK}')
_PART = re.compile(r'_(train|valid|test)$')


def babi_files(path: str | os.PathLike) -> questions.Questions:
  """Reads one file, or all whose names fit a pattern such as `qa*_train.txt`.

  The kind of a question is the name of its file, without ending and part:
  `qa2_two-supporting-facts`. Blanks around an answer are removed. The numbers
  behind it may be missing. Empty lines mean nothing.

  Args:
    path: UTF-8 text; .gz and .xz are opened.

  Raises:
    UserError: nothing fits the pattern; as `reading.read_text`; a line has no
      number, or one that does not rise; a question has no story or no answer,
      or its answer stands in a line that is no sentence of the story; there is
      no question.

  Source: Weston et al. (2015), arXiv:1502.05698.
  """
  paths = [path]
  if not os.path.exists(path) and glob.has_magic(str(path)):
    paths = labelled.natural_order(glob.glob(str(path)))
    if not paths:
      raise errors.UserError(f'expected files, but none fits {path}.')
  found = [
    question
    for each in paths
    for question in read(reading.read_text(each), each)
  ]
  return questions.collect(found, pathlib.Path(path).name)


def read(
  text: str, path: str | os.PathLike, answered: bool = True
) -> list[questions.Question]:
  """The questions of a text, in their order.

  Args:
    text: in the format of bAbI.
    path: where it comes from, for messages and the kind of its questions.
    answered: False asks for no answers: whatever ends in a question mark is a
      question, and lines need no numbers. Where the first has none, none is
      looked for, a tab is a blank, and an empty line ends a story.

  Raises:
    UserError: see `babi_files`.

  Example:
    >>> lines = 'Mary went out.\\nJohn went in.\\nWhere is Mary?'
    >>> read(lines, 'typed', answered=False)[0].story
    ('Mary went out.', 'John went in.')
  """
  kind = _PART.sub('', pathlib.Path(path).name.split('.')[0])
  text = text.removeprefix('\ufeff')
  numbered = answered or _LINE.match(text.lstrip())
  lines = (_numbered_lines if numbered else _plain_lines)(text, path)
  found, story, places = [], [], {}
  for place, number, said, *rest in lines:
    if number == 1:
      story, places = [], {}
    if not rest and (answered or not said.endswith(_MARKS)):
      places[str(number)] = len(story)
      story.append(said)
      continue
    if not story:
      raise errors.UserError(
        f'{place}: expected a story before the question {said!r}.'
      )
    answer, supporting = _answer(rest, places, place) if answered else ('', ())
    found.append(
      questions.Question(tuple(story), said, answer, supporting, kind)
    )
  if not found:
    how = 'a tab and an answer behind it' if answered else 'a question mark'
    raise errors.UserError(
      f'expected a question, but {path} has none: no line with {how}.'
    )
  return found


def _numbered_lines(text, path):
  """Of each line: its place for a message, its number, and its cells."""
  last = 0
  for i, line in enumerate(text.split('\n'), 1):
    if not line.strip():
      continue
    place = f'{path}, line {i}'
    match = _LINE.fullmatch(line.lstrip())
    if not match:
      raise errors.UserError(
        f'{place}: expected a number, a blank and a sentence, got '
        f'{line[:60]!r}.'
      )
    number = int(match[1])
    if number != 1 and number <= last:
      raise errors.UserError(
        f'{place}: expected a number above {last}, or 1 for a new story, got '
        f'{number}.'
      )
    last = number
    yield place, number, *map(str.strip, match[2].split('\t'))


def _plain_lines(text, path):
  """The same of lines without numbers."""
  number = 0
  for i, line in enumerate(text.split('\n'), 1):
    number = number + 1 if line.strip() else 0
    if number:
      yield f'{path}, line {i}', number, ' '.join(line.split())


def _answer(cells, places, line):
  """The answer, and the places of the sentences that say it."""
  answer, numbers = cells[0], ' '.join(cells[1:]).split()
  if not answer:
    raise errors.UserError(
      f'{line}: expected an answer behind the tab, got none.'
    )
  for number in numbers:
    if number not in places:
      raise errors.UserError(
        f'{line}: the answer is said to stand in line {number} of the story, '
        'which is no sentence before the question.'
      )
  return answer, tuple(sorted({places[number] for number in numbers}))
