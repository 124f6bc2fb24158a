"""Questions about stories, wherever they come from, and batches of them."""

import functools
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from seqjax.data import batch, buckets, padding, splits, tokens, vocabulary


class Question(NamedTuple):
  """A question, and the story that it is about."""

  story: tuple[str, ...]  # [S] sentences
  text: str
  answer: str
  supporting: tuple[int, ...]  # the sentences that say it, from 0, ascending
  kind: str  # what is counted apart: the name of a task, say


class Questions(NamedTuple):
  """N questions, and what a run writes down to know them again."""

  questions: tuple[Question, ...]  # [N]
  name: str
  sha256: str  # of the questions in their order, however they are stored


def collect(questions: Iterable[Question], name: str) -> Questions:
  """Puts questions together, with their hash.

  Example:
    >>> went = Question(('mary went out',), 'who went ?', 'mary', (0,), 'qa')
    >>> collect([went], 'short').sha256[:8]
    '0521bd78'
  """
  questions = tuple(questions)
  digest = hashlib.sha256(json.dumps(questions).encode()).hexdigest()
  return Questions(questions, name, digest)


def hold_out(
  whole: Questions, fraction: float, data_seed: int = 0
) -> tuple[Questions, Questions]:
  """Some stories with all their questions to train on, and some to measure on.

  A question belongs to the story of the one before it if that story goes on.
  Stories that are asked about twice in the same words go together, so that none
  is measured on that was learnt from.

  Args:
    whole: at least two stories.
    fraction: of the stories of each kind, as `splits.hold_out`.
    data_seed: another number, other stories.

  Raises:
    UserError: there are too few stories.
  """
  groups = _groups(whole.questions)
  ids = splits.hold_out(
    [group[0].kind for group in groups], fraction, data_seed
  )
  return tuple(
    collect((x for i in part for x in groups[i]), whole.name) for part in ids
  )


def _groups(asked):
  """The questions of each story, with those of stories that are the same."""
  parents, last = {}, None  # story -> one it goes with, or itself

  def first(story):
    while parents[story] != story:
      parents[story] = story = parents[parents[story]]
    return story

  for question in asked:
    story = question.story
    parents.setdefault(story, story)
    if last is not None and story[: len(last)] == last:
      parents[first(story)] = first(last)
    last = story
  groups = {}
  for question in asked:
    groups.setdefault(first(question.story), []).append(question)
  return list(groups.values())


# Most sentences stand in many stories.
@functools.lru_cache(2**16)
def words(text: str) -> tuple[str, ...]:
  """The words of a sentence or a question, in lower case, without marks.

  >>> words("Where is Mary's bag? ")
  ('where', 'is', "mary's", 'bag')
  """
  return tuple(x for x in tokens.words(text) if any(map(str.isalnum, x)))


def texts(asked: Iterable[Question]) -> set[str]:
  """All sentences and questions, each once."""
  return {
    text for question in asked for text in (*question.story, question.text)
  }


class Asked(NamedTuple):
  """Stories, and a question about each: of N, or of a batch."""

  story: Any  # N arrays [S, W] or [S, B, W] int32, the words of each sentence
  question: Any  # [N, W] or [B, W] int32; both: -1 where there is no word
  without_time = ('question',)


def encode(
  asked: Sequence[Question], known: vocabulary.Vocabulary, max_words: int
) -> Asked:
  """The ids of all words, sentence by sentence.

  Args:
    asked: N of them.
    known: of the words; others are 0, the unknown word.
    max_words: at least 1; a longer sentence loses its end. W is the longest
      that there is, or this.

  Example:
    >>> known = vocabulary.word_vocabulary([['mary', 'went']])
    >>> asked = Question(('Mary went.', 'So?'), 'Who?', 'mary', (), '')
    >>> encode([asked], known, max_words=3).story[0]
    array([[ 1,  2],
           [ 0, -1]], dtype=int32)
  """
  different = texts(asked)
  width = min(max_words, max(len(words(text)) for text in different))
  rows = {text: np.full(width, -1, np.int32) for text in different}
  for text, row in rows.items():
    ids = known.encode(words(text)[:width])
    row[: len(ids)] = ids
  return Asked(
    [np.stack([rows[text] for text in question.story]) for question in asked],
    np.stack([rows[question.text] for question in asked]),
  )


def question_batches(
  asked: Asked, targets, plan: buckets.Buckets
) -> Callable[[int], batch.Batch]:
  """Batches of stories, with one answer each.

  Args:
    asked: of `encode`.
    targets: [N] integers.
    plan: made of the lengths of the stories, in sentences.

  Returns:
    index -> Batch, its inputs `Asked`, its mask [S, B] that of sentences; else
    as `padding.sequence_batches`.
  """
  stories = padding.sequence_batches(asked.story, targets, plan)

  def batches(index):
    found, ids = stories(index), plan.rows(index).ids
    question = np.where(ids[:, None] >= 0, asked.question[ids], -1)
    return found._replace(inputs=Asked(found.inputs, question))

  return batches
