"""Translations without a network."""

from collections.abc import Sequence

import numpy as np

# Couples of tokens that are counted at most: a gigabyte's worth.
_MAX_COUPLES = 10**7


def likeliest_words(
  sources: Sequence[np.ndarray], targets: Sequence[np.ndarray], rounds: int = 5
) -> np.ndarray:
  """The token that each token of a source most probably becomes.

    p(t | s) = c(t, s) / sum_t c(t, s)
    c(t, s) = sum over pairs of texts, over each t in the target and s in the
      source, of p(t | s) / sum over s' in the source of p(t | s')

  in so many rounds, from equal probabilities on.

  Args:
    sources: N arrays [n] of ids of at least 0; of very many, a part drawn by
      chance is counted.
    targets: N arrays [n], likewise.
    rounds: of expectation-maximisation; 3 to 10.

  Returns:
    [V] the target's id for each id of a source up to the largest, -1 for an id
    that was not counted.

  Source: Brown et al. (1993), model 1, without its empty word.

  Example:
    >>> sources = [np.array([1, 2]), np.array([1, 3])]
    >>> targets = [np.array([5, 6]), np.array([7, 5])]
    >>> likeliest_words(sources, targets).tolist()
    [-1, 5, 6, 7]
  """
  # Each token of a target beside each token of its source.
  both = _some(sources, targets)
  s = np.concatenate(
    [np.repeat(source, len(target)) for source, target in both]
  )
  t = np.concatenate([np.tile(target, len(source)) for source, target in both])
  ends = np.cumsum([len(target) for _, target in both])
  place = np.concatenate(
    [
      np.tile(np.arange(end - len(target), end), len(source))
      for (source, target), end in zip(both, ends, strict=True)
    ]
  )
  width = int(t.max()) + 1
  codes, pair = np.unique(s.astype(np.int64) * width + t, return_inverse=True)
  source_of, target_of = np.divmod(codes, width)
  p = np.ones(len(codes))
  for _ in range(rounds):
    shares = p[pair] / np.bincount(place, p[pair])[place]
    counts = np.bincount(pair, shares)
    p = counts / np.bincount(source_of, counts)[source_of]
  best = np.full(source_of.max() + 1, -1)
  rising = np.argsort(p, kind='stable')
  best[source_of[rising]] = target_of[rising]
  return best


def _some(sources, targets):
  """The pairs of texts, or as many of them as do not have too many couples."""
  both = list(zip(sources, targets, strict=True))
  couples = np.array([len(source) * len(target) for source, target in both])
  if couples.sum() <= _MAX_COUPLES:
    return both
  order = np.random.RandomState(0).permutation(len(both))
  few = np.searchsorted(np.cumsum(couples[order]), _MAX_COUPLES, side='right')
  return [both[i] for i in order[: max(few, 1)]]


def nearest(
  train: Sequence[Sequence[str]], asked: Sequence[Sequence[str]]
) -> np.ndarray:
  """The most similar of the training texts, for each that is asked for.

  Similar is the cosine between counts of tokens, of which a rare one weighs
  more (tf-idf).

  Args:
    train: N texts as tokens.
    asked: M texts as tokens.

  Returns:
    [M] integers in [0, N).

  Example:
    >>> nearest(['the cat'.split(), 'the dog'.split()], ['a dog'.split()])
    array([1])
  """
  from sklearn import neighbors
  from sklearn.feature_extraction import text

  vectorizer = text.TfidfVectorizer(analyzer=lambda tokens: tokens)
  index = neighbors.NearestNeighbors(n_neighbors=1, metric='cosine')
  index.fit(vectorizer.fit_transform(train))
  found = index.kneighbors(vectorizer.transform(asked), return_distance=False)
  return found[:, 0]
