"""Sentences with their words in order, and the same with their words shuffled.

Real language, and a task that is all about order: each sentence stands once
with either label, so a bag of words is right half of the time.
"""

import re

import numpy as np

from seqjax import errors
from seqjax.data import labelled
from seqjax.data.text import sources

LABELS = ('in order', 'shuffled')
# Shorter ones say too little, longer ones are mostly lists and tables.
_MIN_WORDS, _MAX_WORDS = 6, 40


def word_order(
  text: sources.Text, data_seed: int = 0
) -> tuple[labelled.Labelled, labelled.Labelled, labelled.Labelled]:
  """The parts to train on, to validate and to test on: 80, 10 and 10 %.

  Sentences are lower-cased and lose their marks, which would tell where they
  begin and end. Those that repeat are taken once, and both forms of a sentence
  are in the same part; the parts follow each other in the text.

  Args:
    text: as of `data.python_reference`.
    data_seed: of the shuffling.

  Raises:
    UserError: the text has fewer than 30 sentences.
  """
  # Not a Generator: NumPy may change what that draws.
  rng = np.random.RandomState([data_seed])
  sentences = list(dict.fromkeys(_sentences(text.text)))
  if len(sentences) < 30:
    raise errors.UserError(
      f'expected at least 30 sentences of {_MIN_WORDS} to {_MAX_WORDS} words, '
      f'but {text.name} has {len(sentences)}.'
    )
  first, second = (round(share * len(sentences)) for share in (0.8, 0.9))
  ranges = {
    'train': (0, first),
    'valid': (first, second),
    'test': (second, None),
  }
  parts = []
  for part, (start, end) in ranges.items():
    texts = [
      ' '.join(words)
      for sentence in sentences[start:end]
      for words in (sentence, _shuffled(rng, sentence))
    ]
    name = f'{text.name} {part}'
    places = [f'{name}, text {i}' for i in range(len(texts))]
    labels = LABELS * (len(texts) // 2)
    parts.append(labelled.collect(texts, labels, places, name))
  return tuple(parts)


def _sentences(text):
  """The sentences of a text as tuples of words."""
  for paragraph in re.split(r'\n\s*\n', text):
    for sentence in re.split(r'(?<=[.!?])\s', paragraph):
      words = tuple(re.findall(r"[a-z]+(?:'[a-z]+)?", sentence.lower()))
      if _MIN_WORDS <= len(words) <= _MAX_WORDS and len(set(words)) > 3:
        yield words


def _shuffled(rng, words):
  """The words in another order than theirs."""
  shuffled = words
  while shuffled == words:
    shuffled = tuple(words[i] for i in rng.permutation(len(words)))
  return shuffled
