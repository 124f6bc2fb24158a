"""The next symbol, from the few before it."""

from typing import NamedTuple

import numpy as np


def ngram_bits_per_char(train_ids, valid_ids, vocab_size, order) -> float:
  """Mean -log2 p of `valid_ids` under a Kneser-Ney n-gram of `train_ids`.

  `valid_ids` is taken to continue `train_ids`, as `data.split` cuts them, so
  its first symbols see the last ones of the training part.

  Args:
    train_ids: [N] integers in [0, V).
    valid_ids: [M] integers in [0, V).
    vocab_size: V.
    order: n, the number of symbols in an n-gram; 1 ignores the context.

  >>> round(ngram_bits_per_char([1, 2, 1, 2, 1, 2, 1], [2, 1], 3, order=2), 3)
  0.497
  """
  model = KneserNey(train_ids, vocab_size, order)
  return _bits_per_char(model, train_ids, valid_ids, order)


def ngram_baselines(
  train_ids, valid_ids, vocab_size, max_order=4
) -> dict[str, float]:
  """`ngram_bits_per_char` of the '1-gram' to `max_order`, counted once.

  Orders beyond `largest_order` are left out.
  """
  max_order = min(max_order, largest_order(vocab_size))
  model = KneserNey(train_ids, vocab_size, max_order)
  return {
    f'{order}-gram': _bits_per_char(model, train_ids, valid_ids, order)
    for order in range(1, max_order + 1)
  }


def largest_order(vocab_size: int) -> int:
  """The longest n-gram of V symbols that one 63-bit number can stand for.

  >>> largest_order(104), largest_order(100_000)
  (9, 3)
  """
  order = 1
  while vocab_size ** (order + 1) < 2**63:
    order += 1
  return order


class KneserNey:
  """Interpolated n-gram with modified Kneser-Ney smoothing.

    p_k(w | h) = (c(h w) - d(c(h w))) / c(h) + e(h) p_{k-1}(w | h')
    c(h) = sum_w c(h w)
    e(h) = sum_w d(c(h w)) / c(h)       what the discounts set free
    p_0(w) = 1 / V

  where h is the k - 1 symbols before w and h' is h without its first. At the
  highest order c counts occurrences; below it, c(h w) is the number of
  different symbols that precede h w: a symbol that only ever follows one
  context says little elsewhere. Where h was never seen, p_k = p_{k-1}. So every
  p is a distribution over the V symbols, and no symbol has probability 0.

  The discounts d(1), d(2), d(3 or more) of each order are estimated from the
  numbers of n-grams that occur once to four times.

  Args:
    train_ids: [N] integers in [0, V), N at least `max_order`.
    vocab_size: V; V ** max_order must fit into 63 bits.
    max_order: the longest n-gram that is counted.

  Source: Chen and Goodman (1999), Computer Speech and Language 13(4), down to
    the uniform distribution. Discounts of 0.5, 1 and 1.5 where the estimate
    does not exist, as in KenLM (Heafield et al., 2013, ACL).

  >>> model = KneserNey([1, 1, 2], vocab_size=3, max_order=1)
  >>> model.probabilities([[0], [1], [2]]).round(4)
  array([0.1667, 0.5   , 0.3333])
  """

  def __init__(self, train_ids, vocab_size, max_order=4):
    ids = _checked(train_ids, vocab_size, 'train_ids')
    if not 1 <= max_order <= len(ids):
      raise ValueError(
        f'expected an order from 1 to the number of training symbols, '
        f'{len(ids)}, got {max_order}.'
      )
    if max_order > largest_order(vocab_size):
      raise ValueError(
        f'{vocab_size} symbols to the power of order {max_order} do not fit '
        'into 63 bits: use a lower order or a smaller vocabulary.'
      )
    self.vocab_size = vocab_size
    self._occurrences = {}
    self._continuations = {}
    for k in range(1, max_order + 1):
      grams, counts = np.unique(
        self._pack(np.lib.stride_tricks.sliding_window_view(ids, k)),
        return_counts=True,
      )
      self._occurrences[k] = _level(grams, counts, vocab_size)
      # Each different k-gram is one symbol that precedes a (k - 1)-gram.
      if k > 1:
        self._continuations[k - 1] = _level(
          *np.unique(grams % vocab_size ** (k - 1), return_counts=True),
          vocab_size,
        )

  def probabilities(self, grams) -> np.ndarray:
    """p(last symbol | the symbols before it) [N] of `grams` [N, n].

    The width n is the order of the model that answers, 1 to `max_order`.
    """
    grams = np.asarray(grams, np.int64)
    order = grams.shape[1]
    p = np.full(len(grams), 1 / self.vocab_size)
    for k in range(1, order + 1):
      level = (self._continuations if k < order else self._occurrences)[k]
      codes = self._pack(grams[:, order - k :])
      contexts = codes // self.vocab_size
      total = _look_up(level.contexts, level.totals, contexts)
      kept = _look_up(level.grams, level.kept, codes)
      freed = _look_up(level.contexts, level.freed, contexts)
      p = np.where(total > 0, (kept + freed * p) / np.maximum(total, 1), p)
    return p

  def _pack(self, grams):
    """Each row of `grams` [N, k] as one number: its digits in base V."""
    return grams @ self.vocab_size ** np.arange(grams.shape[1])[::-1]


class _Level(NamedTuple):
  """The tables of one order, sorted, so that a look-up is a binary search."""

  grams: np.ndarray  # packed h w
  kept: np.ndarray  # c(h w) - d(c(h w))
  contexts: np.ndarray  # packed h
  totals: np.ndarray  # c(h)
  freed: np.ndarray  # sum_w d(c(h w))


def _level(grams, counts, vocab_size):
  discounts = _discounts(counts)[np.minimum(counts, 3)]
  # `grams` is sorted, so those of one context stand side by side.
  contexts, first = np.unique(grams // vocab_size, return_index=True)
  return _Level(
    grams,
    counts - discounts,
    contexts,
    np.add.reduceat(counts, first),
    np.add.reduceat(discounts, first),
  )


def _discounts(counts):
  """d(0), d(1), d(2) and d(3 or more), from the counts of all n-grams."""
  n = np.bincount(np.minimum(counts, 5), minlength=6).astype(float)
  if n[1:5].all():
    y = n[1] / (n[1] + 2 * n[2])
    d = np.array([j - (j + 1) * y * n[j + 1] / n[j] for j in (1, 2, 3)])
    if (d > 0).all():
      return np.append(0, d)
  return np.array([0, 0.5, 1, 1.5])


def _look_up(keys, values, wanted):
  """`values` at `wanted` in the sorted `keys`; 0 where it is not there."""
  at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
  return np.where(keys[at] == wanted, values[at], 0)


def _bits_per_char(model, train_ids, valid_ids, order):
  valid_ids = _checked(valid_ids, model.vocab_size, 'valid_ids')
  tail = np.asarray(train_ids)[len(train_ids) - (order - 1) :]
  grams = np.lib.stride_tricks.sliding_window_view(
    np.concatenate([tail, valid_ids]), order
  )
  return float(-np.log2(model.probabilities(grams)).mean())


def _checked(ids, vocab_size, name):
  ids = np.asarray(ids)
  if ids.ndim != 1 or not ids.size or not np.issubdtype(ids.dtype, np.integer):
    raise ValueError(
      f'expected {name} as a vector of at least one integer, got an array of '
      f'shape {ids.shape} and dtype {ids.dtype}.'
    )
  if ids.min() < 0 or ids.max() >= vocab_size:
    raise ValueError(
      f'expected {name} in [0, {vocab_size}), got {ids.min()} to {ids.max()}.'
    )
  return ids.astype(np.int64)
