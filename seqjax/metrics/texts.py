"""How near texts that a model wrote are to those that people wrote."""

import itertools
import statistics
from collections.abc import Sequence

# BLEU looks for runs of as many words, and is 0 where no text is so long.
LONGEST_RUN = 4


def text_scores(
  written: Sequence[str], references: Sequence[Sequence[str]]
) -> dict[str, float]:
  """BLEU and chrF of a corpus in percent, and the share that is exactly right.

  Args:
    written: N texts as a person would read them, not cut into tokens.
    references: N sequences of texts, each right: one or more.

  Returns:
    bleu and chrf in [0, 100], exact in [0, 1].

  Source: Papineni et al. (2002); Popović (2015); both by sacrebleu of Post
    (2018), whose settings `signatures` names.

  Example:
    >>> scores = text_scores(['We go home now.'], [['We go home.']])
    >>> {name: round(score, 1) for name, score in scores.items()}
    {'bleu': 42.7, 'chrf': 77.9, 'exact': 0.0}
  """
  scores = {
    name: metric.corpus_score(list(written), None).score
    for name, metric in _metrics(references).items()
  }
  pairs = zip(written, references, strict=True)
  return scores | {
    'exact': sum(x in right for x, right in pairs) / len(written)
  }


def judging(references: Sequence[Sequence[str]]) -> str:
  """By which score texts are judged: 'bleu', or 'chrf' where most are short.

  >>> judging([['We go home now.']]), judging([['a cat', 'a red cat']])
  ('bleu', 'chrf')
  """
  lengths = [len(text.split()) for right in references for text in right]
  return 'chrf' if statistics.median(lengths) < LONGEST_RUN else 'bleu'


def signatures(references: Sequence[Sequence[str]]) -> str:
  """The settings of BLEU and chrF, by which others can repeat the numbers.

  >>> signatures([['We go home.']])[:32]
  'bleu nrefs:1|case:mixed|eff:no|t'
  """
  return ', '.join(
    f'{name} {metric.get_signature()}'
    for name, metric in _metrics(references).items()
  )


def _metrics(references):
  """The metrics of sacrebleu by name, which know the references already."""
  from sacrebleu import metrics

  if not all(references):
    raise ValueError('expected at least one reference for each text.')
  # sacrebleu wants the first of each, the second of each, and so on.
  columns = list(itertools.zip_longest(*references))
  return {
    'bleu': metrics.BLEU(references=columns),
    'chrf': metrics.CHRF(references=columns),
  }
