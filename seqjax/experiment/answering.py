"""What it takes to answer questions: their ids, a reader, its scores."""

import collections
import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple, TextIO

import jax
import numpy as np

from seqjax import data, models
from seqjax.data import labelled
from seqjax.data.text import questions
from seqjax.experiment import batching, fields, inputs, run_directory


@dataclasses.dataclass(frozen=True)
class Config(batching.Config):
  """The settings that it adds to those of sequences."""

  min_count: int = fields.field(
    1,
    'words rarer than this in the training part are read as unknown',
    group='data',
    minimum=1,
  )
  max_length: int = fields.field(
    100,
    'sentences of a story that are read, the last ones; 50 to 200',
    group='data',
    minimum=1,
    maximum=10**6,
  )
  max_words: int = fields.field(
    20,
    'words of a sentence that are read, the first ones; 10 to 50',
    group='data',
    minimum=1,
    maximum=1000,
  )


class Symbols(NamedTuple):
  """What the training part has taught to read and to answer."""

  words: data.Vocabulary
  answers: tuple[str, ...]  # [K]

  @classmethod
  def of(cls, config: Config, train: questions.Questions) -> 'Symbols':
    texts = (
      questions.words(text)
      for question in train.questions
      for text in (*question.story, question.text)
    )
    answers = {question.answer for question in train.questions}
    return cls(
      data.word_vocabulary(texts, config.min_count),
      tuple(labelled.natural_order(answers)),
    )

  def named(self, probabilities: np.ndarray) -> list[str]:
    """The likeliest answers, of probabilities [N, K]."""
    return [self.answers[k] for k in probabilities.argmax(axis=1)]

  def save(self, run: run_directory.RunDirectory) -> None:
    self.words.save(run.path / 'vocabulary.json')
    labelled.save_names(run.path / 'labels.json', self.answers)

  @classmethod
  def load(cls, run: run_directory.RunDirectory) -> 'Symbols':
    return cls(
      data.Vocabulary.load(run.path / 'vocabulary.json'),
      labelled.load_names(run.path / 'labels.json'),
    )


def describe(config: Config, parts: dict[str, questions.Questions]) -> None:
  """Prints what there is to learn from, and what is unusual in it."""
  known = {question.answer for question in parts['train'].questions}
  learnt = {question.story for question in parts['train'].questions}
  for part, whole in parts.items():
    asked = whole.questions
    in_words = [len(questions.words(x)) for x in questions.texts(asked)]
    lengths = [len(x.story) for x in asked]
    said = [
      f'{len(asked):,} questions about {min(lengths)} to {max(lengths)} '
      'sentences'
    ]
    if long := sum(n > config.max_words for n in in_words):
      said.append(
        f'sentences longer than --max_words={config.max_words}, which lose '
        f'their end: {long:,}'
      )
    missed = collections.Counter(
      x.answer for x in asked if x.answer not in known
    )
    if missed:
      said.append(
        'questions whose answer there is nothing to learn from, each a '
        f'mistake: {missed.total():,} ({", ".join(sorted(missed)[:5])})'
      )
    shared = sum(x.story in learnt for x in asked)
    if part != 'train' and shared:
      said.append(f'questions whose story is learnt from as well: {shared:,}')
    print(f'{part}, {whole.name}: {"; ".join(said)}.')


def shortened(
  config: Config,
  asked: Sequence[questions.Question],
  said_to: TextIO | None = None,
) -> list[questions.Question]:
  """The questions with the last `max_length` sentences of their stories."""
  stories = inputs.cut(
    [question.story for question in asked], config.max_length, 'end', said_to
  )
  found = []
  for question, story in zip(asked, stories, strict=True):
    lost = len(question.story) - len(story)
    supporting = tuple(i - lost for i in question.supporting if i >= lost)
    found.append(question._replace(story=story, supporting=supporting))
  return found


def say_unknown(
  symbols: Symbols,
  asked: Sequence[questions.Question],
  where: str,
  said_to: TextIO | None = None,
) -> None:
  """Prints which words have no symbol, where there are any."""
  found = {
    word for text in questions.texts(asked) for word in questions.words(text)
  }
  if unknown := sorted(found - set(symbols.words.symbols)):
    some = ', '.join(unknown[:5])
    print(
      f'{where}: words that are read as unknown: {len(unknown):,} ({some})',
      file=said_to,
    )


def make_batches(
  config: Config, symbols: Symbols, asked: Sequence[questions.Question]
):
  """index -> Batch to learn from, and the plan behind it."""
  places = {answer: k for k, answer in enumerate(symbols.answers)}
  targets = np.array([places[question.answer] for question in asked])
  encoded = questions.encode(asked, symbols.words, config.max_words)
  plan = batching.plan_batches(config, encoded.story, config.data_seed)
  return questions.question_batches(encoded, targets, plan), plan


def make_reader(
  config: Config, model: models.Answerer, symbols: Symbols
) -> Callable:
  """(params, N questions) -> probabilities [N, K], and where each hop looked.

  The second is a list of [hops, S], of None without attention.
  """
  predict = jax.jit(models.classifier.predict(model))

  def read(params, asked):
    encoded = questions.encode(asked, symbols.words, config.max_words)
    plan = batching.plan_batches(config, encoded.story)
    nothing = np.zeros(len(asked), np.int32)
    batches = questions.question_batches(encoded, nothing, plan)
    probabilities = np.zeros((len(asked), len(symbols.answers)), np.float32)
    attention = [None] * len(asked)
    answers = batching.answers(
      lambda batch: predict(params, batch), batches, plan
    )
    for i, row, (found, weights) in answers:
      probabilities[i] = found[row]
      if weights is not None:
        attention[i] = weights[:, row, : len(asked[i].story)]
    return probabilities, attention

  return read


def by_kind(
  asked: Sequence[questions.Question], answers: Sequence[str]
) -> dict[str, float]:
  """The share of right answers: of all, and of each kind where there are two.

  A blank in the name of a kind is as good as an underscore.

  Example:
    >>> asked = questions.Question((), '', 'in', (), 'where')
    >>> by_kind([asked, asked._replace(kind='who')], ['in', 'out'])
    {'accuracy': 0.5, 'accuracy_where': 1.0, 'accuracy_who': 0.0}
  """
  kinds = np.array([question.kind.replace(' ', '_') for question in asked])
  names = dict.fromkeys(kinds.tolist())
  right = np.array(
    [x.answer == answer for x, answer in zip(asked, answers, strict=True)]
  )
  found = {'accuracy': float(right.mean())}
  if len(names) > 1:
    for name in names:
      found[f'accuracy_{name}'] = float(right[kinds == name].mean())
  return found


def measure(
  read: Callable, params, symbols: Symbols, parts, among=('valid', 'test')
) -> dict[str, float]:
  """The scores of the parts that are held out, e.g. 'test/accuracy'.

  Args:
    read: of `make_reader`.
    params: of the model.
    symbols: for the names of answers.
    parts: name -> questions.
    among: names of parts; those that there are not are passed over.
  """
  found = {}
  for part in among:
    if part in parts:
      probabilities, _ = read(params, parts[part])
      answers = symbols.named(probabilities)
      for name, share in by_kind(parts[part], answers).items():
        found[f'{part}/{name}'] = share
  return found
