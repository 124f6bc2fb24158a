"""Answers without understanding: what a reader of stories has to beat."""

import collections
from collections.abc import Sequence

from seqjax.data.text import questions


def answer_baselines(
  train: Sequence[questions.Question], asked: Sequence[questions.Question]
) -> dict[str, list[str]]:
  """What simple rules answer.

    most frequent answer
      which most questions have
    most frequent answer to the same words
      which most questions of the same words have
    answer named last
      of all answers that the story names, the last
    answer named last with it
      the same, of the story up to the sentence that last names the rarest word
      that the question shares with the story, answers aside

  Where a rule finds nothing, the most frequent answer stands in.

  Args:
    train: questions with their answers.
    asked: N questions.

  Returns:
    rule -> the N answers.

  Example:
    >>> asked = questions.Question(('a went in', 'b out'), 'is a', '', (), '')
    >>> train = [asked._replace(answer=x) for x in ('out', 'in', 'in')]
    >>> list(answer_baselines(train, [asked]).values())
    [['in'], ['in'], ['out'], ['in']]
  """
  answers = collections.Counter(question.answer for question in train)
  texts = collections.Counter(question.text for question in train)
  by_text = collections.Counter((x.text, x.answer) for x in train)
  words = collections.Counter()
  for text, count in texts.items():
    words.update(dict.fromkeys(questions.words(text), count))
  common = answers.most_common(1)[0][0]
  # The most frequent comes last, and stays.
  told = {text: answer for (text, answer), _ in reversed(by_text.most_common())}

  def named_last(sentences):
    named = (x for s in reversed(sentences) for x in reversed(s))
    return next((x for x in named if x in answers), common)

  found = collections.defaultdict(list)
  for question in asked:
    story = [questions.words(sentence) for sentence in question.story]
    # word -> the sentence that names it last
    last = {word: i for i, sentence in enumerate(story) for word in sentence}
    sought = set(questions.words(question.text)) & set(last) - set(answers)
    it = min(sorted(sought), key=lambda word: words[word], default=None)
    found['most frequent answer'].append(common)
    found['most frequent answer to the same words'].append(
      told.get(question.text, common)
    )
    found['answer named last'].append(named_last(story))
    found['answer named last with it'].append(
      named_last(story[: last.get(it, -1) + 1])
    )
  return dict(found)
