"""The label of a sequence, without its order: accuracies to beat."""

import warnings

import numpy as np


def majority(train_targets, test_targets) -> float:
  """The accuracy of the most frequent label.

  Args:
    train_targets: [N] integers from 0.
    test_targets: [M] the same.

  >>> majority([0, 1, 1], [1, 0, 1, 1])
  0.75
  """
  return float(np.mean(np.bincount(train_targets).argmax() == test_targets))


def bag_of_ngrams(train, test, vocab_size: int, order: int = 1) -> float:
  """The accuracy of logistic regression on which n-grams a sequence holds.

  Each sequence is the vector of 1 + log count of its n-grams, times the inverse
  document frequency, of length 1.

  Args:
    train: (sequences, targets): N vectors of ids in [0, V), and [N] integers.
    test: the same of what is scored.
    vocab_size: V; V ** order must fit into 63 bits.
    order: n, the number of symbols in an n-gram; 1 is a bag of words.

  Source: Sparck Jones (1972), Journal of Documentation 28(1), as scikit-learn's
    TfidfTransformer with sublinear_tf.

  >>> sequences, targets = [[1, 2], [2, 1, 1], [3], [3, 3]], [0, 0, 1, 1]
  >>> bag_of_ngrams((sequences, targets), ([[3, 2, 3], [1]], [1, 0]), 4)
  1.0
  """
  from sklearn.feature_extraction import text

  packed = [
    [_packed(ids, vocab_size, order) for ids in part[0]]
    for part in (train, test)
  ]
  grams = np.unique(np.concatenate(packed[0]))
  if not grams.size:  # All are shorter than an n-gram.
    return majority(train[1], test[1])
  known, asked = (_counts(part, grams) for part in packed)
  weigh = text.TfidfTransformer(sublinear_tf=True).fit(known)
  return logistic(
    (weigh.transform(known), train[1]), (weigh.transform(asked), test[1])
  )


def logistic(train, test) -> float:
  """The accuracy of logistic regression.

  Args:
    train: (features [N, F], dense or sparse, targets [N] integers).
    test: the same of what is scored.
  """
  from sklearn import exceptions, linear_model

  model = linear_model.LogisticRegression(C=5.0, max_iter=300)
  with warnings.catch_warnings():
    # Nearly converged is as good, for a number to compare with.
    warnings.simplefilter('ignore', exceptions.ConvergenceWarning)
    model.fit(*train)
  return float(np.mean(model.predict(test[0]) == np.asarray(test[1])))


def _packed(ids, vocab_size, order):
  """The n-grams of a sequence, each as one number: its digits in base V."""
  ids = np.asarray(ids, np.int64)
  if len(ids) < order:
    return ids[:0]
  windows = np.lib.stride_tricks.sliding_window_view(ids, order)
  return windows @ vocab_size ** np.arange(order)[::-1]


def _counts(packed, grams):
  """How often each known n-gram stands in each sequence, sparse [N, G]."""
  from scipy import sparse

  rows = np.repeat(np.arange(len(packed)), [len(x) for x in packed])
  values = np.concatenate(packed)
  columns = np.searchsorted(grams, values)
  known = columns < len(grams)
  known[known] = grams[columns[known]] == values[known]
  entries = np.ones(known.sum()), (rows[known], columns[known])
  return sparse.coo_array(entries, (len(packed), len(grams))).tocsr()
