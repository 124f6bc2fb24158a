"""Rows held out, with the same share of every class."""

import numpy as np

from seqjax import errors


def hold_out(
  labels, fraction: float, data_seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
  """Some rows to train on, and some to measure on.

  The share held out is `fraction` of each class to within one row, and of all
  rows as near as the following allows: no class is held out whole, so a class
  of one row stays in training.

  Args:
    labels: [N] names or numbers.
    fraction: share to hold out, above 0 and below 1.
    data_seed: another number, other rows.

  Returns:
    The ids of the rows to train on and of those held out, ascending.

  Raises:
    UserError: there are too few rows to hold one out.

  >>> hold_out(['no', 'yes', 'yes', 'no', 'yes', 'rare'], fraction=0.4)
  (array([2, 3, 4, 5]), array([0, 1]))
  """
  if not 0 < fraction < 1:
    raise ValueError(f'expected fraction between 0 and 1, got {fraction}.')
  order, classes = _by_class(labels, data_seed)
  # Evenly spaced among the rows of a class, and over all classes.
  taken = np.diff(np.floor(np.arange(len(order) + 1) * fraction + 0.5)) > 0
  firsts = np.flatnonzero(np.diff(classes, prepend=-1))
  whole = np.logical_and.reduceat(taken, firsts)
  taken[firsts[whole]] = False
  if not taken.any():
    raise errors.UserError(
      f'cannot hold out {fraction:.2%} of {len(order)} rows: a class needs two '
      'rows to have one held out, and the share must come to a whole row. Use '
      'more rows, or a larger share.'
    )
  return np.sort(order[~taken]), np.sort(order[taken])


def fold(
  labels, num_folds: int, k: int, data_seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
  """The rows to train on and to measure on in part k of a cross-validation.

  Each row is measured on in one fold. Each fold has its share of every class,
  and of all rows, to within one row.

  Args:
    labels: [N] names or numbers.
    num_folds: at least 2.
    k: which fold, from 0.
    data_seed: another number, other folds.

  Returns:
    The ids of the rows to train on and of those of the fold, ascending.

  Raises:
    UserError: there are fewer rows than folds.

  >>> fold(['no', 'yes', 'yes', 'no', 'yes', 'yes'], num_folds=2, k=0)
  (array([0, 2, 5]), array([1, 3, 4]))
  """
  if num_folds < 2 or not 0 <= k < num_folds:
    raise ValueError(
      f'expected num_folds of at least 2 and k from 0 to num_folds - 1, got '
      f'num_folds={num_folds} and k={k}.'
    )
  if len(labels) < num_folds:
    raise errors.UserError(
      f'{num_folds} folds need as many rows, got {len(labels)}: use fewer '
      'folds, or more rows.'
    )
  order, _ = _by_class(labels, data_seed)
  taken = np.arange(len(order)) % num_folds == k
  return np.sort(order[~taken]), np.sort(order[taken])


def _by_class(labels, data_seed):
  """The rows, class after class and shuffled in each, and their classes."""
  _, classes = np.unique(np.asarray(labels), return_inverse=True)
  # Not a Generator: NumPy may change what that draws.
  order = np.random.RandomState([data_seed]).permutation(len(classes))
  order = order[np.argsort(classes[order], kind='stable')]
  return order, classes[order]
